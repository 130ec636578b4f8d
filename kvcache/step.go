package kvcache

import (
	"errors"
	"fmt"
)

// Rows says how many tokens a step appends to a sequence.
type Rows struct {
	Seq *Seq
	N   int
	// Prompt: the rows belong to a prompt. End: they finish one. Policies keep
	// and cut by it.
	Prompt, End bool
}

func (r *Rows) prompt() bool { return r.Prompt || r.End }

// Step is one forward pass: N new tokens for each of its sequences. Put, View
// and Tile may be called concurrently for different rows and lanes.
type Step struct {
	cache *Cache
	rows  []Rows
	start []int // length of each sequence before the step
	seqOf []int32
	posOf []int32 // position of each row
	rotOf []int32 // position that full layers rotate it to
	wants []want
}

// NewStep returns an empty step that can hold maxRows rows of at most maxSeqs
// sequences; Begin then reuses its memory.
func NewStep(maxSeqs, maxRows int) *Step {
	return &Step{
		rows:  make([]Rows, 0, maxSeqs),
		start: make([]int, 0, maxSeqs),
		seqOf: make([]int32, 0, maxRows),
		posOf: make([]int32, 0, maxRows),
		rotOf: make([]int32, 0, maxRows),
	}
}

// Begin starts the step t: it reserves slots for all rows, or none and
// returns ErrFull or ErrPool. The rows of a step are numbered sequence by
// sequence, in the order given. Where there is no room, policies are asked to
// make some.
func (c *Cache) Begin(t *Step, rows []Rows) error {
	t.cache = c
	t.rows, t.start, t.seqOf, t.posOf, t.rotOf = t.rows[:0], t.start[:0], t.seqOf[:0], t.posOf[:0], t.rotOf[:0]
	for i, r := range rows {
		if err := r.Seq.usable(); err != nil {
			return err
		}
		for _, o := range rows[:i] {
			if o.Seq == r.Seq {
				return fmt.Errorf("a sequence appears twice in one step")
			}
		}
		if err := r.Seq.room(r.N); err != nil {
			return err
		}
	}
	if err := t.reserve(rows); err != nil {
		return err
	}
	for i, r := range rows {
		t.rows = append(t.rows, r)
		t.start = append(t.start, r.Seq.n)
		rot := r.Seq.rotation()
		for p := range r.N {
			t.seqOf = append(t.seqOf, int32(i))
			t.posOf = append(t.posOf, int32(r.Seq.n+p))
			t.rotOf = append(t.rotOf, int32(rot+p))
		}
		r.Seq.observe(&r)
		r.Seq.grow(r.N, t)
		r.Seq.inStep = true
	}
	c.pool.unreserve(t.wants)
	return nil
}

// room reports ErrFull when n more tokens do not fit into the context.
func (s *Seq) room(n int) error {
	ctx := s.cache.cfg.Ctx
	if !s.needs.Endless {
		if s.n+n > ctx {
			return fmt.Errorf("%w: %d tokens and %d more, the context holds %d", ErrFull, s.n, n, ctx)
		}
		return nil
	}
	if s.Live()+n > ctx {
		if err := s.compact(Event{Kind: PoolLow, Len: s.n, Live: s.Live(), Incoming: n}); err != nil {
			return err
		}
	}
	if live := s.Live(); live+n > ctx {
		return fmt.Errorf("%w: %d tokens are kept and %d more come, the context holds %d", ErrFull, live, n, ctx)
	}
	return nil
}

// rotation is the position that the next query of full layers is rotated to.
func (s *Seq) rotation() int {
	if s.needs.Raw {
		return s.Live()
	}
	return s.n
}

