package sampler

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// mirostatChain returns a chain of Mirostat alone.
func mirostatChain(t *testing.T, version int, tau, eta float64, size int) *Chain {
	t.Helper()
	p := DefaultParams()
	p.Temperature, p.Mirostat, p.MirostatTau, p.MirostatEta, p.Seed = 1, version, tau, eta, FixedSeed(3)
	c, err := NewChain(p, Vocab{Size: size})
	require.NoError(t, err)
	require.Equal(t, []string{"mirostat"}, c.Stages())
	return c
}

// zipfRow has p(rank) ~ rank^-s.
func zipfRow(n int, s float64) []float32 {
	row := make([]float32, n)
	for i := range row {
		row[i] = float32(-s * math.Log(float64(i+1)))
	}
	return row
}

// On an exact Zipf law the fit is exact, and k is equation 8.
func TestMirostatZipf(t *testing.T) {
	for _, s := range []float64{0.5, 0.9, 1.0000001, 1.5, 3} {
		m := &mirostat{vocab: 50000, mu: 7}
		e := s - 1
		want := math.Pow(e*math.Exp2(7)/(1-math.Pow(50000, -e)), 1/s)
		require.InEpsilon(t, want, m.zipf(zipfRow(mirostatFit, s)), 1e-3, "s %v", s)
	}
	m := &mirostat{vocab: 50000, mu: 7}
	near := m.zipf(zipfRow(mirostatFit, 1))
	require.InEpsilon(t, 128/math.Log(50000), near, 1e-3, "the limit for s = 1")
	require.Equal(t, 1.0, m.zipf([]float32{3}))
	require.Zero(t, m.zipf(make([]float32, 100)), "a flat list: one is kept")
	m.mu = 40
	require.True(t, math.IsInf(m.zipf(make([]float32, 100)), 1), "or all")
}

// A shift by constant leaves alone; a cut at k keeps k.
func TestMirostatKeeps(t *testing.T) {
	row := zipfRow(2000, 1.2)
	var d Dist
	v1 := mirostatChain(t, 1, 3, 0.1, len(row))
	require.NoError(t, v1.Dist(&d, row, 0))
	m := &mirostat{vocab: 2000, mu: 6}
	require.Len(t, d.IDs, int(m.zipf(row[:100])))

	v2 := mirostatChain(t, 2, 3, 0.1, len(row))
	require.NoError(t, v2.Dist(&d, row, 0))
	z, n := 0.0, 0
	for _, x := range row {
		z += math.Exp(float64(x))
	}
	for n < len(row) && -math.Log2(math.Exp(float64(row[n]))/z) <= 6 {
		n++
	}
	require.Len(t, d.IDs, n)
	for _, c := range []*Chain{v1, v2} {
		stage := c.stages[0].(*mirostat)
		for mu, want := range map[float64]int{-100: 1, 1e6: 2000, math.MaxFloat32: 2000, -math.MaxFloat32: 1} {
			stage.mu = mu
			require.NoError(t, c.Dist(&d, row, 0))
			require.Len(t, d.IDs, want, "version %d, mu %v", stage.version, mu)
		}
	}
}

// The mean surprise of the drawn tokens comes near tau: in version 2 on any text, in
// version 1 where Zipf's law holds.
func TestMirostatHoldsSurprise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for version := 1; version <= 2; version++ {
		for _, tau := range []float64{2, 4, 6} {
			c := mirostatChain(t, version, tau, 0.1, 5000)
			sum, n := 0.0, 1500
			for pos := range n {
				row := zipfRow(5000, 0.9+0.3*rng.Float64())
				var d Dist
				tok, err := c.Next(row, uint32(pos), &d)
				require.NoError(t, err)
				sum -= math.Log2(d.Prob(tok))
				require.NoError(t, c.Accept(tok))
			}
			require.InDelta(t, tau, sum/float64(n), 0.15, "version %d", version)
		}
	}
}

