package speculate

import "kvasir/sampler"

// NoReplace tries tokens that were drawn from q without replacement: with R = p and
// D = q, trial x is accepted with probability min(1, R(x)/D(x)); on rejection
//
//	R = norm(max(R-D, 0));  D(x) = 0, D = norm(D)
//
// and when all are rejected the token is drawn from R (Jeon et al., "Recursive
// speculative decoding", 2024; Chen et al., "Sequoia", 2024). With one trial it is
// the ratio rule of Leviathan, Kalman and Matias ("Fast inference from transformers
// via speculative decoding", 2023): min(1, p/q), then norm(max(p-q, 0)).
type NoReplace struct {
	d []float64 // D at the entries of p
}

// Choose implements Rule.
func (r *NoReplace) Choose(p, q *sampler.Dist, tried []int32, c Chance) (int32, bool) {
	if q == nil {
		return guessed(p, tried, c)
	}
	r.d = r.d[:0]
	each(p, q, func(_ int, qx float64) { r.d = append(r.d, qx) })
	mass := 1.0 // of p, of which p.P is the share that is left
	rest := 1.0 // of q that is not tried yet
	for i, x := range tried {
		k, qx := index(p, x), q.Prob(x)
		rest = max(rest, qx)
		if k >= 0 && c.Coin(i, p.P[k]/mass*rest/qx) {
			return x, true
		}
		mass = subtract(p, r.d, mass/rest)
		rest -= qx
		if k >= 0 {
			r.d[k] = 0
		}
	}
	return c.Draw(0, p), false
}

// subtract replaces p by max(p - scale·d, 0) and returns its sum. Where rounding
// leaves nothing, p stays.
func subtract(p *sampler.Dist, d []float64, scale float64) float64 {
	sum, old := 0.0, 0.0
	for i, x := range p.P {
		old += x
		sum += max(x-scale*d[i], 0)
	}
	if sum <= 0 {
		return old
	}
	for i := range p.P {
		p.P[i] = max(p.P[i]-scale*d[i], 0)
	}
	return sum
}
