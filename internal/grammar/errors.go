package grammar

import (
	"errors"
	"fmt"
)

// Errors that callers branch on. They arrive wrapped, with the place at fault.
var (
	// ErrSyntax: a grammar, expression or schema that cannot be read.
	ErrSyntax = errors.New("syntax error")
	// ErrImpossible: no text at all satisfies it.
	ErrImpossible = errors.New("no text can satisfy it")
	// ErrUnsupported: a feature outside of what is supported; see [UnsupportedError].
	ErrUnsupported = errors.New("not supported")
	// ErrTooComplex: a limit on size, nesting or ambiguity is exceeded.
	ErrTooComplex = errors.New("too complex")
)

// UnsupportedError names what of a schema or expression is not supported.
// errors.Is(err, ErrUnsupported) holds.
type UnsupportedError struct {
	Keyword string // such as "uniqueItems"
	Path    string // where, as a JSON pointer from the root: "#/properties/a"
	Reason  string // "" = in no form
}

func (e *UnsupportedError) Error() string {
	what := fmt.Sprintf("%q", e.Keyword)
	if e.Path != "" {
		what += " at " + e.Path
	}
	if e.Reason != "" {
		return what + " is not supported: " + e.Reason
	}
	return what + " is not supported"
}

// Unwrap makes errors.Is(err, ErrUnsupported) hold.
func (e *UnsupportedError) Unwrap() error { return ErrUnsupported }
