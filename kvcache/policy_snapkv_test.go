package kvcache

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A window of two rows over six slots before it, by hand.
func TestSnapKVVotes(t *testing.T) {
	rows := [][]float32{
		{0.5, 0, 0, 0.25, 0, 0},
		{0, 0, 0.125, 0.25, 0, 0.25},
	}
	votes := make([]float32, 6)
	for _, r := range rows {
		for j, x := range r {
			votes[j] += x
		}
	}
	require.Equal(t, []float32{0.5, 0, 0.125, 0.5, 0, 0.25}, votes)
	for _, tc := range []struct {
		name    string
		kernel  int
		maximum bool
		want    []float32
		keep    []int32 // the best three
	}{
		{"none", 1, false, []float32{0.5, 0, 0.125, 0.5, 0, 0.25}, []int32{0, 3, 5}},
		{"mean, zeros outside", 3, false, []float32{0.5 / 3, 0.625 / 3, 0.625 / 3, 0.625 / 3, 0.75 / 3, 0.25 / 3}, []int32{1, 2, 4}},
		{"max, plateaus", 3, true, []float32{0.5, 0.5, 0.5, 0.5, 0.5, 0.25}, []int32{0, 1, 2}},
		{"wider than the prefix", 13, true, []float32{0.5, 0.5, 0.5, 0.5, 0.5, 0.5}, []int32{0, 1, 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := make([]float32, 6)
			poolVotes(got, votes, tc.kernel, tc.maximum)
			require.InDeltaSlice(t, tc.want, got, 1e-7)
			require.Equal(t, tc.keep, pick(nil, got, 0, 3), "the lower slot wins a tie")
		})
	}
	require.Equal(t, []int32{0, 1, 3}, pick(nil, votes, 2, 3), "two forced, one by votes")
	require.Equal(t, []int32{0, 1}, pick(nil, votes[:2], 0, 5), "more asked than there is")
}
