package sampler

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The sums of long lists must give the entropy of float64 sums, for peaked and flat
// distributions, with masked candidates, dense and after the logits were touched.
func TestSpreadOfLongLists(t *testing.T) {
	for _, peak := range []float32{0, 3, 12, 25} {
		for _, temp := range []float64{0.2, 0.7, 1, 2, 30} {
			for _, masked := range []int{0, 1, 7000} {
				rng := rand.New(rand.NewPCG(uint64(masked), 5))
				row := make([]float32, 70000)
				for i := range row {
					row[i] = float32(rng.NormFloat64() * 2)
				}
				row[40001] = 8 + peak
				for range masked {
					row[rng.IntN(40000)] = negInf
				}
				var c Cand
				require.NoError(t, c.load(row))
				var exact spread
				for _, x := range row {
					if x >= lowFinite {
						exact.add((float64(c.top()) - float64(x)) / temp)
					}
				}
				for range 2 {
					got := c.spread(temp)
					require.InEpsilon(t, exact.z, got.z, 1e-6, "z, peak %v, temperature %v", peak, temp)
					require.InDelta(t, exact.entropy(), got.entropy(), 1e-6*exact.entropy()+1e-12, "entropy, peak %v, temperature %v", peak, temp)
					c.own()
					c.touch()
				}
			}
		}
	}
}

func TestSpreadOfOne(t *testing.T) {
	var c Cand
	require.NoError(t, c.load([]float32{negInf, 3, negInf}))
	a := c.spread(1)
	require.Equal(t, spread{z: 1}, a)
	require.Zero(t, a.entropy())
	require.NoError(t, c.load([]float32{-math.MaxFloat32, math.MaxFloat32}))
	require.Zero(t, c.spread(1e-300).s, "the distance overflows")
}
