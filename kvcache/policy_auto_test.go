package kvcache

import (
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// naiveCut is globalCut by sorting everything.
func naiveCut(scores [][]float32, first, last, budget int, floor float64) [][]int32 {
	type cand struct{ lane, slot int }
	keep := make([]map[int]bool, len(scores))
	var rest []cand
	left := budget * len(scores)
	for i, s := range scores {
		keep[i] = map[int]bool{}
		var own []cand
		for j := range s {
			if j < first || j >= len(s)-last {
				keep[i][j] = true
				left--
			} else {
				own = append(own, cand{i, j})
			}
		}
		sort.SliceStable(own, func(a, b int) bool { return s[own[a].slot] > s[own[b].slot] })
		f := min(int(floor*float64(budget-first-last)), len(own))
		for _, c := range own[:f] {
			keep[i][c.slot] = true
			left--
		}
		rest = append(rest, own[f:]...)
	}
	sort.SliceStable(rest, func(a, b int) bool {
		return scores[rest[a].lane][rest[a].slot] > scores[rest[b].lane][rest[b].slot]
	})
	for _, c := range rest[:max(0, min(left, len(rest)))] {
		keep[c.lane][c.slot] = true
	}
	out := make([][]int32, len(scores))
	for i, s := range scores {
		for j := range s {
			if keep[i][j] {
				out[i] = append(out[i], int32(j))
			}
		}
	}
	return out
}

func TestGlobalCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lanes := rapid.IntRange(1, 6).Draw(t, "lanes")
		scores := make([][]float32, lanes)
		least := 1000
		for i := range scores {
			n := rapid.IntRange(12, 60).Draw(t, "slots")
			least = min(least, n)
			for range n { // few values: many ties
				scores[i] = append(scores[i], float32(rapid.IntRange(0, 5).Draw(t, "score"))/8)
			}
		}
		first, last := rapid.IntRange(0, 4).Draw(t, "first"), rapid.IntRange(0, 6).Draw(t, "last")
		budget := rapid.IntRange(first+last, least).Draw(t, "budget")
		floor := rapid.Float64Range(0, 1).Draw(t, "floor")
		g := globalCut{most: 1000, first: first, last: last, budget: budget, floor: floor, orders: make([][]uint64, lanes), lens: make([]int, lanes)}
		for i, s := range scores {
			g.add(i, s)
		}
		g.find()
		want := naiveCut(scores, first, last, budget, floor)
		total := 0
		for i := range scores {
			got := g.keep(nil, i)
			require.Equal(t, want[i], got, "lane %d", i)
			total += len(got)
		}
		require.Equal(t, budget*lanes, total, "the whole budget is used")
	})
}

// A lane may hold several times the budget, but never so much that a sequence
// without end has no room for its next prompt.
func TestAutoLongestLane(t *testing.T) {
	for _, tc := range []struct {
		params Params
		want   int
	}{
		{Params{"budget": "512"}, 2048},
		{Params{"budget": "2048"}, 6144}, // three quarters of the context
		{Params{"budget": "7000"}, 7000},
		{Params{"budget": "4096", "grow": "1"}, 16384},
	} {
		s, err := Policies["auto"].New(tc.params, smolConfig())
		require.NoError(t, err)
		require.Equal(t, tc.want, s.Needs().Slots, "%v", tc.params)
		require.Equal(t, tc.params["grow"] == "", s.Needs().Endless)
	}
	g := globalCut{most: 3, budget: 2, orders: make([][]uint64, 2), lens: make([]int, 2)}
	g.add(0, []float32{5, 6, 7, 8})
	g.add(1, []float32{1, 2, 3, 4})
	g.find()
	require.Equal(t, []int32{1, 2, 3}, g.keep(nil, 0))
	require.Equal(t, []int32{3}, g.keep(nil, 1))
}
