package sampler

import "math"

// xtc ("exclude top choices", p-e-w, 2024) drops, with the given chance, all but the
// least likely of the candidates whose probability reaches the threshold: a likely
// continuation stays, the likeliest ones go. It does nothing where fewer than MinKeep
// candidates would remain.
type xtc struct {
	stateless
	chance, threshold float64
	minKeep           int
}

// newXTC returns nil when the chance is 0 or less, and when the threshold is above 0.5,
// where no two candidates can reach it.
func newXTC(p Params, _ Vocab) (Stage, error) {
	if p.XTCProbability <= 0 || p.XTCThreshold > 0.5 {
		return nil, nil
	}
	return xtc{chance: p.XTCProbability, threshold: p.XTCThreshold, minKeep: p.MinKeep}, nil
}

// Name implements Stage.
func (xtc) Name() string { return "xtc" }

// Clone implements Stage.
func (s xtc) Clone() Stage { return s }

// Apply implements Stage.
func (s xtc) Apply(c *Cand, r Rand) error {
	if r.U(PurposeXTC, 0) > s.chance {
		return nil
	}
	floor := lowFinite // a threshold of 0 or less is reached by all
	if s.threshold > 0 {
		a := c.spread(1)
		floor = ceil32(max(float64(c.top())+math.Log(s.threshold*a.z), -math.MaxFloat32))
	}
	strong, weakest := 0, uint64(0)
	for lo, hi := c.span(0, floor); lo < hi; lo, hi = c.span(hi, floor) {
		for i := lo; i < hi; i++ {
			if x := c.Logits[i]; x >= floor {
				strong++
				weakest = max(weakest, makeKey(x, c.id(i)))
			}
		}
	}
	left := func() int { return c.count(lowFinite, math.MaxInt) - (strong - 1) }
	if strong > 1 && (s.minKeep <= 1 || left() >= s.minKeep) {
		c.dropAbove(weakest)
	}
	return nil
}

// dropAbove drops the candidates that rank before the key of one of them. A dense list
// is masked, which touches only what is dropped.
func (c *Cand) dropAbove(key uint64) {
	floor, _ := splitKey(key)
	if c.IDs != nil {
		c.keep(func(i int) bool { return makeKey(c.Logits[i], c.IDs[i]) >= key })
		return
	}
	c.own()
	for lo, hi := c.span(0, floor); lo < hi; lo, hi = c.span(hi, floor) {
		for i := lo; i < hi; i++ {
			if x := c.Logits[i]; x >= floor && makeKey(x, int32(i)) < key {
				c.set(int32(i), negInf)
			}
		}
	}
}
