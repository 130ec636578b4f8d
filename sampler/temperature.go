package sampler

// temperature divides the logits by t > 0.
type temperature struct {
	stateless
	t float64
}

// newTemperature returns nil when t is 1; t of 0 or less makes the chain greedy
// and never gets here.
func newTemperature(p Params) Stage {
	if p.Temperature == 1 {
		return nil
	}
	return temperature{t: p.Temperature}
}

// Name implements Stage.
func (temperature) Name() string { return "temperature" }

// Clone implements Stage.
func (s temperature) Clone() Stage { return s }

// Apply implements Stage. The largest logit is subtracted first, which leaves the
// distribution as it is and keeps tiny temperatures from overflowing. A sorted list
// stays sorted, unless rounding made ties that are out of order.
func (s temperature) Apply(c *Cand, _ Rand) error {
	c.own()
	m := float64(c.top())
	ordered := c.Sorted
	for i, x := range c.Logits {
		c.Logits[i] = float32((float64(x) - m) / s.t)
		if ordered && i > 0 && c.Logits[i] == c.Logits[i-1] && c.IDs[i] < c.IDs[i-1] {
			ordered = false
		}
	}
	if !ordered {
		c.touch()
	}
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
