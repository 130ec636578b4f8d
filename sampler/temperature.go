package sampler

import "math"

// temperature divides the logits by t > 0.
type temperature struct {
	stateless
	t float64
}

// newTemperature returns nil when t is 1 and fixed; t of 0 or less makes the chain
// greedy and never gets here.
func newTemperature(p Params, _ Vocab) (Stage, error) {
	switch {
	case p.DynatempRange > 0:
		return dynatemp{lo: max(0, p.Temperature-p.DynatempRange), hi: p.Temperature + p.DynatempRange, exponent: p.DynatempExponent}, nil
	case p.Temperature == 1:
		return nil, nil
	}
	return temperature{t: p.Temperature}, nil
}

// Name implements Stage.
func (temperature) Name() string { return "temperature" }

// Clone implements Stage.
func (s temperature) Clone() Stage { return s }

// Apply implements Stage.
func (s temperature) Apply(c *Cand, _ Rand) error {
	c.divide(s.t)
	return nil
}

// divide divides the logits by t > 0. The largest is subtracted first, which leaves
// the distribution as it is and keeps tiny temperatures from overflowing. A sorted
// list stays sorted, unless rounding made ties that are out of order.
func (c *Cand) divide(t float64) {
	if c.long() && !c.Sorted && t >= vectorCold && t <= vectorHot {
		c.divideLong(t)
		return
	}
	c.own()
	m := float64(c.top())
	ordered := c.Sorted
	for i, x := range c.Logits {
		c.Logits[i] = float32((float64(x) - m) / t)
		if ordered && i > 0 && c.Logits[i] == c.Logits[i-1] && c.IDs[i] < c.IDs[i-1] {
			ordered = false
		}
	}
	if !ordered {
		c.touch()
	}
}

// dynatemp is a temperature that grows with the entropy H of the n candidates, from lo
// where one is certain to hi where all are equal:
//
//	t = lo + (hi - lo)·(H / ln n)^exponent
//
// (Zhu et al., "Hot or cold? Adaptive temperature sampling", 2023, has the idea; the
// formula is llama.cpp's.) Masked candidates do not count in n; llama.cpp counts those
// that its list still holds.
type dynatemp struct {
	stateless
	lo, hi, exponent float64
}

// Name implements Stage.
func (dynatemp) Name() string { return "temperature" }

// Clone implements Stage.
func (s dynatemp) Clone() Stage { return s }

// Apply implements Stage. Where t comes out as 0, the best candidate is kept.
func (s dynatemp) Apply(c *Cand, _ Rand) error {
	n := c.count(lowFinite, math.MaxInt)
	if n <= 1 {
		return nil
	}
	a := c.spread(1)
	share := max(0, min(a.entropy()/math.Log(float64(n)), 1))
	t := min(s.lo+(s.hi-s.lo)*math.Pow(share, s.exponent), math.MaxFloat64)
	if t <= 0 {
		c.single(c.bestIndex())
		return nil
	}
	c.divide(t)
	return nil
}

// greedy keeps the best candidate: largest logit, then lowest id. It ends every
// chain of temperature 0.
type greedy struct{ stateless }

// Name implements Stage.
func (greedy) Name() string { return "greedy" }

// Clone implements Stage.
func (s greedy) Clone() Stage { return s }

// Apply implements Stage.
func (greedy) Apply(c *Cand, _ Rand) error {
	c.single(c.bestIndex())
	return nil
}
