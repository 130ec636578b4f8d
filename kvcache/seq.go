package kvcache

import "fmt"

// Seq is one sequence of tokens. It is used by one goroutine at a time.
type Seq struct {
	cache  *Cache
	policy Policy
	lanes  []lane
	n      int // tokens seen
	epoch  uint64
	inStep bool
	closed bool
}

// lane is the block table of one (layer, KV head). blocks[i] holds the slots
// (first+i)*BlockSlots and on; earlier blocks of a windowed layer were freed.
type lane struct {
	blocks []uint32
	first  int
}

// Len returns the number of tokens in the sequence, kept or not.
func (s *Seq) Len() int { return s.n }

// Exact reports whether no token was dropped, merged or approximated that a
// layer could still see.
func (s *Seq) Exact() bool { return s.policy.Exact() }

// Fork returns a sequence with the same content. Blocks are shared until one
// of the two writes to them.
func (s *Seq) Fork() (*Seq, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	f, err := s.cache.NewSeq(s.policy.Name())
	if err != nil {
		return nil, err
	}
	for i := range s.lanes {
		l := &s.lanes[i]
		s.cache.pool.share(s.cache.lanes[i].class, l.blocks)
		f.lanes[i] = lane{blocks: append([]uint32(nil), l.blocks...), first: l.first}
	}
	f.n = s.n
	return f, nil
}

// Truncate cuts the sequence to its first n tokens. It fails with
// ErrCannotTruncate, and changes nothing, when a windowed layer no longer
// holds the tokens that position n would see.
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
		keep := max(0, (n+BlockSlots-1)/BlockSlots-l.first)
		if keep < len(l.blocks) {
			s.cache.pool.release(cl, l.blocks[keep:])
			l.blocks = l.blocks[:keep]
		}
		if n%BlockSlots != 0 && keep > 0 {
			s.cache.pool.touch(cl, l.blocks[keep-1])
		}
	}
	s.n = n
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
			s.cache.pool.release(s.cache.lanes[i].class, l.blocks[:drop])
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
	s.cache.mu.Lock()
	s.cache.seqs--
	s.cache.mu.Unlock()
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
