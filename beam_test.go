package kvasir_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
)

// A beam of width 1 is greedy decoding; scores are those of the model; a wider beam
// finds nothing worse.
func TestBeam(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	ctx := context.Background()
	one, err := eng.Beam(ctx, kvasir.Text("a b"), kvasir.BeamOptions{Width: 1, MaxTokens: 6})
	require.NoError(t, err)
	want := generate(t, newSession(t, eng), kvasir.Text("a b"), greedy(6))
	require.Len(t, one, 1)
	require.Equal(t, want.ids[:len(one[0].Tokens)], one[0].Tokens)
	wide, err := eng.Beam(ctx, kvasir.Text("a b"), kvasir.BeamOptions{Width: 5, MaxTokens: 6})
	require.NoError(t, err)
	require.Len(t, wide, 5)
	head, err := eng.Encode(kvasir.Text("a b"))
	require.NoError(t, err)
	for i, b := range wide {
		if i > 0 {
			require.LessOrEqual(t, b.Score, wide[i-1].Score)
		}
		if b.Finish != kvasir.FinishLength {
			continue
		}
		scores, err := eng.Score(ctx, append(append([]int32(nil), head...), b.Tokens...), 0)
		require.NoError(t, err)
		sum := 0.0
		for _, s := range scores[len(head):] {
			sum += s.Logprob
		}
		require.InDelta(t, sum, b.Logprob, 1e-9)
	}
	require.Zero(t, eng.Stats().Sessions-1, "only the session of the greedy run is open")
	_, err = eng.Beam(ctx, kvasir.Text("a"), kvasir.BeamOptions{})
	require.ErrorContains(t, err, "width")
}
