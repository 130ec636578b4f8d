package kvcache

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestLadderGeometry(t *testing.T) {
	for _, tc := range []struct {
		name                  string
		layers, span, overlap int
		want                  ladder
		err                   bool
	}{
		{"language modelling", 30, 8, 4, ladder{30, 7, 2, 5}, false},
		{"half of the tokens", 30, 15, 0, ladder{30, 2, 1, 1}, false},
		{"default for 30 layers", 30, 16, 8, ladder{30, 3, 2, 1}, false},
		{"of the paper's code, 32 layers", 32, 16, 0, ladder{32, 2, 1, 1}, false},
		{"three global layers", 3, 1, 0, ladder{3, 3, 1, 2}, false},
		{"nothing would be freed", 3, 2, 1, ladder{}, true},
		{"span beyond the layers", 4, 5, 0, ladder{}, true},
		{"overlap as large as the span", 30, 8, 8, ladder{}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := newLadder(tc.layers, tc.span, tc.overlap)
			if tc.err {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

// The defaults fit models of any depth.
func TestLadderDefaults(t *testing.T) {
	for layers := 1; layers <= 128; layers++ {
		c := &Config{Ctx: 4096}
		for range layers {
			c.Layers = append(c.Layers, LayerSpec{KVHeads: 1, KDim: 4, VDim: 4})
		}
		s, err := Policies["lacache"].New(nil, c)
		require.NoError(t, err, "%d layers", layers)
		require.Positive(t, s.(*lacacheState).r)
	}
}

// slotsTo returns 0, 1, …, n-1.
func slotsTo(n int) []int32 {
	s := []int32{}
	for j := range n {
		s = append(s, int32(j))
	}
	return s
}

// The index rule: one ladder of span 8 and overlap 4 over 30 layers, behind 4
// sinks, takes slots 4 to 10.
func TestLadderKeeps(t *testing.T) {
	l, err := newLadder(30, 8, 4)
	require.NoError(t, err)
	s := &lacacheState{ladder: l, cursor: 4}
	s.sinks = 4
	list, cursor, left := s.sweeps(60, 55, 20)
	require.Equal(t, []sweep{{4, 1}}, list)
	require.Equal(t, 6, cursor)
	require.Equal(t, 55, left)
	for layer, want := range map[int][]int32{0: {4, 5}, 1: {5, 6}, 5: {9, 10}, 6: {4, 5}, 29: {9, 10}} {
		keep := s.apply(slotsTo(60), list[0], layer)
		require.Len(t, keep, 55)
		require.Equal(t, slotsTo(4), keep[:4], "sinks")
		require.Equal(t, want, keep[4:6], "layer %d", layer)
		require.Equal(t, slotsTo(60)[11:], keep[6:])
	}
	require.Equal(t, []int{0, 2, 5}, []int{l.shift(0, true), l.shift(10, true), l.shift(29, true)}, "contiguous")
}

// However much has to go, over any number of sweeps: all layers stay equally
// long, the sinks and the newest slots are untouched, the order is kept.
func TestLadderSweeps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layers := rapid.IntRange(1, 40).Draw(t, "layers")
		span := rapid.IntRange(1, layers).Draw(t, "span")
		l, err := newLadder(layers, span, rapid.IntRange(0, span-1).Draw(t, "overlap"))
		if err != nil {
			return
		}
		s := &lacacheState{ladder: l, contiguous: rapid.Bool().Draw(t, "contiguous")}
		s.sinks = rapid.IntRange(0, 8).Draw(t, "sinks")
		s.cursor = s.sinks + rapid.IntRange(0, 300).Draw(t, "cursor")
		untouched := rapid.IntRange(0, 100).Draw(t, "untouched")
		goal := s.sinks + untouched + l.m + rapid.IntRange(0, 200).Draw(t, "room")
		n := goal + rapid.IntRange(0, 2000).Draw(t, "excess")
		list, cursor, left := s.sweeps(n, goal, untouched)
		require.LessOrEqual(t, left, goal)
		require.Greater(t, left, goal-l.r)
		require.LessOrEqual(t, cursor, max(left-untouched, min(s.cursor, n)))
		for layer := range layers {
			keep := slotsTo(n)
			for _, w := range list {
				keep = s.apply(keep, w, layer)
			}
			require.Len(t, keep, left)
			require.Equal(t, slotsTo(s.sinks), keep[:s.sinks])
			require.Equal(t, slotsTo(n)[n-untouched:], keep[left-untouched:])
			for j := 1; j < left; j++ {
				require.Less(t, keep[j-1], keep[j])
			}
		}
	})
}
