package kvcache

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Random prompts from a small alphabet of pieces, against a list of what was
// kept: the longest common prefix is found, scopes stay apart, bytes stay below
// the limit and all memory comes back.
func TestPrefixesProperty(t *testing.T) {
	withPolicy(t, scripted{})
	cfg := machineConfig(F32)
	cfg.Layers = []LayerSpec{cfg.Layers[0], cfg.Layers[2]}
	m := newMachine(t, cfg, 3)
	r := rand.New(rand.NewPCG(8, 8))
	limit := cfg.SeqBytes(1500, 1)
	p := m.c.NewPrefixes(limit)
	type kept struct {
		scope string
		toks  []int32
	}
	var list []kept
	for range 1500 {
		var toks []int32
		for range 1 + r.IntN(4) {
			piece, n := r.IntN(3), 1+r.IntN(40)
			for i := range n {
				toks = append(toks, int32(piece*100+i))
			}
		}
		scope := []string{"a", "b"}[r.IntN(2)]
		want := 0
		for _, k := range list {
			n := 0
			for k.scope == scope && n < len(k.toks) && n < len(toks)-1 && k.toks[n] == toks[n] {
				n++
			}
			want = max(want, n)
		}
		s, n, err := p.Match(scope, toks, len(toks)-1)
		require.NoError(t, err)
		evicted := p.Stats().Evicted > 0
		require.LessOrEqual(t, n, want)
		if !evicted {
			require.Equal(t, want, n)
		}
		if s == nil {
			s, err = m.c.NewSeq("dense")
			require.NoError(t, err)
		}
		require.Equal(t, n, s.Len())
		rest := make([]int, 0, len(toks))
		for _, x := range toks[n:] {
			rest = append(rest, int(x))
		}
		st := NewStep(1, 200)
		require.NoError(t, m.c.Begin(st, []Rows{{Seq: s, N: len(rest)}}))
		m.st = st
		m.put(rest)
		require.NoError(t, st.Commit())
		m.check(prefixModel(m.c, s, toks), 0)
		require.NoError(t, p.Keep(scope, toks, s))
		list = append(list, kept{scope, slices.Clone(toks)})
		s.Close()
		require.LessOrEqual(t, p.Stats().Bytes, limit)
	}
	require.Positive(t, p.Stats().Evicted)
	require.Positive(t, p.Stats().Hits)
	p.Clear()
	require.Empty(t, p.roots)
	m.all[0].s.Close()
	checkPool(t, m.c)
	require.NoError(t, m.c.Close())
}

func prefixModel(c *Cache, s *Seq, toks []int32) *naiveSeq {
	q := &naiveSeq{s: s, n: s.Len()}
	for i := range c.lanes {
		spec := &c.lanes[i].spec
		var l []naiveSlot
		for p := range s.Len() {
			x := naiveSlot{pos: int32(p), size: 1}
			for d := range spec.KDim {
				x.k = append(x.k, float64(value(int(toks[p]), i, 0, d)))
				x.v = append(x.v, float64(value(int(toks[p]), i, 1, d)))
			}
			l = append(l, x)
		}
		q.lanes = append(q.lanes, l)
	}
	return q
}

// A step that lacks room takes it from prefixes that nobody uses.
func TestPrefixesMakeRoom(t *testing.T) {
	withPolicy(t, scripted{})
	cfg := machineConfig(F32)
	cfg.PoolBytes = cfg.SeqBytes(250, 250)
	m := newMachine(t, cfg, 3)
	p := m.c.NewPrefixes(1 << 30)
	q := m.all[0]
	q.s.state = denseState{}
	m.append(q, 60, true)
	m.append(q, 60, true)
	toks := make([]int32, 120)
	require.NoError(t, p.Keep("", toks, q.s))
	require.Equal(t, 1, p.Stats().Entries)
	m.drop(q)
	q = m.all[0]
	for range 4 {
		m.append(q, 60, true)
	}
	require.Zero(t, p.Stats().Entries)
	checkPool(t, m.c, q.s)
}
