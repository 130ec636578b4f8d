package sampler

import "math"

// topH keeps the most likely candidates as long as the entropy of their renormalised
// distribution stays within the share a of the entropy of all (Potraghloo, Azizi,
// Kundu, Pedram: "Top-H decoding: adapting the creativity and coherence with bounded
// entropy in text generation", NeurIPS 2025, algorithm 1). The best is always kept,
// and MinKeep extends the set by rank.
//
// The published code does something else, here mode ref: of the n best candidates it
// keeps those whose partial sums of -p·ln p, not renormalised, stay within the share a
// of that sum over all n. (It is undefined where one of the n has probability 0.)
//
// All candidates means those left by earlier stages. The paper scales by the
// temperature first, hence the place behind it in the default order.
type topH struct {
	stateless
	a       float64
	ref     int     // mode ref: n; 0 is mode paper
	t       float64 // temperature that is applied behind this stage, see fuseTopH
	minKeep int
}

// The values of Params.TopHMode.
const (
	topHPaper = "paper"
	topHRef   = "ref"
)

// newTopH returns nil when a is 0 or less, and when it is 1 or more, where everything
// is kept.
func newTopH(p Params, _ Vocab) (Stage, error) {
	if p.TopH <= 0 || p.TopH >= 1 {
		return nil, nil
	}
	s := topH{a: p.TopH, t: 1, minKeep: p.MinKeep}
	if p.TopHMode == topHRef {
		s.ref = p.TopHN
	}
	return s, nil
}

// Name implements Stage.
func (topH) Name() string { return "top_h" }

// Clone implements Stage.
func (s topH) Clone() Stage { return s }

// fuseTopH swaps a fixed temperature with a Top-H right behind it. Top-H then judges
// the scaled distribution but cuts the list first, so that the few that are left are
// scaled instead of the vocabulary.
func fuseTopH(stages []Stage) []Stage {
	for i := 1; i < len(stages); i++ {
		scale, first := stages[i-1].(temperature)
		h, then := stages[i].(topH)
		if first && then {
			h.t = scale.t
			stages[i-1], stages[i] = h, scale
		}
	}
	return stages
}

const (
	// topHBlock is how many candidates are sorted at first; topHGrow how many times
	// more when they do not reach the bound.
	topHBlock = 64
	topHGrow  = 8
	// topHSlack lets an entropy that equals the bound but for rounding pass.
	topHSlack = 1 + 1e-12
)

// Apply implements Stage.
func (s topH) Apply(c *Cand, _ Rand) error {
	all := c.spread(s.t)
	if s.ref > 0 {
		leaders := c.leaders(s.ref)
		c.cut(s.keepRef(leaders, math.Log(all.z)))
		return nil
	}
	bound := s.a * all.entropy() * topHSlack
	for n := topHBlock; ; n *= topHGrow {
		leaders := c.leaders(n)
		if kept := s.keepPaper(leaders, bound); kept < len(leaders) || len(leaders) < n {
			c.cut(kept)
			return nil
		}
	}
}

// keepPaper returns how many leaders of sorted candidates are within the bound, all
// when the bound is not reached.
func (s topH) keepPaper(leaders []float32, bound float64) int {
	var part spread
	for i, x := range leaders {
		w := part.add((float64(leaders[0]) - float64(x)) / s.t)
		if i > 0 && i >= s.minKeep && (w == 0 || part.entropy() > bound) {
			return i
		}
	}
	return len(leaders)
}

// keepRef is keepPaper by the rule of the published code: the bound is a share of the
// whole of leaders.
func (s topH) keepRef(leaders []float32, lnZ float64) int {
	term := func(x float32) float64 { // -p·ln p, but for the factor 1/z
		d := min((float64(leaders[0])-float64(x))/s.t, math.MaxFloat64)
		return math.Exp(-d) * (d + lnZ)
	}
	bound, run := 0.0, 0.0
	for _, x := range leaders {
		bound += term(x)
	}
	bound *= s.a * topHSlack
	for i, x := range leaders {
		h := term(x)
		if run += h; i > 0 && i >= s.minKeep && (h == 0 || run > bound) {
			return i
		}
	}
	return len(leaders)
}
