package kvasir

import (
	"errors"
	"fmt"

	"kvasir/kvcache"
	"kvasir/model"
	"kvasir/sampler"
)

// Errors that callers branch on with errors.Is.
var (
	ErrClosed      = errors.New("engine or session is closed")
	ErrBusy        = errors.New("session is in use by another call")
	ErrContextFull = errors.New("context is full")
	// ErrUnsupported: the model file asks for something this engine lacks.
	ErrUnsupported = model.ErrUnsupported
	// ErrBadModel: the model file is damaged or contradicts itself.
	ErrBadModel = model.ErrBadModel
	// ErrPool: the cache limit leaves no room.
	ErrPool = kvcache.ErrPool
	// ErrNoTemplate: the model has no chat template and none fits it.
	ErrNoTemplate = errors.New("no chat template")
	// ErrVocabulary: a draft model has other tokens than the model.
	ErrVocabulary = errors.New("draft of another vocabulary")
	// ErrBadLogits: the model produced a value that is not a number.
	ErrBadLogits = sampler.ErrBadLogits
)

// ContextError says by how much a prompt is too long. errors.Is(err,
// ErrContextFull) holds.
type ContextError struct {
	Have    int // tokens already in the session
	Prompt  int // tokens to be added
	Context int // what the engine was opened with
}

func (e *ContextError) Error() string {
	n := e.Have + e.Prompt
	what := fmt.Sprintf("the prompt has %d tokens", n)
	if e.Have > 0 && e.Prompt > 0 {
		what = fmt.Sprintf("the session has %d tokens and the prompt %d more", e.Have, e.Prompt)
	}
	holds := fmt.Sprintf("the context holds %d", e.Context)
	if n <= e.Context {
		holds += ", which leaves no room for an answer"
	}
	return what + ", " + holds + ": shorten it or open the model with a larger context"
}

// Unwrap makes errors.Is(err, ErrContextFull) hold.
func (e *ContextError) Unwrap() error { return ErrContextFull }
