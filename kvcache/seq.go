package kvcache

import "fmt"

// Seq is one sequence of tokens. It is used by one goroutine at a time.
type Seq struct {
	cache  *Cache
	spec   string // the policy as it was asked for
	policy Policy
	state  State
	needs  Needs
	lanes  []lane
	n      int // tokens seen
	frozen int // length at the last compaction: it cannot be cut below
	epoch  uint64
	inStep bool
	closed bool

	recent   *recentQueries
	observed *observedQueries
	comp     *Compaction
	count    counters
}

// counters are what the statistics of a sequence count.
type counters struct {
	blockBytes, peak        int64
	dropped, merged, reused int64
	compactions, deferred   int
}

// Len returns the number of tokens in the sequence, kept or not.
func (s *Seq) Len() int { return s.n }

// Live returns the number of slots of the longest full lane: what the context
// length limits when a policy holds a budget.
func (s *Seq) Live() int {
	n, full := 0, false
	for i := range s.lanes {
		if s.cache.lanes[i].spec.Window == 0 {
			n, full = max(n, s.lanes[i].live()), true
		}
	}
	if !full {
		return s.n
	}
	return n
}

// Exact reports whether no token was dropped, merged or approximated that a
// layer could still see.
func (s *Seq) Exact() bool { return s.state.Exact() }

// Endless reports whether the sequence may grow beyond the context length,
// because its policy holds a budget.
func (s *Seq) Endless() bool { return s.needs.Endless }

// Cuts reports whether the sequence has a policy that may cut it: then it cannot
// always be truncated.
func (s *Seq) Cuts() bool {
	_, dense := s.state.(denseState)
	return !dense
}

// Policy returns the specification of the policy.
func (s *Seq) Policy() string { return s.spec }

// Fork returns a sequence with the same content. Blocks are shared until one
// of the two writes to them.
func (s *Seq) Fork() (*Seq, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	f, err := s.cache.open(s.spec, s.policy, s.state.Clone())
	if err != nil {
		return nil, err
	}
	for i := range s.lanes {
		s.cache.pool.share(s.cache.lanes[i].class, s.lanes[i].blocks)
		f.lanes[i] = s.lanes[i].copy()
	}
	f.n, f.frozen, f.count = s.n, s.frozen, s.count
	s.copyQueries(f)
	return f, nil
}

// Truncate cuts the sequence to its first n tokens. It fails with
// ErrCannotTruncate, and changes nothing, when a windowed layer no longer
// holds the tokens that position n would see, or a policy cut the sequence
// when it was longer.
func (s *Seq) Truncate(n int) error {
	if err := s.usable(); err != nil {
		return err
	}
	if n < 0 || n > s.n {
		return fmt.Errorf("truncate to %d tokens: the sequence has %d", n, s.n)
	}
	if n == s.n {
		return nil
	}
	if n < s.frozen {
		return fmt.Errorf("%w: %d tokens: the cache was cut by %s at %d", ErrCannotTruncate, n, s.policy.Name(), s.frozen)
	}
	for i := range s.lanes {
		w := s.cache.lanes[i].spec.Window
		if kept := s.lanes[i].first * BlockSlots; w > 0 && kept > max(0, n-w+1) {
			return fmt.Errorf("%w: %d tokens: layer %d holds positions from %d on", ErrCannotTruncate, n, s.cache.lanes[i].layer, kept)
		}
	}
	s.cut(n)
	s.epoch++
	return nil
}

// cut drops all slots at positions ≥ n.
func (s *Seq) cut(n int) {
	for i := range s.lanes {
		l, cl := &s.lanes[i], s.cache.lanes[i].class
		l.cutTo(n)
		keep := max(0, (l.tail+BlockSlots-1)/BlockSlots-l.first)
		if keep < len(l.blocks) {
			s.count.blockBytes -= int64(len(l.blocks)-keep) * int64(cl.size)
			s.cache.pool.release(cl, l.blocks[keep:])
			l.blocks = l.blocks[:keep]
		}
		if l.last() >= 0 && keep > 0 {
			s.cache.pool.touch(cl, l.blocks[keep-1])
		}
	}
	s.n = n
	if s.observed != nil {
		s.observed.upTo(n)
	}
}

// trim frees the blocks of windowed layers that no later token can see.
func (s *Seq) trim() {
	for i := range s.lanes {
		w := s.cache.lanes[i].spec.Window
		if w == 0 {
			continue
		}
		l := &s.lanes[i]
		keep := max(0, s.n-w+1-windowSlack) / BlockSlots // first block to keep
		if drop := min(keep-l.first, len(l.blocks)); drop > 0 {
			cl := s.cache.lanes[i].class
			s.count.blockBytes -= int64(drop) * int64(cl.size)
			s.cache.pool.release(cl, l.blocks[:drop])
			l.blocks = append(l.blocks[:0], l.blocks[drop:]...)
			l.first += drop
		}
	}
}

// Close gives the sequence's blocks back. It may be called more than once.
func (s *Seq) Close() {
	if s.closed {
		return
	}
	s.closed = true
	for i := range s.lanes {
		s.cache.pool.release(s.cache.lanes[i].class, s.lanes[i].blocks)
		s.lanes[i].blocks = nil
	}
	s.recent, s.observed, s.comp = nil, nil, nil
	s.cache.leave()
}

func (s *Seq) usable() error {
	switch {
	case s.closed:
		return fmt.Errorf("sequence: %w", ErrClosed)
	case s.inStep:
		return fmt.Errorf("sequence is part of a running step")
	}
	return nil
}
