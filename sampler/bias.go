package sampler

import (
	"fmt"
	"maps"
	"slices"
)

// bias adds a constant to single logits; -Inf bans a token. It is always the first
// stage, and holds the user's logit_bias, the model's suppressed tokens and, with
// ignore_eos, the end tokens.
type bias struct {
	stateless
	ids   []int32
	add   []float32
	masks bool // some add is -Inf
}

// newBias returns nil when there is nothing to add.
func newBias(p Params, v Vocab) (Stage, error) {
	all := maps.Clone(p.LogitBias)
	if all == nil {
		all = map[int32]float32{}
	}
	banned := v.Suppress
	if p.IgnoreEOS {
		banned = slices.Concat(v.Suppress, v.End)
	}
	for _, id := range banned {
		all[id] = negInf
	}
	if len(all) == 0 {
		return nil, nil
	}
	s := &bias{}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if err := v.check(id); err != nil {
			return nil, fmt.Errorf("logit_bias: %w", err)
		}
		s.ids, s.add = append(s.ids, id), append(s.add, all[id])
		s.masks = s.masks || all[id] == negInf
	}
	return s, nil
}

// Name implements Stage.
func (*bias) Name() string { return "logit_bias" }

// Clone implements Stage; a bias never changes and may be shared.
func (s *bias) Clone() Stage { return s }

// Apply implements Stage; c is dense, since bias comes first.
func (s *bias) Apply(c *Cand, _ Rand) error {
	c.own()
	for i, id := range s.ids {
		c.set(id, finite(float64(c.Logits[id])+float64(s.add[i])))
	}
	if s.masks && c.top() == negInf {
		return ErrNoCandidates
	}
	return nil
}