// Only sampled tokens move mu, each once, and by their probability in the draw.
func TestMirostatAccept(t *testing.T) {
	row := zipfRow(100, 1)
	c := mirostatChain(t, 2, 2, 0.5, len(row))
	stage := func(c *Chain) *mirostat { return c.stages[0].(*mirostat) }
	require.NoError(t, c.Accept(1))
	require.Equal(t, 4.0, stage(c).mu, "a token of the prompt")
	var d Dist
	tok, err := c.Next(row, 1, &d)
	require.NoError(t, err)
	require.Equal(t, 4.0, stage(c).mu, "Next changes nothing")
	twin, other := c.Clone(), c.Fork(1)
	require.NoError(t, c.Accept(tok))
	want := 4 - 0.5*(-math.Log2(d.Prob(tok))-2)
	require.InDelta(t, want, stage(c).mu, 1e-9)
	require.NoError(t, c.Accept(tok))
	require.InDelta(t, want, stage(c).mu, 1e-9, "forced")
	require.Equal(t, 4.0, stage(twin).mu)
	require.NoError(t, twin.Accept(99), "had no chance")
	require.Equal(t, 4.0, stage(twin).mu)
	reversed := slices.Clone(row)
	slices.Reverse(reversed)
	for i := range reversed {
		reversed[i] = 1.1 * reversed[i]
	}
	_, err = c.Next(reversed, 2, nil) // does not touch what the others remember
	require.NoError(t, err)
	second := d.IDs[0]
	if second == tok {
		second = d.IDs[1]
	}
	require.NoError(t, other.Accept(second))
	require.InDelta(t, 4-0.5*(-math.Log2(d.Prob(second))-2), stage(other).mu, 1e-9, "another token than the one drawn")
	c.Reset()
	require.Equal(t, 4.0, stage(c).mu)
	require.NoError(t, c.Accept(tok), "what was sampled before a reset is forgotten")
	require.Equal(t, 4.0, stage(c).mu)
}

func TestMirostatStaysFinite(t *testing.T) {
	for version := 1; version <= 2; version++ {
		for _, eta := range []float64{1e308, -1e308, 0} {
			for _, tau := range []float64{1e308, -1e308} {
				c := mirostatChain(t, version, tau, eta, 50)
				row := zipfRow(50, 1)
				for pos := range uint32(20) {
					tok, err := c.Next(row, pos, nil)
					require.NoError(t, err)
					require.NoError(t, c.Accept(tok))
					require.False(t, math.IsNaN(c.stages[0].(*mirostat).mu))
				}
			}
		}
	}
}

// An order that names mirostat is kept; else it replaces the others.
func TestMirostatOrder(t *testing.T) {
	p := DefaultParams()
	p.Mirostat, p.PresencePenalty = 2, 1
	for _, tc := range []struct {
		samplers, want []string
		temp           float64
	}{
		{nil, []string{"temperature", "mirostat"}, 0.7},
		{[]string{"top_k", "penalties"}, []string{"temperature", "mirostat"}, 0.7},
		{[]string{"mirostat", "penalties", "top_k"}, []string{"penalties", "top_k", "mirostat"}, 0.7},
		{nil, []string{"greedy"}, 0},
	} {
		p.Samplers, p.Temperature = tc.samplers, tc.temp
		c, err := NewChain(p, Vocab{Size: 4})
		require.NoError(t, err)
		require.Equal(t, tc.want, c.Stages())
	}
}

