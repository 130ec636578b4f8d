package sampler_test

import (
	"math"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
)

func TestLogprobs(t *testing.T) {
	var l sampler.Logprobs
	require.NoError(t, l.Load(logs(.1, .4, 0, .25, .25)))
	for id, p := range []float64{.1, .4, 0, .25, .25} {
		got, err := l.Of(int32(id))
		require.NoError(t, err)
		if p == 0 {
			require.True(t, math.IsInf(got, -1))
			continue
		}
		require.InDelta(t, math.Log(p), got, 1e-6, "token %d", id)
	}
	for id, rank := range []int{3, 0, 4, 1, 2} {
		require.Equal(t, rank, l.Rank(int32(id)), "token %d", id)
	}
	var ids []int32
	for _, x := range l.Top(10) {
		ids = append(ids, x.ID)
		of, err := l.Of(x.ID)
		require.NoError(t, err)
		require.Equal(t, of, x.Logprob, "Top and Of must agree to the last bit")
	}
	require.Equal(t, []int32{1, 3, 4, 0}, ids, "in order, ties by id, masked tokens absent")
	require.Len(t, l.Top(2), 2)
	require.Empty(t, l.Top(0))

	for _, id := range []int32{-1, 5} {
		_, err := l.Of(id)
		require.ErrorIs(t, err, sampler.ErrToken)
	}
}

// Large logits must not overflow, and a certain token has log-probability 0.
func TestLogprobsExtremes(t *testing.T) {
	var l sampler.Logprobs
	require.NoError(t, l.Load([]float32{3e38, -3e38, 0}))
	got, err := l.Of(0)
	require.NoError(t, err)
	require.Zero(t, got)
	require.ErrorIs(t, l.Load([]float32{float32(math.NaN())}), sampler.ErrBadLogits)
	require.ErrorIs(t, l.Load([]float32{float32(math.Inf(-1))}), sampler.ErrNoCandidates)
	require.ErrorIs(t, l.Load(nil), sampler.ErrNoCandidates)
}

func TestLogprobsDoNotAllocate(t *testing.T) {
	var l sampler.Logprobs
	row := logitRow(50000, 4)
	step := func() {
		if err := l.Load(row); err != nil {
			t.Fatal(err)
		}
		l.Top(20)
	}
	step()
	require.Zero(t, testing.AllocsPerRun(5, step))
}
