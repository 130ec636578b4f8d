package sampler

import "math"

// minP keeps the candidates that are at least p times as likely as the best one
// (Nguyen et al.: "Turning up the heat: min-p sampling for creative and coherent
// LLM outputs", ICLR 2025). The best is always kept.
type minP struct {
	stateless
	logP    float64
	minKeep int
}

// newMinP returns nil when p is 0 or less.
func newMinP(p Params, _ Vocab) (Stage, error) {
	if p.MinP <= 0 {
		return nil, nil
	}
	return minP{logP: math.Log(p.MinP), minKeep: p.MinKeep}, nil
}

// Name implements Stage.
func (minP) Name() string { return "min_p" }

// Clone implements Stage.
func (s minP) Clone() Stage { return s }

// Apply implements Stage. Where the threshold keeps fewer than MinKeep, rank decides.
func (s minP) Apply(c *Cand, _ Rand) error {
	floor := ceil32(max(float64(c.top())+s.logP, -math.MaxFloat32))
	if least := max(1, s.minKeep); c.count(floor, least) < least {
		c.cut(len(c.leaders(least)))
		return nil
	}
	c.filter(floor, math.MaxInt32)
	return nil
}

// ceil32 returns the smallest float32 that is not below x, so that comparing float32
// numbers with it is comparing them with x.
func ceil32(x float64) float32 {
	f := float32(x)
	if float64(f) < x {
		f = math.Nextafter32(f, float32(math.Inf(1)))
	}
	return f
}
