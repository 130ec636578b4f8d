package kvcache

import "fmt"

// lacachePolicy keeps other tokens in every layer, as rungs of a ladder:
// "LaCache: Ladder-Shaped KV Caching for Efficient Long-Context Modeling of Large
// Language Models" (Shi et al., 2025, §3). No scores are needed and all layers
// stay equally long; a token that was swept over j times is left in about
// (k/m)^j of them. The index rule is that of the authors' code (layers take
// turns every r+1), pattern=contiguous that of the paper's text. Where we depart:
// the newest half of the budget is never touched (the authors: the newest L), and
// span and overlap default to 16 and 8 of 30 layers, the best of those measured.
type lacachePolicy struct{}

func (lacachePolicy) Name() string { return "lacache" }

func (lacachePolicy) Help() string {
	return "ladders over the layers (LaCache), for endless text: budget=SLOTS or ratio=SHARE, span=16/30 of the layers, overlap=half of span, " +
		"recent=half, sinks=4, pattern=code|contiguous, grow=0, prompt=whole|stream"
}

func (lacachePolicy) New(p Params, c *Config) (State, error) {
	var full []int
	layers := 0
	for _, l := range c.Layers {
		full = append(full, layers)
		if l.Window == 0 {
			layers++
		}
	}
	r := &paramReader{p: p}
	span := r.int("span", max(1, 16*layers/30), 1, 1<<16)
	overlap := r.int("overlap", span/2, 0, 1<<16)
	s := &lacacheState{full: full, contiguous: r.is("contiguous", "pattern", "code", "contiguous")}
	s.size = r.size(c, 4, half, false)
	if r.err == nil {
		s.ladder, r.err = newLadder(layers, span, overlap)
	}
	free := s.budget - s.sinks - s.guarded(s.budget)
	r.require(s.budget == 0 || free >= s.m, "budget=%d: %d slots besides sinks and recent ones are too few for a ladder of %d", s.budget, free, s.m)
	s.cursor = s.sinks
	return s, r.done()
}

// ladder is the geometry of one ladder: of m consecutive slots every layer keeps
// k, and r = m-k are freed.
type ladder struct{ layers, m, k, r int }

// newLadder computes m = 1+⌈(L-S)/(S-O)⌉ and k = min(⌈S/(S-O)⌉, m). One layer has
// nobody to share tokens with and keeps every second one.
func newLadder(layers, span, overlap int) (ladder, error) {
	l := ladder{layers: layers}
	if layers < 2 {
		return ladder{layers: layers, m: 2, k: 1, r: 1}, nil
	}
	if span > layers || overlap >= span {
		return l, fmt.Errorf("span=%d, overlap=%d: the span must be at most %d, the layers without a window, and above the overlap", span, overlap, layers)
	}
	step := span - overlap
	l.m = 1 + (layers-span+step-1)/step
	l.k = min((span+step-1)/step, l.m)
	if l.r = l.m - l.k; l.r < 1 {
		return l, fmt.Errorf("span=%d, overlap=%d: every one of %d layers would keep every token", span, overlap, layers)
	}
	return l, nil
}

// shift is the first of the m slots that a layer keeps.
func (l *ladder) shift(layer int, contiguous bool) int {
	if contiguous {
		return layer * (l.r + 1) / l.layers
	}
	return layer % (l.r + 1)
}

type lacacheState struct {
	pace
	ladder
	full       []int // per layer: its number among those without a window
	contiguous bool
	cursor     int // end of what the current sweep has compacted
}

func (s *lacacheState) Needs() Needs     { return s.needs(Needs{Raw: true}) }
func (s *lacacheState) Due(e Event) bool { return s.due(e) }

// Clone is part of State.
func (s *lacacheState) Clone() State { c := *s; return &c }

// Compact applies ladders behind the cursor until the lanes are short enough,
// and starts over at the sinks when the untouched part is reached. The average
// occupancy between two compactions is the budget: the goal is budget+⌊r/2⌋.
func (s *lacacheState) Compact(e Event, c *Compaction) error {
	if c.Lanes() == 0 {
		return nil
	}
	budget := s.want(e.Len)
	goal, n := budget+s.r/2, c.Lane(0).Len()
	sweeps, cursor, left := s.sweeps(n, goal, s.guarded(budget))
	if len(sweeps) == 0 {
		return nil
	}
	err := c.Each(func(_, i int) error {
		ln := c.Lane(i)
		if ln.Len() != n {
			return fmt.Errorf("lacache: lane %d has %d slots, lane 0 has %d", i, ln.Len(), n)
		}
		p := c.Plan(i)
		p.Keep = p.Keep[:0]
		for j := range n {
			p.Keep = append(p.Keep, int32(j))
		}
		layer := s.full[ln.Layer()]
		for _, w := range sweeps {
			p.Keep = s.apply(p.Keep, w, layer)
		}
		return nil
	})
	if err == nil {
		s.cursor = cursor
		s.after(e.Len, left)
	}
	return err
}

// sweep is a run of ladders: count of them, from slot at on.
type sweep struct{ at, count int }

// sweeps lists the ladders that bring n slots down to goal, and returns the
// cursor after them and the slots left.
func (s *lacacheState) sweeps(n, goal, untouched int) (list []sweep, cursor, left int) {
	cursor = min(s.cursor, n)
	for n > goal {
		room := (n - untouched - cursor) / s.m
		if count := min(max(room, 0), (n-goal+s.r-1)/s.r); count > 0 {
			list = append(list, sweep{cursor, count})
			cursor += count * s.k
			n -= count * s.r
			continue
		}
		if cursor <= s.sinks {
			break // nothing but protected slots
		}
		cursor = s.sinks
	}
	return list, cursor, n
}

// apply keeps of every ladder of a sweep the k slots of the layer.
func (s *lacacheState) apply(keep []int32, w sweep, layer int) []int32 {
	shift := s.shift(layer, s.contiguous)
	out := keep[:w.at]
	for j := range w.count {
		at := w.at + j*s.m + shift
		out = append(out, keep[at:at+s.k]...)
	}
	return append(out, keep[w.at+w.count*s.m:]...)
}

func (s *lacacheState) MarshalBinary() ([]byte, error) {
	w := newStateWriter()
	s.write(w)
	w.ints(s.cursor)
	return w.b, nil
}

func (s *lacacheState) UnmarshalBinary(b []byte) error {
	r := newStateReader(b)
	s.read(r)
	s.cursor = r.int()
	return r.done()
}
