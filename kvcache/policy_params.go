package kvcache

import "fmt"

// slackShare is the part of its budget that a sequence may grow beyond it before
// the next compaction: work comes in batches, so that it costs a few percent of
// decoding.
const slackShare = 8

// minSlots is how many slots beside the protected ones a budget must leave.
const minSlots = 8

// paramReader reads the parameters of a policy one by one, remembers which
// there are and keeps the first error.
type paramReader struct {
	p     Params
	known []string
	err   error
}

func (r *paramReader) note(key string, err error) {
	r.known = append(r.known, key)
	if err != nil && r.err == nil {
		r.err = err
	}
}

func (r *paramReader) int(key string, def, lo, hi int) int {
	n, err := r.p.Int(key, def, lo, hi)
	r.note(key, err)
	return n
}

func (r *paramReader) share(key string, def, lo, hi float64) float64 {
	x, err := r.p.Share(key, def, lo, hi)
	r.note(key, err)
	return x
}

func (r *paramReader) bool(key string, def bool) bool {
	b, err := r.p.Bool(key, def)
	r.note(key, err)
	return b
}

// is reports whether a choice is the given one; absent = the first.
func (r *paramReader) is(want, key string, allowed ...string) bool {
	v, err := r.p.Choice(key, allowed...)
	r.note(key, err)
	return v == want
}

// require notes an error unless ok.
func (r *paramReader) require(ok bool, format string, args ...any) {
	if !ok && r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// done returns the first error, an unknown parameter included.
func (r *paramReader) done() error {
	if r.err == nil {
		r.err = r.p.Only(r.known...)
	}
	return r.err
}

// size is what the policies agree on: how many slots a lane keeps, and when.
type size struct {
	budget int     // slots per lane, on average over the lanes; 0 = by ratio
	ratio  float64 // share of the tokens seen when a prompt ends
	sinks  int     // first slots that are always kept
	recent int     // newest slots that are always kept, or half or quarter
	grow   bool    // what is generated comes on top of the budget
	stream bool    // the budget holds inside a prompt as well
	often  bool    // cuts come every block, however large the budget is
}

// half and quarter as numbers of recent slots stand for these shares of the budget.
const half, quarter = -2, -4

// size reads the common parameters. Without budget and ratio the budget is a
// quarter of the context.
func (r *paramReader) size(c *Config, sinks, recent int, grow bool) size {
	s := size{
		budget: r.int("budget", 0, 0, 1<<30),
		ratio:  r.share("ratio", 0, 0, 1),
		sinks:  r.int("sinks", sinks, 0, 1<<20),
		recent: recent,
		stream: r.is("stream", "prompt", "whole", "stream"),
	}
	switch r.p["recent"] {
	case "half":
		s.recent = half
	case "quarter":
		s.recent = quarter
	case "":
	default:
		s.recent = r.int("recent", 0, 0, 1<<20)
	}
	r.note("recent", nil)
	r.require(s.budget == 0 || s.ratio == 0, "budget and ratio exclude each other")
	s.grow = r.bool("grow", grow || s.budget == 0 && s.ratio > 0)
	if s.budget == 0 && s.ratio == 0 {
		s.budget = max(c.Ctx/4, s.least())
	}
	r.require(s.budget == 0 || s.budget >= s.least(), "budget=%d: %d sinks and %d recent slots need at least %d", s.budget, s.sinks, max(0, s.recent), s.least())
	return s
}

func (s *size) least() int { return s.sinks + max(s.recent, 0) + minSlots }

// slots is the budget once seen tokens have been seen.
func (s *size) slots(seen int) int {
	if s.budget > 0 {
		return s.budget
	}
	return max(int(s.ratio*float64(seen)), s.least())
}

// slack is how many tokens may come on top of the budget, whole blocks.
func (s *size) slack(budget int) int {
	if s.often {
		return BlockSlots
	}
	return max(BlockSlots, budget/slackShare/BlockSlots*BlockSlots)
}

// guarded is how many of the newest slots are always kept.
func (s *size) guarded(budget int) int {
	if s.recent >= 0 {
		return min(s.recent, budget-s.sinks)
	}
	return max(0, budget/-s.recent-s.sinks)
}

// needs adds to n what follows from the size.
func (s *size) needs(n Needs) Needs {
	n.Slots = s.budget
	n.Endless = s.budget > 0 && !s.grow
	return n
}

// pace says when a compaction is due. It follows one sequence.
type pace struct {
	size
	target  int // slots per lane to hold, once a prompt ended
	at      int // tokens at the last compaction
	held    int // slots per lane after it, on average, rounded up
	shifted int // positions that the first slots were moved forward, see follow
	dropped bool
}

// live is how many slots a lane holds on average.
func (p *pace) live(seen int) int { return p.held + seen - p.at }

// due is State.Due. A prompt under way is computed against everything, unless
// the budget holds inside prompts as well.
func (p *pace) due(e Event) bool {
	switch {
	case e.Kind == EndOfPrompt:
		p.target = p.slots(e.Len)
		return p.live(e.Len) > p.target
	case e.Kind == PoolLow:
		return p.live(e.Len) > p.want(e.Len)
	case p.stream:
		return p.live(e.Len)+max(1, e.Incoming) > p.bound(e.Len)
	}
	return !p.grow && !e.Prompt && p.live(e.Len)+1 > p.bound(e.Len)
}

// want is the budget now.
func (p *pace) want(seen int) int {
	if p.target == 0 || p.budget > 0 {
		return p.slots(seen)
	}
	return p.target
}

// after notes that lanes hold held slots on average.
func (p *pace) after(seen, held int) { p.at, p.held, p.dropped = seen, held, true }

// bound is how many slots there may be before the next compaction.
func (p *pace) bound(seen int) int { return p.want(seen) + p.slack(p.want(seen)) }

// follow returns by how many positions the sinks are to move so that queries see
// them as far away as if the cache held nothing but its newest slots: what is
// endless must not drift away from them (Xiao et al., §3.2).
func (p *pace) follow(seen, budget int) int32 {
	by := max(0, seen-budget-p.shifted)
	p.shifted += by
	return int32(by)
}

// Exact is part of State.
func (p *pace) Exact() bool { return !p.dropped }

// write and read store what a pace has learnt.
func (p *pace) write(w *stateWriter) {
	d := 0
	if p.dropped {
		d = 1
	}
	w.ints(p.target, p.at, p.held, p.shifted, d)
}

func (p *pace) read(r *stateReader) {
	p.target, p.at, p.held, p.shifted, p.dropped = r.int(), r.int(), r.int(), r.int(), r.int() == 1
}
