package sampler

import "math"

// topNSigma keeps the candidates whose logits lie at most n standard deviations below
// the largest (Tang, Liu, Xu et al.: "Top-nσ: not all logits are you need", 2024,
// algorithm 1). Mean and population deviation are those of the unmasked candidates.
// It ignores MinKeep.
type topNSigma struct {
	stateless
	n float64
}

// newTopNSigma returns nil when n is 0 or less.
func newTopNSigma(p Params, _ Vocab) (Stage, error) {
	if p.TopNSigma <= 0 {
		return nil, nil
	}
	return topNSigma{n: p.TopNSigma}, nil
}

// Name implements Stage.
func (topNSigma) Name() string { return "top_n_sigma" }

// Clone implements Stage.
func (s topNSigma) Clone() Stage { return s }

// Apply implements Stage. The deviation is taken around the largest logit: shifting by
// a constant changes it not, and one pass does.
func (s topNSigma) Apply(c *Cand, _ Rand) error {
	m, n, sum, squares := float64(c.top()), 0.0, 0.0, 0.0
	for _, x := range c.Logits {
		if x >= lowFinite {
			d := m - float64(x)
			n++
			sum += d
			squares += d * d
		}
	}
	mean := sum / n
	sigma := math.Sqrt(max(0, squares/n-mean*mean))
	c.filter(ceil32(max(m-s.n*sigma, -math.MaxFloat32)), math.MaxInt32)
	return nil
}