// The transform, by hand, and the average that moves its target.
func TestAdaptiveP(t *testing.T) {
	probs := []float64{0.5, 0.3, 0.15, 0.05}
	row := make([]float32, 5)
	for i, p := range probs {
		row[i] = float32(math.Log(p))
	}
	row[4] = negInf
	p := DefaultParams()
	p.Temperature, p.TopK, p.TopP, p.MinP, p.AdaptiveTarget, p.AdaptiveDecay = 1, 0, 1, 0, 0.3, 0.5
	c, err := NewChain(p, Vocab{Size: 5})
	require.NoError(t, err)
	require.Equal(t, []string{"adaptive_p"}, c.Stages())
	check := func(c *Chain, a float64) {
		t.Helper()
		var want []float64
		sum := 0.0
		for _, q := range probs {
			z := math.Abs(q-a) / 0.3
			w := math.Exp(5 - 10*z*z/(1+z))
			want, sum = append(want, w), sum+w
		}
		var d Dist
		require.NoError(t, c.Dist(&d, row, 0))
		require.Equal(t, []int32{0, 1, 2, 3}, d.IDs, "masked tokens stay masked")
		for i := range want {
			require.InDelta(t, want[i]/sum, d.P[i], 1e-6)
		}
	}
	check(c, 0.3)
	check(c, 0.3)
	twin := c.Clone()
	require.NoError(t, c.Accept(0))
	sum, weight := 0.5+0.5*0.6, 1+0.5*2.0 // starts at 0.3/0.5 and 1/0.5
	check(c, 0.6-sum/weight)
	require.NoError(t, c.Accept(3))
	sum, weight = 0.05+0.5*sum, 1+0.5*weight
	require.NoError(t, c.Accept(0)) // forced
	check(c, 0.6-sum/weight)
	check(twin, 0.3)
	require.NoError(t, twin.Accept(2))
	check(twin, 0.6-(0.15+0.5*0.6)/2)
	c.Reset()
	check(c, 0.3)
}

func TestAdaptivePBounds(t *testing.T) {
	for _, tc := range []struct {
		target, decay float64
		stages        []string
	}{
		{-1, 0.9, []string{"min_p"}}, {0, 0, []string{"min_p", "adaptive_p"}}, {1, 5, []string{"min_p", "adaptive_p"}}, {1, -5, []string{"min_p", "adaptive_p"}},
	} {
		p := DefaultParams()
		p.AdaptiveTarget, p.AdaptiveDecay, p.Samplers = tc.target, tc.decay, []string{"adaptive_p", "min_p"}
		c, err := NewChain(p, Vocab{Size: 30})
		require.NoError(t, err)
		require.Equal(t, tc.stages, c.Stages(), "it always runs last")
		for pos := range uint32(30) {
			tok, err := c.Next(zipfRow(30, 1), pos, nil)
			require.NoError(t, err)
			require.NoError(t, c.Accept(tok))
		}
	}
}

// The mean probability follows the target, roughly, where a truncation took the tail away.
func TestAdaptivePHoldsTarget(t *testing.T) {
	last := 0.0
	for _, target := range []float64{0.12, 0.16, 0.2, 0.25} {
		p := DefaultParams()
		p.AdaptiveTarget, p.Samplers, p.Seed, p.MinP = target, []string{"min_p", "adaptive_p"}, FixedSeed(2), 0.1
		row := zipfRow(1000, 1.1)
		c, err := NewChain(p, Vocab{Size: len(row)})
		require.NoError(t, err)
		p.AdaptiveTarget = -1
		plain, err := NewChain(p, Vocab{Size: len(row)})
		require.NoError(t, err)
		var d Dist
		require.NoError(t, plain.Dist(&d, row, 0))
		sum, n := 0.0, 3000
		for pos := range n {
			tok, err := c.Next(row, uint32(pos), nil)
			require.NoError(t, err)
			sum += d.Prob(tok)
			require.NoError(t, c.Accept(tok))
		}
		require.InDelta(t, target, sum/float64(n), 0.05)
		require.Greater(t, sum/float64(n), last)
		last = sum / float64(n)
	}
}

func TestHistory(t *testing.T) {
	for _, limit := range []int{-1, 1, 2, 7, math.MaxInt} {
		h := history{limit: limit}
		var all []int32
		for i := range int32(100) {
			h.push(i)
			all = append(all, i)
			want := all
			if limit > 0 {
				want = all[max(0, len(all)-limit):]
			}
			require.Equal(t, want, h.last())
			if i == 50 {
				c := h.clone()
				c.push(-1)
				require.EqualValues(t, -1, c.last()[len(c.last())-1])
				require.True(t, slices.Equal(want, h.last()))
			}
		}
	}
}
