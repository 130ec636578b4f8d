package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// What callers may want to tell apart. Every error of this package that has one
// of these causes wraps it.
var (
	ErrBadRef       = errors.New("not a model reference")
	ErrUnknownModel = errors.New("unknown model")
	ErrNotStored    = errors.New("not in the model store")
	ErrChecksum     = errors.New("checksum or size mismatch")
	ErrNotFound     = errors.New("not found")
	ErrAccess       = errors.New("access denied")
	ErrRateLimited  = errors.New("rate limited")
	ErrOffline      = errors.New("network use is switched off")
	ErrAmbiguous    = errors.New("ambiguous model file")
	ErrDiskFull     = errors.New("disk full")
	ErrNotWritable  = errors.New("not writable")
)

// Attempt is one source that was tried for a model and why it did not serve.
type Attempt struct {
	Source string
	Err    error
}

// NoSourceError says that none of a model's sources could deliver it.
// errors.Is and errors.As look into every attempt.
type NoSourceError struct {
	Model    string
	Attempts []Attempt
}

// Error lists each source with its reason, one a line, and names the way out.
func (e *NoSourceError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "model %s: no source could deliver it", e.Model)
	for _, a := range e.Attempts {
		fmt.Fprintf(&b, "\n  %s: %v", a.Source, a.Err)
	}
	b.WriteString("\nA model file that you already have needs no download: -m FILE.gguf")
	return b.String()
}

// Unwrap returns the reason of every attempt.
func (e *NoSourceError) Unwrap() []error {
	errs := make([]error, len(e.Attempts))
	for i, a := range e.Attempts {
		errs[i] = a.Err
	}
	return errs
}

// localError marks a fault of this machine's disk: trying another source would
// meet it again.
type localError struct {
	path string
	kind error // ErrDiskFull, ErrNotWritable or nil
	err  error
}

func (e *localError) Error() string {
	switch {
	case errors.Is(e.kind, ErrDiskFull):
		return fmt.Sprintf("%s: disk full: free some space, or set KVASIR_HOME to a folder on another disk (%v)", e.path, e.err)
	case errors.Is(e.kind, ErrNotWritable):
		return fmt.Sprintf("%s: not writable: set KVASIR_HOME to a folder that you may write to (%v)", e.path, e.err)
	}
	return fmt.Sprintf("%s: %v", e.path, e.err)
}

func (e *localError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.err}
	}
	return []error{e.kind, e.err}
}

// onDisk wraps an error of creating, writing or renaming path. nil stays nil.
func onDisk(path string, err error) error {
	if err == nil {
		return nil
	}
	e := &localError{path: path, err: bare(err)}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, errQuota), errors.Is(err, errDiskFullOS):
		e.kind = ErrDiskFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		e.kind = ErrNotWritable
	}
	return e
}

// bare strips the path that os errors repeat, keeping the cause.
func bare(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// isLocal reports whether err is this machine's fault rather than a source's.
func isLocal(err error) bool {
	var le *localError
	return errors.As(err, &le)
}
