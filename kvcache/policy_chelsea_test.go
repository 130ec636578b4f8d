package kvcache

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// matchingOf is a matching over the given keys, all of one token.
func matchingOf(keys [][]float32) *matching {
	n, dim := len(keys), len(keys[0])
	m := &matching{hi: n, dim: dim, keys: make([]float32, n*dim), unit: make([]float32, n*dim), size: make([]float32, n), into: make([]int32, n)}
	for j, k := range keys {
		copy(m.keys[j*dim:], k)
		m.size[j], m.into[j] = 1, int32(j)
		m.live = append(m.live, int32(j))
		m.norm(j)
	}
	return m
}

func chelseaOf(chunk, limit int) *chelseaState { return &chelseaState{chunk: chunk, limit: limit} }

// Slots 0 2 4 look for partners among 1 3 5: 0 is like 3, 2 like 5, 4 like 5 too
// but less.
func TestChelseaMatching(t *testing.T) {
	keys := [][]float32{{1, 0}, {-1, 0}, {0, 1}, {1, 0.1}, {0.3, 1}, {0, 2}}
	m := matchingOf(keys)
	require.Equal(t, 2, m.match(m.live, 2, chelseaOf(64, 64)))
	require.Equal(t, []int32{3, 1, 5, 3, 4, 5}, m.into, "the two most similar pairs")
	require.Equal(t, []float32{1, 0.05}, m.row(m.keys, 3), "mean of slots 0 and 3")
	require.Equal(t, []float32{0, 1.5}, m.row(m.keys, 5))

	m = matchingOf(keys)
	require.Equal(t, 3, m.match(m.live, 3, chelseaOf(64, 64)))
	require.Equal(t, float32(3), m.size[5], "2 and 4 go into 5")
	require.InDeltaSlice(t, []float64{0.1, 4.0 / 3}, []float64{float64(m.row(m.keys, 5)[0]), float64(m.row(m.keys, 5)[1])}, 1e-6, "weighted by size")

	m = matchingOf(keys)
	require.Equal(t, 2, m.match(m.live, 3, chelseaOf(64, 2)), "no slot stands for more than two tokens")
	require.Equal(t, []int32{3, 1, 5, 3, 4, 5}, m.into)

	seq := chelseaOf(64, 64)
	seq.sequential = true
	m = matchingOf(keys)
	m.match(m.live, 2, seq)
	require.Equal(t, []int32{3, 1, 5, 3, 4, 5}, m.into, "sequential: 0 1 2 look among 3 4 5")
}

// What has to go is spread over the chunks, and rounds go on until it is gone.
func TestChelseaRounds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	keys := make([][]float32, 300)
	for i := range keys {
		keys[i] = []float32{r.Float32() - 0.5, r.Float32() - 0.5, r.Float32() - 0.5}
	}
	for _, n := range []int{1, 32, 150, 290} {
		m := matchingOf(keys)
		m.reduce(n, chelseaOf(64, 1000))
		require.Len(t, m.live, 300-n)
		var p LanePlan
		m.plan(&p, 300)
		total := len(p.Keep)
		for _, g := range p.Merge {
			require.Contains(t, p.Keep, g.Dst)
			total += len(g.Src)
		}
		require.Equal(t, 300, total, "every token is somewhere")
	}
	m := matchingOf(keys)
	m.reduce(32, chelseaOf(64, 64))
	for c := range 4 { // 32 pairs in each of four chunks, 22 in the last: 6 or 7 merged
		gone := 0
		for j := 64 * c; j < 64*(c+1); j++ {
			if m.into[j] != int32(j) {
				gone++
			}
		}
		require.InDelta(t, 6.5, float64(gone), 1)
	}
	m = matchingOf(keys)
	m.reduce(290, chelseaOf(64, 2))
	require.Len(t, m.live, 10, "what cannot merge is dropped")
	for j, to := range m.into { // the oldest first
		if to == -1 {
			require.Less(t, int32(j), m.live[0])
		}
	}
}

// A row that comes twice and is merged gives the same attention, as long as the
// score gets log N; without it the output is another.
func TestChelseaDuplicates(t *testing.T) {
	const n, dim = 64, 16
	r := rand.New(rand.NewPCG(3, 4))
	keys, values := make([][]float32, n), make([]float64, n)
	for i := range n {
		if i%2 == 1 && i < n/2 { // the first half comes twice
			keys[i], values[i] = keys[i-1], values[i-1]
			continue
		}
		keys[i], values[i] = make([]float32, dim), r.NormFloat64()
		for d := range keys[i] {
			keys[i][d] = float32(r.NormFloat64())
		}
	}
	m := matchingOf(keys)
	m.reduce(n/4, chelseaOf(n, 64))
	q := make([]float32, dim)
	for d := range q {
		q[d] = float32(r.NormFloat64())
	}
	attend := func(slots []int32, weight func(j int32) float64) float64 {
		var num, den float64
		for _, j := range slots {
			s := 0.0
			for d, x := range m.row(m.keys, j) {
				s += float64(x) * float64(q[d])
			}
			e := math.Exp(s) * weight(j)
			num, den = num+e*values[j], den+e
		}
		return num / den
	}
	var all []int32
	for j := range n {
		all = append(all, int32(j))
	}
	one := func(int32) float64 { return 1 }
	full := attend(all, one)
	require.Len(t, m.live, 3*n/4)
	require.InDelta(t, full, attend(m.live, func(j int32) float64 { return float64(m.size[j]) }), 1e-5)
	require.Greater(t, math.Abs(full-attend(m.live, one)), 1e-3)
}
