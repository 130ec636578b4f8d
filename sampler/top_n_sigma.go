package sampler

import (
	"math"

	"kvasir/kernels"
)

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

// Apply implements Stage.
func (s topNSigma) Apply(c *Cand, _ Rand) error {
	n, mean := c.moment(0, 1)
	mean /= n
	_, squares := c.moment(float32(mean), 2)
	floor := float64(c.top()) - s.n*math.Sqrt(squares/n)
	c.filter(ceil32(max(floor, -math.MaxFloat32)), math.MaxInt32)
	return nil
}

// moment returns how many candidates are unmasked, and the sum over them of (l - at)^power,
// power 1 or 2.
func (c *Cand) moment(at float32, power int) (n, sum float64) {
	for lo := 0; lo < len(c.Logits); lo += pieceLen {
		piece := c.Logits[lo:min(lo+pieceLen, len(c.Logits))]
		if c.long() {
			v := c.vector()
			v.subtract(v.down[:len(piece)], piece, at, 1)
			part := v.sum(v.down[:len(piece)])
			if power == 2 {
				part = float64(kernels.SumSquares(v.down[:len(piece)]))
			}
			if !math.IsInf(part, 0) && part == part { // else one is masked
				n, sum = n+float64(len(piece)), sum+part
				continue
			}
		}
		for _, x := range piece {
			if x >= lowFinite {
				n++
				sum += math.Pow(float64(x)-float64(at), float64(power))
			}
		}
	}
	return n, sum
}
