package kvcache

import (
	"cmp"
	"slices"

	"kvasir/kernels"
)

// snapkvPolicy keeps what the last queries of a prompt look at: "SnapKV: LLM
// Knows What You are Looking for Before Generation" (Li et al., 2024, §4). Where
// we depart: one list per KV head, the votes of its query heads averaged after
// pooling (the authors store one copy per query head); votes at the end of each
// later prompt as well, over what is still there; window 16, kernel 13 and mean
// pooling by default, the best of those measured on small models (the paper:
// window=32,kernel=7,pool=max; the authors' code: window=32,kernel=5,pool=avg).
type snapkvPolicy struct{}

func (snapkvPolicy) Name() string { return "snapkv" }

func (snapkvPolicy) Help() string {
	return "what the end of the prompt looks at (SnapKV): budget=SLOTS or ratio=SHARE, window=16, kernel=13, pool=avg|max, group=mean|max, " +
		"recent=0 (or half), sinks=0, decode=0 (generated tokens kept on top; 0 = all), prompt=whole|stream"
}

func (snapkvPolicy) New(p Params, c *Config) (State, error) {
	r := &paramReader{p: p}
	s := &snapkvState{
		window:  r.int("window", 16, 1, 4096),
		kernel:  r.int("kernel", 13, 1, 1023),
		maxPool: r.is("max", "pool", "avg", "max"),
		maxHead: r.is("max", "group", "mean", "max"),
		decode:  r.int("decode", 0, 0, 1<<30),
	}
	s.size = r.size(c, 0, 0, true)
	r.require(s.kernel%2 == 1, "kernel=%d: must be odd", s.kernel)
	r.require(s.budget == 0 || s.budget >= s.window+minSlots, "budget=%d: a window of %d needs at least %d", s.budget, s.window, s.window+minSlots)
	return s, r.done()
}

type snapkvState struct {
	pace
	window, kernel   int
	maxPool, maxHead bool
	decode           int
	end              int // tokens when the last prompt ended
}

// Needs is part of State.
func (s *snapkvState) Needs() Needs {
	n := s.needs(Needs{Queries: s.window})
	if s.decode > 0 && s.budget > 0 {
		n.Endless, n.Slots = true, s.budget+s.decode
	}
	return n
}

// Clone is part of State.
func (s *snapkvState) Clone() State { c := *s; return &c }

// Due is part of State. While generating, only what exceeds the generated
// tokens that may stay makes work.
func (s *snapkvState) Due(e Event) bool {
	due := s.due(e)
	switch {
	case e.Kind == EndOfPrompt:
		s.end = e.Len
	case e.Kind == Pressure && s.decode > 0 && !e.Prompt:
		return s.live(e.Len)+1 > s.bound(s.end)+s.decode && e.Len-s.end > s.decode
	}
	return due
}

// Compact keeps the slots with the most votes and the window, or after the
// prompt the newest of the generated tokens.
func (s *snapkvState) Compact(e Event, c *Compaction) error {
	if e.Kind == Pressure && !s.stream {
		return s.dropGenerated(e, c)
	}
	budget := s.want(e.Len)
	err := c.Each(func(_, i int) error {
		ln := c.Lane(i)
		if n := ln.Len(); n > budget {
			votes := s.votes(ln)
			keep := max(s.window, s.guarded(budget))
			p := c.Plan(i)
			p.Keep = pick(p.Keep[:0], votes[:n-keep], s.sinks, budget-keep)
			p.Keep = ends(p.Keep, n, 0, keep)
		}
		return nil
	})
	if err == nil {
		s.after(e.Len, budget)
	}
	return err
}

// dropGenerated drops the oldest tokens that were generated since the prompt.
func (s *snapkvState) dropGenerated(e Event, c *Compaction) error {
	held := 0
	for i := range c.Lanes() {
		pos := c.Lane(i).Pos()
		n := len(pos)
		first, _ := slices.BinarySearch(pos, int32(s.end))
		p := c.Plan(i)
		p.Keep = ends(p.Keep[:0], n, first, min(s.decode, n-first))
		held = max(held, len(p.Keep))
	}
	s.after(e.Len, held)
	return nil
}

// votes returns the pooled votes of the window for the slots before it, and
// zeros for the window itself: mean over the heads of the group of pool(Σ over
// the rows of softmax(scale·q·k)).
func (s *snapkvState) votes(ln *LaneView) []float32 {
	n, g := ln.Len(), ln.Group()
	q, pos := ln.Queries()
	if more := len(pos) - s.window; more > 0 {
		q, pos = q[more*g*ln.KDim():], pos[more:]
	}
	out := make([]float32, n)
	prefix := n - s.window
	head, pooled := make([]float32, n), make([]float32, prefix)
	rows := make([]float32, len(pos)*g*n)
	ln.Scores(q, len(pos)*g, rows)
	for h := range g {
		clear(head)
		for r, p := range pos {
			row := rows[(r*g+h)*n:][:n]
			causalWeights(ln, row, p)
			kernels.AddScaled(head, row, 1)
		}
		poolVotes(pooled, head[:prefix], s.kernel, s.maxPool)
		for j, v := range pooled {
			if s.maxHead {
				out[j] = max(out[j], v)
			} else {
				out[j] += v / float32(g)
			}
		}
	}
	return out
}

// causalWeights turns the scores that a query at position p gives to the slots of
// a lane into attention weights.
func causalWeights(ln *LaneView, row []float32, p int32) {
	n, _ := slices.BinarySearch(ln.Pos(), p+1)
	if w := ln.LogW(); w != nil {
		kernels.Add(row[:n], row[:n], w[:n])
	}
	kernels.Softmax(row[:n])
	clear(row[n:])
}

// poolVotes pools x with a window of k: the mean, in which what lies outside
// counts as zero, or the maximum. Each sum runs in order, so that equal windows
// give equal sums.
func poolVotes(dst, x []float32, k int, maximum bool) {
	for i := range dst {
		win := x[max(0, i-k/2):min(len(x), i+k/2+1)]
		if maximum {
			dst[i] = slices.Max(win)
			continue
		}
		var sum float32
		for _, v := range win {
			sum += v
		}
		dst[i] = sum / float32(k)
	}
}

// pick appends, in ascending order, the first slots and the best of the others
// by votes, n in all; the lower slot wins a tie.
func pick(dst []int32, votes []float32, first, n int) []int32 {
	order := make([]int32, 0, len(votes))
	for j := range votes {
		order = append(order, int32(j))
	}
	first = min(first, len(order), n)
	slices.SortFunc(order[first:], func(a, b int32) int {
		if votes[a] != votes[b] {
			return cmp.Compare(votes[b], votes[a])
		}
		return cmp.Compare(a, b)
	})
	best := order[:min(n, len(order))]
	slices.Sort(best)
	return append(dst, best...)
}

func (s *snapkvState) MarshalBinary() ([]byte, error) {
	w := newStateWriter()
	s.write(w)
	w.ints(s.end)
	return w.b, nil
}

func (s *snapkvState) UnmarshalBinary(b []byte) error {
	r := newStateReader(b)
	s.read(r)
	s.end = r.int()
	return r.done()
}
