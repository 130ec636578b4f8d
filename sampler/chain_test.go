package sampler_test

import (
	"math"
	"slices"
	"sync"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
)

func TestBadLogits(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tc := range []struct {
		name string
		row  []float32
		want error
		text string
	}{
		{"NaN", []float32{1, 2, nan, 4, nan}, sampler.ErrBadLogits, "token 2 is NaN"},
		{"NaN first", []float32{nan, 2, 3, 4, 5}, sampler.ErrBadLogits, "token 0 is NaN"},
		{"+Inf", []float32{1, 2, 3, inf, nan}, sampler.ErrBadLogits, "token 3 is +Inf"},
		{"short", []float32{1, 2}, sampler.ErrBadLogits, "2 logits for a vocabulary of 5"},
		{"masked", []float32{-inf, -inf, -inf, -inf, -inf}, sampler.ErrNoCandidates, "position 17"},
	} {
		for name, p := range presets() {
			t.Run(tc.name+"/"+name, func(t *testing.T) {
				c, err := sampler.NewChain(p, sampler.Vocab{Size: 5})
				require.NoError(t, err)
				_, err = c.Next(tc.row, 17, nil)
				require.ErrorIs(t, err, tc.want)
				require.ErrorContains(t, err, tc.text)
				require.ErrorIs(t, c.Dist(new(sampler.Dist), tc.row, 17), tc.want)
				tok, err := c.Next([]float32{0, 0, 9, 0, 0}, 17, nil)
				require.NoError(t, err, "an error must not spoil the chain")
				require.Less(t, tok, int32(5))
			})
		}
	}
}

func TestBiasMasksEverything(t *testing.T) {
	p := sampler.DefaultParams()
	p.LogitBias = map[int32]float32{0: float32(math.Inf(-1)), 1: float32(math.Inf(-1))}
	c, err := sampler.NewChain(p, sampler.Vocab{Size: 2})
	require.NoError(t, err)
	_, err = c.Next([]float32{1, 2}, 3, nil)
	require.ErrorIs(t, err, sampler.ErrNoCandidates)
	require.ErrorContains(t, err, "logit_bias")
}

func TestAcceptOutside(t *testing.T) {
	c, err := sampler.NewChain(sampler.Params{}, sampler.Vocab{Size: 2})
	require.NoError(t, err)
	require.ErrorIs(t, c.Accept(2), sampler.ErrToken)
	require.ErrorIs(t, c.Accept(-1), sampler.ErrToken)
	require.NoError(t, c.Accept(1))
}

// The stages run in the order that was asked for, greedy ones only where they can matter.
func TestStageOrder(t *testing.T) {
	p := sampler.DefaultParams()
	p.PresencePenalty = 1
	p.LogitBias = map[int32]float32{1: 1}
	for _, tc := range []struct {
		name     string
		temp     float64
		samplers []string
		want     []string
	}{
		{"default", 0.8, nil, []string{"logit_bias", "penalties", "top_k", "top_p", "min_p", "temperature"}},
		{"own order", 0.8, []string{"temperature", "top_p", "top_k"}, []string{"logit_bias", "temperature", "top_p", "top_k"}},
		{"greedy", 0, nil, []string{"logit_bias", "penalties", "greedy"}},
		{"greedy without temperature stage", 0, []string{"top_k"}, []string{"logit_bias", "greedy"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p.Temperature, p.Samplers = tc.temp, tc.samplers
			c, err := sampler.NewChain(p, sampler.Vocab{Size: 4})
			require.NoError(t, err)
			require.Equal(t, tc.want, c.Stages())
		})
	}
}

// Next is a pure function of logits, position and accepted tokens.
func TestNextChangesNothing(t *testing.T) {
	row := logitRow(5000, 3)
	for name, p := range presets() {
		t.Run(name, func(t *testing.T) {
			p.Seed = sampler.FixedSeed(5)
			c, err := sampler.NewChain(p, sampler.Vocab{Size: len(row)})
			require.NoError(t, err)
			other := c.Clone()
			before := slices.Clone(row)
			var want, dist sampler.Dist
			for pos := range uint32(40) {
				a, err := c.Next(row, pos, &want)
				require.NoError(t, err)
				_, err = c.Next(row, pos+1000, nil)
				require.NoError(t, err)
				b, err := c.Next(row, pos, nil)
				require.NoError(t, err)
				require.Equal(t, a, b)
				require.NoError(t, other.Dist(&dist, row, pos))
				require.Equal(t, want.IDs, dist.IDs)
				require.Equal(t, want.P, dist.P)
				require.Positive(t, dist.Prob(a))
				require.NoError(t, c.Accept(a))
				require.NoError(t, other.Accept(a))
			}
			require.Equal(t, before, row, "logits are only read")
		})
	}
}

