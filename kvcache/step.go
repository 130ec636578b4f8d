package kvcache

import "fmt"

// Rows says how many tokens a step appends to a sequence.
type Rows struct {
	Seq *Seq
	N   int
}

// Step is one forward pass: N new tokens for each of its sequences. Put, View
// and Tile may be called concurrently for different rows and lanes.
type Step struct {
	cache *Cache
	rows  []Rows
	start []int // length of each sequence before the step
	seqOf []int32
	posOf []int32 // position of each row
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
	}
}

// Begin starts the step t: it reserves slots for all rows, or none and
// returns ErrFull or ErrPool. The rows of a step are numbered sequence by
// sequence, in the order given.
func (c *Cache) Begin(t *Step, rows []Rows) error {
	t.cache = c
	t.rows, t.start, t.seqOf, t.posOf = t.rows[:0], t.start[:0], t.seqOf[:0], t.posOf[:0]
	for i, r := range rows {
		if err := r.Seq.usable(); err != nil {
			return err
		}
		for _, o := range rows[:i] {
			if o.Seq == r.Seq {
				return fmt.Errorf("a sequence appears twice in one step")
			}
		}
		if r.Seq.n+r.N > c.cfg.Ctx {
			return fmt.Errorf("%w: %d tokens and %d more, the context holds %d", ErrFull, r.Seq.n, r.N, c.cfg.Ctx)
		}
	}
	t.count(rows)
	if err := c.pool.reserve(t.wants); err != nil {
		return err
	}
	for i, r := range rows {
		t.rows = append(t.rows, r)
		t.start = append(t.start, r.Seq.n)
		for p := range r.N {
			t.seqOf = append(t.seqOf, int32(i))
			t.posOf = append(t.posOf, int32(r.Seq.n+p))
		}
		r.Seq.grow(r.N, t)
		r.Seq.inStep = true
	}
	c.pool.unreserve(t.wants)
	return nil
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
			n := r.Seq.needs(i, r.N)
			if n == 0 {
				continue
			}
			cl := t.cache.lanes[i].class
			k := 0
			for k < len(t.wants) && t.wants[k].class != cl {
				k++
			}
			if k == len(t.wants) {
				t.wants = append(t.wants, want{class: cl})
			}
			t.wants[k].n += n
		}
	}
}

// needs returns how many blocks lane i takes to append n tokens, a copy of a
// shared tail included.
func (s *Seq) needs(i, n int) int {
	l := &s.lanes[i]
	have := l.first + len(l.blocks)
	need := (s.n+n+BlockSlots-1)/BlockSlots - have
	if s.tailShared(i) {
		need++
	}
	return need
}

// tailShared reports whether the block that lane i appends to is in use by
// another sequence as well.
func (s *Seq) tailShared(i int) bool {
	l := &s.lanes[i]
	if s.n%BlockSlots == 0 || len(l.blocks) == 0 {
		return false
	}
	return s.cache.pool.shared(s.cache.lanes[i].class, l.blocks[len(l.blocks)-1])
}

// grow gives every lane room for n more tokens out of the reserved blocks.
func (s *Seq) grow(n int, t *Step) {
	for i := range s.lanes {
		l, cl := &s.lanes[i], s.cache.lanes[i].class
		if s.tailShared(i) {
			last := len(l.blocks) - 1
			fresh := t.take(cl)
			copy(cl.bytes(fresh), cl.bytes(l.blocks[last]))
			s.cache.pool.release(cl, l.blocks[last:])
			l.blocks[last] = fresh
		}
		for want := (s.n + n + BlockSlots - 1) / BlockSlots; l.first+len(l.blocks) < want; {
			l.blocks = append(l.blocks, t.take(cl))
		}
	}
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

// Pos returns the position of each row.
func (t *Step) Pos() []int32 { return t.posOf }

// Put stores keys (after RoPE) and values of one row, all KV heads of a layer
// side by side. tmp is scratch of at least TmpBytes.
func (t *Step) Put(layer, row int, k, v []float32, tmp []byte) {
	c := t.cache
	spec := c.cfg.Layers[layer]
	s, pos := t.rows[t.seqOf[row]].Seq, int(t.posOf[row])
	for h := range spec.KVHeads {
		i := c.first[layer] + h
		l, ls := &s.lanes[i], &c.lanes[i]
		blk := ls.class.bytes(l.blocks[pos/BlockSlots-l.first])
		c.cfg.K.putK(blk[:ls.kBytes], pos%BlockSlots, k[h*spec.KDim:(h+1)*spec.KDim], tmp)
		c.cfg.V.putV(blk[ls.kBytes:], pos%BlockSlots, v[h*spec.VDim:(h+1)*spec.VDim])
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

// Commit publishes the rows: they count as part of their sequences, and
// windowed layers drop what nobody can see any more.
func (t *Step) Commit() {
	for _, r := range t.rows {
		r.Seq.n += r.N
		r.Seq.inStep = false
		r.Seq.trim()
	}
	t.rows = t.rows[:0]
}

// Abort gives the reserved slots back; the sequences are as before Begin.
func (t *Step) Abort() {
	for i, r := range t.rows {
		r.Seq.inStep = false
		r.Seq.cut(t.start[i])
	}
	t.rows = t.rows[:0]
}
