package kvcache

import (
	"cmp"
	"math"
	"slices"

	"kvasir/kernels"
)

// chelseaPolicy merges slots with like keys instead of dropping them: "Chelsea:
// Efficient Long Context LLM Serving with Chunked Soft Matching" (2025; later
// CentroidKV). Slots between the first and the newest are cut into chunks; inside
// a chunk every slot of one half finds its most similar slot of the other (the
// matching of Bolya et al., "Token Merging", 2023), the most similar pairs become
// one slot each, keys and values averaged by size, and attention adds log N to its
// score. Not published, so ours: the newest half of the budget stays raw (once the
// whole prompt is merged too, quality is lost), a slot stands for 64 tokens at
// most, and what no longer fits is dropped, the oldest first. While generating a
// few slots are merged every 32 tokens, spread evenly over the chunks.
type chelseaPolicy struct{}

func (chelseaPolicy) Name() string { return "chelsea" }

func (chelseaPolicy) Help() string {
	return "like keys merged inside chunks (Chelsea): budget=SLOTS or ratio=SHARE, chunk=64, recent=half, sinks=4, cap=64 (tokens in a slot), " +
		"partition=alternating|sequential, keys=raw|baked (averaged before or after rotation), grow=0, prompt=whole|stream"
}

func (chelseaPolicy) New(p Params, c *Config) (State, error) {
	r := &paramReader{p: p}
	s := &chelseaState{
		chunk:      r.int("chunk", 64, 2, 4096),
		limit:      r.int("cap", 64, 2, 1<<20),
		sequential: r.is("sequential", "partition", "alternating", "sequential"),
		baked:      r.is("baked", "keys", "raw", "baked"),
	}
	s.size = r.size(c, 4, half, false)
	s.often = true // merging twice as much at a time costs 0.3 % of perplexity
	r.require(c.K != Q4_0 && c.V != Q4_0, "merged slots would be rounded to q4_0 again and again: store f16 or q8_0")
	return s, r.done()
}

type chelseaState struct {
	pace
	chunk, limit int
	sequential   bool
	baked        bool // keys are compared and averaged as they are stored
}

func (s *chelseaState) Needs() Needs     { return s.needs(Needs{Keys: true, Weights: true}) }
func (s *chelseaState) Due(e Event) bool { return s.due(e) }

// Clone is part of State.
func (s *chelseaState) Clone() State { c := *s; return &c }

// Compact merges until every lane is down to the budget.
func (s *chelseaState) Compact(e Event, c *Compaction) error {
	budget := s.want(e.Len)
	tables := map[*Rope]*turns{}
	if !s.baked {
		tables = turnTables(c, s.span(c, budget))
	}
	shift := int32(0)
	if e.Kind == Pressure {
		shift = s.follow(e.Len, budget)
	}
	err := c.Each(func(_, i int) error {
		ln := c.Lane(i)
		if n := ln.Len(); n > budget {
			m := newMatching(ln, s.sinks, n-s.guarded(budget), tables[c.rope(i)])
			m.reduce(n-budget, s)
			p := c.Plan(i)
			p.Unrotated, p.Shift, p.ShiftTo = !s.baked, shift, int32(s.sinks)
			m.plan(p, n)
		}
		return nil
	})
	if err == nil {
		s.after(e.Len, budget)
	}
	return err
}

// span is the largest distance of two slots that may merge.
func (s *chelseaState) span(c *Compaction, budget int) int {
	span := 0
	for i := range c.Lanes() {
		pos := c.Lane(i).Pos()
		if hi := len(pos) - s.guarded(budget); hi > s.sinks {
			span = max(span, int(pos[hi-1]-pos[s.sinks]))
		}
	}
	return span
}

// matching is the work on one lane: slots [lo, hi) may merge.
type matching struct {
	lo, hi, dim int
	keys        []float32 // [slot-lo][dim] means
	unit        []float32 // the same, of length 1
	size        []float32 // tokens that a slot stands for
	into        []int32   // slot that a slot was merged into, itself, or -1 when dropped
	live        []int32   // slots still there, ascending
	edges       []edge
}

// edge is a pair that may merge: a into b.
type edge struct {
	sim  float32
	a, b int32
}

func newMatching(ln *LaneView, lo, hi int, t *turns) *matching {
	n, dim := hi-lo, ln.KDim()
	m := &matching{
		lo: lo, hi: hi, dim: dim,
		keys: make([]float32, n*dim), unit: make([]float32, n*dim), size: make([]float32, n),
		into: make([]int32, n), live: make([]int32, n),
	}
	pos, logW, angles := ln.Pos(), ln.LogW(), t.scratch()
	for j := range n {
		k := m.keys[j*dim : (j+1)*dim]
		ln.Key(lo+j, k)
		t.turn(k, angles, 1, dim, pos[lo]-pos[lo+j])
		m.size[j], m.into[j], m.live[j] = 1, int32(j), int32(j)
		if logW != nil {
			m.size[j] = float32(math.Round(math.Exp(float64(logW[lo+j]))))
		}
		m.norm(j)
	}
	return m
}