// reserve reserves the blocks that the rows need. Where the pool has too few,
// the policies of the sequences are asked to shrink them.
func (t *Step) reserve(rows []Rows) error {
	t.count(rows)
	err := t.cache.pool.reserve(t.wants)
	for errors.Is(err, ErrPool) && t.cache.prefixIndex().reclaim() {
		err = t.cache.pool.reserve(t.wants)
	}
	if !errors.Is(err, ErrPool) {
		return err
	}
	for _, r := range rows {
		e := Event{Kind: PoolLow, Len: r.Seq.n, Live: r.Seq.Live(), Incoming: r.N}
		if !r.Seq.state.Due(e) {
			continue
		}
		if cerr := r.Seq.compact(e); cerr != nil && !errors.Is(cerr, ErrPool) {
			return cerr
		}
	}
	t.count(rows)
	return t.cache.pool.reserve(t.wants)
}

// take takes one of the blocks that Begin reserved.
func (t *Step) take(cl *class) uint32 {
	for i := range t.wants {
		if t.wants[i].class == cl {
			t.wants[i].n--
		}
	}
	return t.cache.pool.take(cl)
}

// count fills t.wants with the blocks that the rows need.
func (t *Step) count(rows []Rows) {
	t.wants = t.wants[:0]
	for _, r := range rows {
		for i := range r.Seq.lanes {
			n := r.Seq.blocksFor(i, r.N)
			if n == 0 {
				continue
			}
			cl := t.cache.lanes[i].class
			t.wants = addWant(t.wants, cl, n)
		}
	}
}

// blocksFor returns how many blocks lane i takes to append n tokens, a copy of a
// shared tail included.
func (s *Seq) blocksFor(i, n int) int {
	l := &s.lanes[i]
	need := (l.tail+n+BlockSlots-1)/BlockSlots - l.first - len(l.blocks)
	if s.tailShared(i) {
		need++
	}
	return need
}

// tailShared reports whether the block that lane i appends to is in use by
// another sequence as well.
func (s *Seq) tailShared(i int) bool {
	l := &s.lanes[i]
	if l.last() < 0 || len(l.blocks) == 0 {
		return false
	}
	return s.cache.pool.shared(s.cache.lanes[i].class, l.blocks[l.last()-l.first])
}

// grow gives every lane room for n more tokens out of the reserved blocks.
func (s *Seq) grow(n int, t *Step) {
	for i := range s.lanes {
		l, cl := &s.lanes[i], s.cache.lanes[i].class
		if s.tailShared(i) {
			last := l.last() - l.first
			fresh := t.take(cl)
			copy(cl.bytes(fresh), cl.bytes(l.blocks[last]))
			s.cache.pool.release(cl, l.blocks[last:last+1])
			l.blocks[last] = fresh
		}
		for want := (l.tail + n + BlockSlots - 1) / BlockSlots; l.first+len(l.blocks) < want; {
			l.blocks = append(l.blocks, t.take(cl))
			s.count.blockBytes += int64(cl.size)
		}
		l.extend(n, s.n)
	}
	s.count.peak = max(s.count.peak, s.count.blockBytes)
}

// Rows returns the number of rows of the step.
func (t *Step) Rows() int { return len(t.posOf) }

// Seqs returns the number of sequences of the step.
func (t *Step) Seqs() int { return len(t.rows) }

// Span returns the first row of sequence i and how many it has.
func (t *Step) Span(i int) (first, n int) {
	for _, r := range t.rows[:i] {
		first += r.N
	}
	return first, t.rows[i].N
}

// Pos returns the position of each row in its text: masks and windowed layers
// go by it.
func (t *Step) Pos() []int32 { return t.posOf }

// RotPos returns the position that layers with full attention rotate the query
// and key of each row to. It differs from Pos in raw sequences, whose
// positions are those in the cache.
func (t *Step) RotPos() []int32 { return t.rotOf }

// Raw reports whether the keys of a row are put without rotation in layers
// with full attention.
func (t *Step) Raw(row int) bool { return t.rows[t.seqOf[row]].Seq.needs.Raw }

