package sampler

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The window must count like a map over the last n tokens, however tokens come and go.
func TestWindowCountsLikeMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{-1, 1, 2, 7, 64, 3000}).Draw(t, "limit")
		// A small range repeats tokens; multiples of a power of two crowd the table.
		step := rapid.SampledFrom([]int32{1, 64, 1 << 16}).Draw(t, "step")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		toks := make([]int32, rng.IntN(400))
		w := newWindow(limit)
		for i := range toks {
			toks[i] = rng.Int32N(151) * step
			w.push(toks[i])
		}
		from := 0
		if limit >= 0 {
			from = max(0, len(toks)-limit)
		}
		want := map[int32]int32{}
		for _, tok := range toks[from:] {
			want[tok]++
		}
		if w.tally.used != len(want) {
			t.Fatalf("%d distinct tokens, want %d", w.tally.used, len(want))
		}
		for i := range int32(151) {
			if got := w.tally.count(i * step); got != want[i*step] {
				t.Fatalf("token %d counted %d times, want %d", i*step, got, want[i*step])
			}
		}
	})
}

func TestWindowCloneAndReset(t *testing.T) {
	w := newWindow(3)
	for _, tok := range []int32{1, 2, 2} {
		w.push(tok)
	}
	c := w.clone()
	c.push(9)
	require.EqualValues(t, 1, w.tally.count(1), "the original must not see the copy's tokens")
	require.EqualValues(t, 0, c.tally.count(1))
	require.EqualValues(t, 1, c.tally.count(9))
	w.push(7) // the ring wraps, so that its oldest token is in the middle
	w.reset()
	require.Zero(t, w.tally.used)
	for _, tok := range []int32{4, 5, 6, 7} {
		w.push(tok)
	}
	for tok, n := range map[int32]int32{2: 0, 4: 0, 5: 1, 6: 1, 7: 1} {
		require.Equal(t, n, w.tally.count(tok), "token %d", tok)
	}
}