func TestCloneForkReset(t *testing.T) {
	p := neutral()
	p.PresencePenalty = 50
	c, err := sampler.NewChain(p, sampler.Vocab{Size: 4})
	require.NoError(t, err)
	row := []float32{0, 0, 0, 0}
	probs := func(c *sampler.Chain) []int32 {
		var d sampler.Dist
		require.NoError(t, c.Dist(&d, row, 0))
		ids := slices.Clone(d.IDs)
		return slices.DeleteFunc(ids, func(id int32) bool { return d.Prob(id) < 0.01 })
	}
	require.NoError(t, c.Accept(0))
	twin := c.Clone()
	require.NoError(t, c.Accept(1))
	require.Equal(t, []int32{2, 3}, probs(c))
	require.Equal(t, []int32{1, 2, 3}, probs(twin), "a clone does not see later tokens")
	c.Reset()
	require.Equal(t, []int32{0, 1, 2, 3}, probs(c))
	require.Equal(t, []int32{1, 2, 3}, probs(twin))
	require.Equal(t, c.Seed(), twin.Seed())

	fork := twin.Fork(1)
	require.Equal(t, twin.Seed(), fork.Seed())
	differ := 0
	for pos := range uint32(100) {
		a, err := twin.Next(row, pos, nil)
		require.NoError(t, err)
		b, err := fork.Next(row, pos, nil)
		require.NoError(t, err)
		if a != b {
			differ++
		}
	}
	require.Greater(t, differ, 40, "another stream draws other tokens")
}

// Removing a stage must not move the numbers of the draw.
func TestDrawIgnoresOtherStages(t *testing.T) {
	p := neutral()
	q := p
	q.TopK, q.MinP = 8, 1e-9
	a, err := sampler.NewChain(p, sampler.Vocab{Size: 8})
	require.NoError(t, err)
	b, err := sampler.NewChain(q, sampler.Vocab{Size: 8})
	require.NoError(t, err)
	row := []float32{8, 7, 6, 5, 4, 3, 2, 1} // sorted, so that both see one order
	for pos := range uint32(200) {
		x, err := a.Next(row, pos, nil)
		require.NoError(t, err)
		y, err := b.Next(row, pos, nil)
		require.NoError(t, err)
		require.Equal(t, x, y, "position %d", pos)
	}
}

func TestNoAllocations(t *testing.T) {
	row := logitRow(262144, 9)
	for name, p := range presets() {
		t.Run(name, func(t *testing.T) {
			p.Seed = sampler.FixedSeed(1) // the same draws every time: mirostat's set is as wide as they make it
			c, err := sampler.NewChain(p, sampler.Vocab{Size: len(row)})
			require.NoError(t, err)
			var want sampler.Dist
			pos := uint32(0)
			step := func() {
				tok, err := c.Next(row, pos, &want)
				if err == nil {
					err = c.Accept(tok)
				}
				if err != nil {
					t.Fatal(err)
				}
				pos++
			}
			for range 20 { // memory grows with the widest set so far
				step()
			}
			require.Zero(t, testing.AllocsPerRun(8, step))
		})
	}
}

// Clones share nothing that is written: the race detector watches this test.
func TestClonesRunConcurrently(t *testing.T) {
	p := neutral()
	p.RepeatPenalty, p.TopP = 1.3, 0.9
	p.LogitBias = map[int32]float32{3: 1}
	c, err := sampler.NewChain(p, sampler.Vocab{Size: 1000})
	require.NoError(t, err)
	row := logitRow(1000, 2)
	texts := make([][]int32, 4)
	var wg sync.WaitGroup
	for i := range texts {
		clone := c.Clone()
		wg.Go(func() {
			for pos := range uint32(50) {
				tok, err := clone.Next(row, pos, nil)
				if err != nil || clone.Accept(tok) != nil {
					return
				}
				texts[i] = append(texts[i], tok)
			}
		})
	}
	wg.Wait()
	require.Len(t, texts[0], 50)
	for _, text := range texts[1:] {
		require.Equal(t, texts[0], text)
	}
}
