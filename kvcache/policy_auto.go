package kvcache

import (
	"math"
	"slices"

	"kvasir/kernels"
)

// autoPolicy is the project's own. It keeps the slots that the queries of the
// coming tokens are likely to look at. What those queries will be is not known;
// those of the text so far, rotated to the next positions and freed of the causal
// mask, are a good stand-in: a query then also protects what followed its own
// context the last time. The score of a slot is the root mean square of the
// weights that it gets (a mean would favour what everyone looks at a little), plus
// a share of SnapKV's pooled window votes, which keep whole passages that the end
// of the prompt asks for. Scores have one unit in all lanes, so one cut over all
// of them decides: lanes that need more get more. While generating, the votes are
// renewed with the queries of the new tokens, so that a budget holds for ever; they
// then look further ahead, forget sooner, and the newest quarter of the budget is
// left alone, since few queries have judged it yet.
type autoPolicy struct{}

func (autoPolicy) Name() string { return "auto" }

func (autoPolicy) Help() string {
	return "what coming queries will look at (this project's own): budget=SLOTS or ratio=SHARE, cheap=0 (a quarter of the work), sinks=4, recent=32, floor=0.2 (recent=half, floor=1, weight=3 below 12 lanes), " +
		"queries=1024, spread=1 (slots behind one that share its votes), horizon=200 (positions ahead; roll=1000 while generating), weight=0.3 (of the window votes), window=16, kernel=13, memory=256 (queries that renewed votes stand for), grow=0, prompt=whole|stream"
}

func (autoPolicy) New(p Params, c *Config) (State, error) {
	r := &paramReader{p: p}
	queries, spread, weight := 1024, 1, 0.3
	recent, floor := 32, 0.2
	if r.bool("cheap", false) {
		queries, spread, weight = 256, 3, 0.5
	}
	if c.fullLanes() < manyLanes {
		recent, floor, weight = half, 1, 3
	}
	s := &autoState{
		queries: r.int("queries", queries, 16, 1<<16),
		spread:  r.int("spread", spread, 0, 255),
		horizon: r.int("horizon", 200, 1, 1<<20),
		roll:    r.int("roll", 1000, 1, 1<<20),
		weight:  float32(r.share("weight", weight, 0, 1e6)),
		window:  r.int("window", 16, 1, 256),
		kernel:  r.int("kernel", 13, 1, 1023),
		floor:   r.share("floor", floor, 0, 1),
		memory:  r.int("memory", 256, 0, 1<<24),
	}
	s.size = r.size(c, 4, recent, false)
	s.longest = c.Ctx / 4 * 3
	return s, r.done()
}

// manyLanes is from how many lanes on they share one budget. A few lanes, as the
// global layers of Gemma, all read everywhere: what one wins the others miss.
const manyLanes = 12

// fullLanes is the number of lanes that policies see.
func (c *Config) fullLanes() int {
	n := 0
	for _, l := range c.Layers {
		if l.Window == 0 {
			n += l.KVHeads
		}
	}
	return n
}

type autoState struct {
	pace
	queries, spread int
	horizon, roll   int
	window, kernel  int
	weight          float32
	floor           float64
	memory          int
	longest         int // slots that no lane exceeds, unless the budget does

	votes [][]float32 // per lane: mean square of the weights that each slot got
	asked []int       // per lane: how many tokens that mean stands for
}

// rollQueries is how many of the newest queries are kept to renew votes with; one
// of rollEvery is asked. The last 16 alone judge too narrowly: perplexity of a
// stream rises by 1 %.
const rollQueries, rollEvery = BlockSlots, 2

// Needs is part of State: the newest queries, and a sample of the prompt's.
func (s *autoState) Needs() Needs {
	n := s.needs(Needs{Queries: max(s.window, rollQueries), EveryQuery: s.queries})
	n.Slots = s.most(n.Slots)
	return n
}

func (s *autoState) Due(e Event) bool { return s.due(e) }

// Clone is part of State.
func (s *autoState) Clone() State {
	c := *s
	c.votes = make([][]float32, len(s.votes))
	for i, v := range s.votes {
		c.votes[i] = slices.Clone(v)
	}
	c.asked = slices.Clone(s.asked)
	return &c
}

