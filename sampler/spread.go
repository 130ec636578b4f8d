package sampler

import (
	"math"

	"kvasir/kernels"
)

// spread is how the probability of a list is spread over its candidates: with m the
// largest logit, t a temperature and d = (m - l)/t,
//
//	z = Σ exp(-d)    and    s = Σ d·exp(-d)
//
// so that p = exp(-d)/z, -ln p = d + ln z, and the entropy is ln z + s/z. The two
// sums of a part of the list tell the entropy of that part when it is renormalised.
type spread struct{ z, s float64 }

// add counts a candidate that lies d below the largest and returns exp(-d).
func (a *spread) add(d float64) float64 {
	w := math.Exp(-d)
	if w > 0 { // else d may be +Inf
		a.z += w
		a.s += w * d
	}
	return w
}

// entropy returns the entropy in nats.
func (a *spread) entropy() float64 { return math.Log(a.z) + a.s/a.z }

const (
	// fastSpread is the least length of a list that is summed with vector arithmetic.
	fastSpread = 4096
	// spreadPiece is how many candidates are summed in float32 before they go to a
	// float64 sum; it is a multiple of blockLen.
	spreadPiece = 4 * blockLen
)

// spread sums the unmasked candidates at temperature t > 0. Lists below 4096 are
// summed in float64; in longer ones the terms are float32 but around the best
// candidate, where small ones would drown. The entropy is then right within 1e-6 of
// itself, or 1e-12.
func (c *Cand) spread(t float64) (a spread) {
	m, best := float64(c.top()), c.bestIndex()
	fast := len(c.Logits) >= fastSpread && t >= 1e-3 && t <= 1e3
	for lo := 0; lo < len(c.Logits); lo += spreadPiece {
		piece := c.Logits[lo:min(lo+spreadPiece, len(c.Logits))]
		if fast && best/spreadPiece != lo/spreadPiece {
			if z, s := c.spreadPiece(piece, float32(m), float32(1/t)); s == s {
				a.z += z
				a.s += s
				continue
			}
		}
		for _, x := range piece { // exact, and for pieces with masked candidates
			if x >= lowFinite {
				a.add((m - float64(x)) / t)
			}
		}
	}
	return a
}

// spreadScratch is the memory of spreadPiece.
type spreadScratch struct {
	ones, shift, down, weight [spreadPiece]float32
	shifted                   float32 // what shift is filled with
}

// spreadPiece sums at most spreadPiece candidates; s is NaN when one is masked.
func (c *Cand) spreadPiece(x []float32, m, scale float32) (z, s float64) {
	b := c.mem.spread
	if b == nil {
		b = new(spreadScratch)
		for i := range b.ones {
			b.ones[i] = 1
		}
		c.mem.spread = b
	}
	if b.shifted != -m {
		for i := range b.shift {
			b.shift[i] = -m
		}
		b.shifted = -m
	}
	down, weight := b.down[:len(x)], b.weight[:len(x)]
	kernels.Add(down, x, b.shift[:])
	kernels.Scale(down, down, scale)
	kernels.Exp(weight, down)
	return float64(kernels.Dot(weight, b.ones[:])), -float64(kernels.Dot(weight, down))
}
