package sampler

import (
	"errors"
	"fmt"
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
	// New returns nil when the stage does nothing under p. It may trust that p is
	// valid and that v is.
	New func(p Params, v Vocab) (Stage, error)
	// Letter names the stage in an order string such as "edskypmxt".
	Letter byte
	// Greedy marks a stage that also runs at temperature 0, because it can change
	// which token is best.
	Greedy bool
	// Last marks a stage that runs behind all others, wherever it is named.
	Last bool
}

// Stages is the registry of stages that [Params.Samplers] may name. A new stage is
// one file and one line here. Names and letters are those of llama.cpp; its
// "infill" needs a vocabulary with fill-in-the-middle tokens and is left out.
var Stages = map[string]Def{
	"penalties":   {New: newPenalties, Letter: 'e', Greedy: true},
	"dry":         {New: newDRY, Letter: 'd', Greedy: true},
	"top_n_sigma": {New: newTopNSigma, Letter: 's'},
	"top_k":       {New: newTopK, Letter: 'k'},
	"typ_p":       {New: newTypical, Letter: 'y'},
	"top_p":       {New: newTopP, Letter: 'p'},
	"min_p":       {New: newMinP, Letter: 'm'},
	"xtc":         {New: newXTC, Letter: 'x'},
	"temperature": {New: newTemperature, Letter: 't'},
	"top_h":       {New: newTopH, Letter: 'h'},
	"mirostat":    {New: newMirostat, Letter: 'r', Last: true},
	"adaptive_p":  {New: newAdaptiveP, Letter: 'a', Last: true},
}

// buildStages makes the stages that have an effect under p, in order. p was validated.
func buildStages(p Params, v Vocab) ([]Stage, error) {
	var out []Stage
	bias, err := newBias(p, v)
	if err != nil {
		return nil, err
	}
	if bias != nil {
		out = append(out, bias)
	}
	order, err := p.order()
	if err != nil {
		return nil, err
	}
	greedyOnly := p.Temperature <= 0
	for _, name := range order {
		def := Stages[name]
		if greedyOnly && !def.Greedy {
			continue
		}
		s, err := def.New(p, v)
		if err != nil {
			return nil, err
		}
		if s != nil {
			out = append(out, s)
		}
	}
	if greedyOnly {
		out = append(out, greedy{})
	}
	return fuseTopH(out), nil
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
	// Breakers finds the tokens of DRY's sequence breakers; nil where the texts of
	// the tokens are not known, and then DRY runs without breakers only.
	Breakers *Breakers
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