// Slots is how many slot numbers lane (layer, head) of sequence i has in this
// step, its new rows included: an upper bound of what its view shows.
func (t *Step) Slots(i, layer, head int) int {
	l := &t.rows[i].Seq.lanes[t.cache.first[layer]+head]
	return l.tail + t.rows[i].N
}

// Put stores keys (after RoPE, unless Raw says otherwise) and values of one row,
// all KV heads of a layer side by side. tmp is scratch of at least TmpBytes.
func (t *Step) Put(layer, row int, k, v []float32, tmp []byte) {
	c := t.cache
	spec := &c.cfg.Layers[layer]
	i := t.seqOf[row]
	s, nth := t.rows[i].Seq, int(t.posOf[row])-t.start[i]
	for h := range spec.KVHeads {
		li := c.first[layer] + h
		l, ls := &s.lanes[li], &c.lanes[li]
		slot := l.tail + nth
		blk := ls.class.bytes(l.blocks[slot/BlockSlots-l.first])
		c.cfg.K.putK(blk[:ls.kBytes], slot%BlockSlots, k[h*spec.KDim:(h+1)*spec.KDim], tmp)
		c.cfg.V.putV(blk[ls.kBytes:], slot%BlockSlots, v[h*spec.VDim:(h+1)*spec.VDim])
	}
}

// Queries hands over the rotated queries of one row, all heads of a layer with
// full attention side by side; they are kept if the policy wants them.
func (t *Step) Queries(layer, row int, q []float32) {
	r := &t.rows[t.seqOf[row]]
	s, pos := r.Seq, t.posOf[row]
	if s.recent != nil && int(pos) >= s.n+r.N-s.recent.keep {
		s.recent.put(t.cache, layer, pos, q)
	}
	if s.observed != nil && r.prompt() {
		s.observed.put(t.cache, layer, pos, q)
	}
}

// TmpBytes is the scratch that Put needs.
func (c *Cache) TmpBytes() int {
	n := 0
	for _, l := range c.cfg.Layers {
		n = max(n, 4*l.KDim)
	}
	return n
}

// Commit publishes the rows: they count as part of their sequences, windowed
// layers drop what nobody can see any more, and policies that are due cut
// their sequences. An error is that of a policy: the rows are published
// nevertheless, and its sequence is whole.
func (t *Step) Commit() error {
	for i := range t.rows {
		r := &t.rows[i]
		r.Seq.append(r.N)
		r.Seq.inStep = false
		r.Seq.trim()
	}
	var errs error
	for i := range t.rows {
		if err := t.rows[i].Seq.afterPass(&t.rows[i]); err != nil && errs == nil {
			errs = err
		}
	}
	t.rows = t.rows[:0]
	return errs
}

// append counts n rows as part of the sequence.
func (s *Seq) append(n int) {
	for i := range s.lanes {
		s.lanes[i].tail += n
	}
	if s.recent != nil {
		s.recent.mark(s.n, s.n+n, true)
	}
	s.n += n
	if s.observed != nil {
		s.observed.upTo(s.n)
	}
}

// afterPass compacts the sequence if its policy is due.
func (s *Seq) afterPass(r *Rows) error {
	e := Event{Kind: Pressure, Len: s.n, Live: s.Live(), Incoming: 1, Prompt: r.prompt()}
	if r.End {
		e.Kind = EndOfPrompt
	}
	var err error
	if s.state.Due(e) {
		if err = s.compact(e); errors.Is(err, ErrPool) { // it stays due
			s.count.deferred++
			err = nil
		}
	}
	if r.End {
		s.observed = nil
	}
	return err
}

// Abort gives the reserved slots back; the sequences are as before Begin.
func (t *Step) Abort() {
	for i, r := range t.rows {
		r.Seq.inStep = false
		if r.Seq.recent != nil {
			r.Seq.recent.mark(t.start[i], t.start[i]+r.N, false)
		}
		r.Seq.cut(t.start[i])
	}
	t.rows = t.rows[:0]
}
