package sampler_test

import (
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
)

// chiSquare returns Σ (observed-expected)²/expected.
func chiSquare(observed []int, p []float64) (x float64) {
	n := 0
	for _, o := range observed {
		n += o
	}
	for i, o := range observed {
		e := p[i] * float64(n)
		x += (float64(o) - e) * (float64(o) - e) / e
	}
	return x
}

// Quantiles of the chi-square distribution at 1-1e-4. The seeds are fixed, so a test
// here fails always or never.
const (
	chi7  = 29.88
	chi63 = 114.7
)

func TestDrawsFollowDistribution(t *testing.T) {
	p8 := []float64{0.30, 0.22, 0.16, 0.12, 0.08, 0.06, 0.04, 0.02}
	for name, topK := range map[string]int{"dense": 0, "sparse": 8} {
		t.Run(name, func(t *testing.T) {
			p := neutral()
			p.TopK = topK
			c, err := sampler.NewChain(p, sampler.Vocab{Size: 8})
			require.NoError(t, err)
			single, pairs := make([]int, 8), make([]int, 64)
			last, row := int32(-1), logs(p8...)
			for pos := range uint32(200_000) {
				tok, err := c.Next(row, pos, nil)
				require.NoError(t, err)
				single[tok]++
				if pos%2 == 1 {
					pairs[8*last+tok]++
				}
				last = tok
			}
			require.Less(t, chiSquare(single, p8), chi7)
			joint := make([]float64, 64)
			for i := range joint {
				joint[i] = p8[i/8] * p8[i%8]
			}
			require.Less(t, chiSquare(pairs, joint), chi63, "neighbouring positions must be independent")

			shifted := append([]float64{0.31, 0.21}, p8[2:]...)
			require.Greater(t, chiSquare(single, shifted), chi7, "the test must see a shift of one percent")
		})
	}
}

// A draw is the inverse of the cumulative distribution at U.
func TestDrawInvertsCumulative(t *testing.T) {
	p := neutral()
	c, err := sampler.NewChain(p, sampler.Vocab{Size: 1000})
	require.NoError(t, err)
	row := make([]float32, 1000) // uniform: token = floor(1000 u)
	for pos := range uint32(2000) {
		u := sampler.NewRand(42, 0, pos).U(sampler.PurposeDist, 0)
		tok, err := c.Next(row, pos, nil)
		require.NoError(t, err)
		require.Equal(t, int32(1000*u), tok, "position %d, u %v", pos, u)
	}
}

// Streams of one seed and seeds of one stream must be independent at equal positions.
func TestStreamsAreIndependent(t *testing.T) {
	row := make([]float32, 8)
	flat := make([]float64, 64)
	for i := range flat {
		flat[i] = 1. / 64
	}
	p := neutral()
	a, err := sampler.NewChain(p, sampler.Vocab{Size: 8})
	require.NoError(t, err)
	p.Seed = sampler.FixedSeed(43)
	b, err := sampler.NewChain(p, sampler.Vocab{Size: 8})
	require.NoError(t, err)
	for name, other := range map[string]*sampler.Chain{"stream": a.Fork(1), "seed": b} {
		pairs := make([]int, 64)
		for pos := range uint32(100_000) {
			x, err := a.Next(row, pos, nil)
			require.NoError(t, err)
			y, err := other.Next(row, pos, nil)
			require.NoError(t, err)
			pairs[8*x+y]++
		}
		require.Less(t, chiSquare(pairs, flat), chi63, name)
	}
}
