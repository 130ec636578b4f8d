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

// spread sums the unmasked candidates at temperature t > 0. In a long list the terms are
// float32 but around the best candidate, where small ones would drown. The entropy is
// then right within 1e-6 of itself, or 1e-12.
func (c *Cand) spread(t float64) (a spread) {
	m, best := float64(c.top()), c.bestIndex()
	fast := c.long() && t >= vectorCold && t <= vectorHot
	for lo := 0; lo < len(c.Logits); lo += pieceLen {
		piece := c.Logits[lo:min(lo+pieceLen, len(c.Logits))]
		if fast && best/pieceLen != lo/pieceLen {
			down, weight := c.vector().weigh(piece, float32(m), float32(1/t))
			if s := float64(kernels.Dot(weight, down)); s == s { // NaN: one is masked
				a.z += c.vector().sum(weight)
				a.s -= s
				continue
			}
		}
		for _, x := range piece {
			if x >= lowFinite {
				a.add((m - float64(x)) / t)
			}
		}
	}
	return a
}