// most is how many slots one lane may hold when the lanes hold budget on average:
// a sequence without end must have room for the next prompt in every lane.
func (s *autoState) most(budget int) int {
	if s.grow {
		return laneShare * budget
	}
	return min(laneShare*budget, max(budget, s.longest))
}

// Compact renews the votes of every lane, finds the cut and keeps what is above.
func (s *autoState) Compact(e Event, c *Compaction) error {
	lanes := c.Lanes()
	if lanes == 0 {
		return nil
	}
	budget := s.want(e.Len)
	cut := globalCut{
		most:  s.most(budget),
		first: s.sinks, last: s.guarded(budget), budget: budget, floor: s.floor,
		orders: make([][]uint64, lanes), lens: make([]int, lanes),
	}
	votes, asked := make([][]float32, lanes), make([]int, lanes)
	shift := int32(0)
	if e.Kind == Pressure {
		cut.last, shift = max(cut.last, budget/4), s.follow(e.Len, budget)
	}
	tables := turnTables(c, max(e.Len-s.at, s.Needs().Queries)+max(s.horizon, s.roll))
	err := c.Each(func(_, i int) error {
		v := s.viewer(e, c.Lane(i), tables[c.rope(i)])
		votes[i], asked[i] = s.renew(i, e, v)
		cut.add(i, s.score(v, votes[i]))
		return nil
	})
	if err != nil {
		return err
	}
	cut.find()
	held := 0
	for i := range lanes {
		p := c.Plan(i)
		p.Keep, p.Shift, p.ShiftTo = cut.keep(p.Keep[:0], i), shift, int32(s.sinks)
		for j, slot := range p.Keep {
			votes[i][j] = votes[i][slot]
		}
		votes[i] = votes[i][:len(p.Keep)]
		held += len(p.Keep)
	}
	s.votes, s.asked = votes, asked
	s.after(e.Len, (held+lanes-1)/lanes)
	return nil
}

// renew returns the mean squares of a lane's slots with the new queries taken
// in, and for how many tokens they stand now. Slots that came since the last
// time have the new ones only.
func (s *autoState) renew(i int, e Event, v *viewer) ([]float32, int) {
	fresh, n := v.future(), e.Len-s.at
	if i >= len(s.votes) || len(s.votes[i])+e.Len-s.at != len(fresh) || s.memory == 0 {
		return fresh, min(n, s.memory) // nothing known about these slots
	}
	old := s.votes[i]
	share := float32(n) / float32(max(1, n+s.asked[i]))
	for j, x := range old {
		fresh[j] = (1-share)*x + share*fresh[j]
	}
	return fresh, min(n+s.asked[i], s.memory)
}

// score is what the cut goes by: the spread root mean square plus the pooled
// window votes.
func (s *autoState) score(v *viewer, votes []float32) []float32 {
	n := len(votes)
	out, tmp := make([]float32, n), make([]float32, n)
	for j := range out {
		out[j] = float32(math.Sqrt(float64(slices.Max(votes[max(0, j-s.spread) : j+1]))))
	}
	if s.weight > 0 {
		pooled := make([]float32, n)
		v.recent(tmp, max(1, s.window/v.every))
		poolVotes(pooled, tmp, s.kernel, true)
		kernels.AddScaled(out, pooled, s.weight)
	}
	return out
}

func (s *autoState) MarshalBinary() ([]byte, error) {
	w := newStateWriter()
	s.write(w)
	w.ints(len(s.votes))
	for i, v := range s.votes {
		w.ints(s.asked[i])
		w.floats(v)
	}
	return w.b, nil
}

func (s *autoState) UnmarshalBinary(b []byte) error {
	r := newStateReader(b)
	s.read(r)
	n := r.int()
	s.votes, s.asked = nil, nil
	for i := 0; i < n && r.err == nil; i++ {
		s.asked = append(s.asked, r.int())
		s.votes = append(s.votes, r.floats())
	}
	return r.done()
}