// norm computes the unit key of slot j.
func (m *matching) norm(j int) {
	k, u := m.keys[j*m.dim:(j+1)*m.dim], m.unit[j*m.dim:(j+1)*m.dim]
	kernels.Scale(u, k, float32(1/max(1e-20, math.Sqrt(float64(kernels.SumSquares(k))))))
}

// reduce takes n slots away, round by round.
func (m *matching) reduce(n int, s *chelseaState) {
	for n > 0 {
		gone := m.round(n, s)
		if gone == 0 {
			break
		}
		n -= gone
	}
	for ; n > 0 && len(m.live) > 0; n-- { // nothing fits together any more
		m.into[m.live[0]] = -1
		m.live = m.live[1:]
	}
}

// round merges up to n slots, spread over the chunks by the pairs that they hold.
func (m *matching) round(n int, s *chelseaState) int {
	pairs := 0
	for at := 0; at < len(m.live); at += s.chunk {
		pairs += min(s.chunk, len(m.live)-at) / 2
	}
	n = min(n, pairs)
	seen, given, gone := 0, 0, 0
	for at := 0; at < len(m.live); at += s.chunk {
		chunk := m.live[at:min(at+s.chunk, len(m.live))]
		seen += len(chunk) / 2
		share := n*seen/max(1, pairs) - given
		given += share
		gone += m.match(chunk, share, s)
	}
	m.live = slices.DeleteFunc(m.live, func(j int32) bool { return m.into[j] != j })
	return gone
}

// match merges the share most similar pairs of a chunk.
func (m *matching) match(chunk []int32, share int, s *chelseaState) int {
	if share == 0 {
		return 0
	}
	m.findEdges(chunk, s)
	slices.SortFunc(m.edges, func(x, y edge) int {
		if x.sim != y.sim {
			return cmp.Compare(y.sim, x.sim)
		}
		return cmp.Compare(x.a, y.a)
	})
	gone := 0
	for _, e := range m.edges {
		if gone == share {
			break
		}
		if m.size[e.a]+m.size[e.b] <= float32(s.limit) {
			m.merge(e.a, e.b)
			gone++
		}
	}
	return gone
}

// findEdges finds for every source of a chunk its most similar target; the lower
// one wins a tie.
func (m *matching) findEdges(chunk []int32, s *chelseaState) {
	m.edges = m.edges[:0]
	var targets []int32
	for i, a := range chunk {
		if s.source(i, len(chunk)) {
			m.edges = append(m.edges, edge{sim: float32(math.Inf(-1)), a: a})
		} else {
			targets = append(targets, a)
		}
	}
	tile, sims := make([]float32, m.dim*kernels.Slots), make([]float32, kernels.Slots)
	for ; len(targets) > 0; targets = targets[min(kernels.Slots, len(targets)):] {
		n := min(kernels.Slots, len(targets))
		for j, b := range targets[:n] {
			for d, x := range m.row(m.unit, b) {
				tile[d*kernels.Slots+j] = x
			}
		}
		for i := range m.edges {
			e := &m.edges[i]
			kernels.AttnScores(sims, m.row(m.unit, e.a), m.dim, 1, tile, m.dim, 1)
			for j, sim := range sims[:n] {
				if sim > e.sim {
					e.sim, e.b = sim, targets[j]
				}
			}
		}
	}
}

// source says whether slot i of a chunk of n looks for a partner: every second
// one, or the first half.
func (s *chelseaState) source(i, n int) bool {
	if s.sequential {
		return i < n/2
	}
	return i%2 == 0
}

func (m *matching) row(x []float32, j int32) []float32 {
	return x[int(j)*m.dim : (int(j)+1)*m.dim]
}

// merge makes b the mean of a and b by size.
func (m *matching) merge(a, b int32) {
	wa, wb := m.size[a], m.size[b]
	kb := m.row(m.keys, b)
	kernels.Scale(kb, kb, wb/(wa+wb))
	kernels.AddScaled(kb, m.row(m.keys, a), wa/(wa+wb))
	m.size[b], m.into[a] = wa+wb, b
	m.norm(int(b))
}

// plan writes what became of the n slots of the lane.
func (m *matching) plan(p *LanePlan, n int) {
	members := make(map[int32][]int32)
	for j := range m.into {
		to := int32(j)
		for m.into[to] >= 0 && m.into[to] != to {
			to = m.into[to]
		}
		if m.into[to] >= 0 && to != int32(j) {
			members[to] = append(members[to], int32(m.lo+j))
		}
	}
	p.Keep, p.Merge = ends(p.Keep[:0], n, m.lo, 0), p.Merge[:0]
	for _, j := range m.live {
		dst := int32(m.lo) + j
		p.Keep = append(p.Keep, dst)
		if src := members[j]; len(src) > 0 {
			p.Merge = append(p.Merge, Merge{Dst: dst, Src: src})
		}
	}
	p.Keep = ends(p.Keep, n, 0, n-m.hi)
}

func (s *chelseaState) MarshalBinary() ([]byte, error) {
	w := newStateWriter()
	s.write(w)
	return w.b, nil
}

func (s *chelseaState) UnmarshalBinary(b []byte) error {
	r := newStateReader(b)
	s.read(r)
	return r.done()
}
