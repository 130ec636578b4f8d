package kvcache

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Forks that grow in one step copy the block they share, all but the last of
// them; nothing stays reserved.
func TestForksThatGrowTogetherLeaveNothingReserved(t *testing.T) {
	c, err := Open(config(F16))
	require.NoError(t, err)
	s, err := c.NewSeq("")
	require.NoError(t, err)
	feed(t, c, s, []int{1, 2, 3, 4, 5})
	seqs := []*Seq{s}
	for range 3 {
		f, err := s.Fork()
		require.NoError(t, err)
		seqs = append(seqs, f)
	}
	st := NewStep(4, 4)
	var rows []Rows
	for _, s := range seqs {
		rows = append(rows, Rows{Seq: s, N: 1})
	}
	require.NoError(t, c.Begin(st, rows))
	put(c, st, []int{6, 7, 8, 9})
	require.NoError(t, st.Commit())
	for i, s := range seqs {
		check(t, c, s, []int{1, 2, 3, 4, 5, 6 + i})
		s.Close()
	}
	require.Zero(t, c.Stats().Bytes)
	require.NoError(t, c.Close())
}
