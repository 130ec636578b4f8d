package sampler

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Errors that callers branch on. They arrive wrapped, with the place at fault.
var (
	// ErrBadLogits: the row holds NaN or +Inf, or has the wrong length.
	ErrBadLogits = errors.New("bad logits")
	// ErrNoCandidates: every token is masked.
	ErrNoCandidates = errors.New("no candidate token left")
	// ErrToken: a token id outside the vocabulary.
	ErrToken = errors.New("token outside the vocabulary")
)

// Stage transforms the candidates of one position: it may mask (-Inf), scale,
// or drop candidates, but it never drops the last one and never draws from a
// shared stream: randomness comes from r alone. A Stage belongs to one chain and
// is not safe for concurrent use.
type Stage interface {
	// Name is the stage's key in [Stages].
	Name() string
	// Apply works on c in place. It must not keep a reference to c.
	Apply(c *Cand, r Rand) error
	// Accept is called once per committed token, prompt included.
	Accept(tok int32)
	// Reset forgets all accepted tokens.
	Reset()
	// Clone copies the state deeply; the copy and the original go separate ways.
	Clone() Stage
}

// Def says how to build one stage.
type Def struct {
	// New returns nil when the stage does nothing under p. It may trust that p is valid.
	New func(p Params) Stage
	// Greedy marks a stage that also runs at temperature 0, because it can change
	// which token is best.
	Greedy bool
}

// Stages is the registry of stages that [Params.Samplers] may name. A new stage is
// one file and one line here.
var Stages = map[string]Def{
	"penalties":   {New: newPenalties, Greedy: true},
	"top_k":       {New: newTopK},
	"top_p":       {New: newTopP},
	"min_p":       {New: newMinP},
	"temperature": {New: newTemperature},
}

// DefaultOrder returns the order used when [Params.Samplers] is nil, a fresh slice.
func DefaultOrder() []string {
	return []string{"penalties", "top_k", "top_p", "min_p", "temperature"}
}

// checkOrder reports the first unknown or repeated name.
func checkOrder(order []string) error {
	for i, name := range order {
		if _, ok := Stages[name]; !ok {
			known := strings.Join(slices.Sorted(maps.Keys(Stages)), ", ")
			return &ParamError{Param: "samplers", Value: name, Reason: "is not one of " + known}
		}
		if slices.Contains(order[:i], name) {
			return &ParamError{Param: "samplers", Value: name, Reason: "is named twice"}
		}
	}
	return nil
}

// buildStages makes the stages that have an effect under p, in order.
func buildStages(p Params, v Vocab) ([]Stage, error) {
	var out []Stage
	bias, err := newBias(p, v)
	if err != nil {
		return nil, err
	}
	if bias != nil {
		out = append(out, bias)
	}
	order := p.Samplers
	if order == nil {
		order = DefaultOrder()
	}
	greedyOnly := p.Temperature <= 0
	for _, name := range order {
		def := Stages[name]
		if greedyOnly && !def.Greedy {
			continue
		}
		if s := def.New(p); s != nil {
			out = append(out, s)
		}
	}
	if greedyOnly {
		out = append(out, greedy{})
	}
	return out, nil
}

// stateless is embedded by stages that remember nothing.
type stateless struct{}

// Accept does nothing.
func (stateless) Accept(int32) {}

// Reset does nothing.
func (stateless) Reset() {}

// Vocab is what a chain has to know of the model's tokens.
type Vocab struct {
	Size     int     // length of a logit row, at most 1<<24
	End      []int32 // tokens that end a generation; banned by Params.IgnoreEOS
	Suppress []int32 // tokens that the model must never emit
}

// validate checks size and ids.
func (v Vocab) validate() error {
	if v.Size < 1 || v.Size > maxDraws {
		return fmt.Errorf("vocabulary of %d tokens: must be 1 to %d", v.Size, maxDraws)
	}
	for _, ids := range [][]int32{v.End, v.Suppress} {
		for _, id := range ids {
			if err := v.check(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// check reports an id outside the vocabulary.
func (v Vocab) check(id int32) error {
	if id < 0 || int(id) >= v.Size {
		return fmt.Errorf("token %d of %d: %w", id, v.Size, ErrToken)
	}
	return nil
}
