package jinja

import (
	"errors"
	"fmt"
)

// Sentinels that an [Error] may wrap.
var (
	// ErrSyntax marks a template that does not parse.
	ErrSyntax = errors.New("template syntax error")
	// ErrUnsupported marks a template that uses a statement left out on purpose.
	ErrUnsupported = errors.New("unsupported template statement")
	// ErrLimit marks a render or parse that ran into one of the [Limits].
	ErrLimit = errors.New("template limit exceeded")
	// ErrRaised marks a render that the template itself ended through
	// raise_exception; the message is the template's.
	ErrRaised = errors.New("raised by the template")
	// ErrUndefined marks the use of an undefined value where a value is needed.
	ErrUndefined = errors.New("undefined value")
)

// Error is what Parse and Render return: the line in the template (from 1),
// the construct at fault, and the cause.
type Error struct {
	Line      int
	Construct string // such as `filter "tojson"` or "for loop"; may be empty
	Err       error
}

func (e *Error) Error() string {
	if e.Construct == "" {
		return fmt.Sprintf("line %d: %v", e.Line, e.Err)
	}
	return fmt.Sprintf("line %d: %s: %v", e.Line, e.Construct, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// locate gives err a place in the template unless it has one already.
func locate(err error, line int, construct string) error {
	var at *Error
	if err == nil || errors.As(err, &at) {
		return err
	}
	return &Error{Line: line, Construct: construct, Err: err}
}

// Limits bounds one parse or render. The zero value of a field means its
// default, given behind it.
type Limits struct {
	Steps       int   // nodes evaluated plus work inside filters: 5,000,000
	OutputBytes int   // length of the output and of any single string: 16 MiB
	MemoryBytes int64 // sum of all allocations of a render: 256 MiB
	CallDepth   int   // nested macro calls and recursive loops: 200
	RangeItems  int   // length of a range: 100,000
}

// Fixed bounds that protect the Go stack and the parser.
const (
	maxSource    = 256 << 10 // bytes of template text
	maxParseNest = 200       // nesting of statements and expressions
	maxEvalNest  = 10_000    // nesting of evaluation, over all macro calls
	maxDataNest  = 200       // nesting of lists and dicts in one operation
)

func (l Limits) withDefaults() Limits {
	if l.Steps <= 0 {
		l.Steps = 5_000_000
	}
	if l.OutputBytes <= 0 {
		l.OutputBytes = 16 << 20
	}
	if l.MemoryBytes <= 0 {
		l.MemoryBytes = 256 << 20
	}
	if l.CallDepth <= 0 {
		l.CallDepth = 200
	}
	if l.RangeItems <= 0 {
		l.RangeItems = 100_000
	}
	return l
}

func limitf(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrLimit, fmt.Sprintf(format, a...))
}
