package speculate

import "kvasir/sampler"

// KSeq is the k-sequential selection of SpecTr (Sun et al., "SpecTr: fast
// speculative decoding via optimal transport", 2023) for trials that were drawn
// independently from q. With β(ρ) = Σ min(q, p/ρ) and P = 1-(1-β)^k, it accepts
// trial x with probability min(1, p(x)/(ρ·q(x))), and when all k are rejected draws
// from
//
//	(p - min(q, p/ρ)·P/β) / (1-P)
//
// Any ρ in [ρ*, k] keeps the output distributed as p, where ρ* solves P = ρ·β; ρ*
// accepts most. One trial has ρ* = 1, the ratio rule.
type KSeq struct {
	q []float64 // q at the entries of p
}

// bisections narrow ρ* down to 2^-50 of its range.
const bisections = 50

// Choose implements Rule.
func (r *KSeq) Choose(p, q *sampler.Dist, tried []int32, c Chance) (int32, bool) {
	if q == nil {
		return guessed(p, tried, c)
	}
	r.q = r.q[:0]
	each(p, q, func(_ int, qx float64) { r.q = append(r.q, qx) })
	rho := r.solve(p, len(tried))
	for i, x := range tried {
		k := index(p, x)
		prob := 0.0
		if k >= 0 {
			prob = p.P[k] / (rho * r.q[k])
		}
		if c.Coin(i, prob) {
			return x, true
		}
	}
	beta := r.beta(p, rho)
	if beta == 0 {
		return c.Draw(0, p), false
	}
	scale, sum := accepts(beta, len(tried))/beta, 0.0
	for i, px := range p.P {
		sum += max(px-min(r.q[i], px/rho)*scale, 0)
	}
	if sum > 0 { // else rounding: all trials are accepted but for a chance of 0
		for i, px := range p.P {
			p.P[i] = max(px-min(r.q[i], px/rho)*scale, 0)
		}
	}
	return c.Draw(0, p), false
}

// solve returns ρ* for k trials, from above.
func (r *KSeq) solve(p *sampler.Dist, k int) float64 {
	lo, hi := 1.0, float64(k)
	if k == 1 {
		return 1
	}
	for range bisections {
		mid := (lo + hi) / 2
		if b := r.beta(p, mid); accepts(b, k) > mid*b {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// beta is the probability that one trial is accepted.
func (r *KSeq) beta(p *sampler.Dist, rho float64) float64 {
	sum := 0.0
	for i, px := range p.P {
		sum += min(r.q[i], px/rho)
	}
	return sum
}

// accepts is the probability that one of k trials is accepted.
func accepts(beta float64, k int) float64 {
	rest := 1.0
	for range k {
		rest *= 1 - beta
	}
	return 1 - rest
}
