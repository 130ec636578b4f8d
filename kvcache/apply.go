package kvcache

import (
	"encoding/binary"
	"slices"
	"sync/atomic"

	"kvasir/kernels"
)

// apply carries the checked plans out: lane by lane, on all workers, in blocks
// that were reserved before the first one moves.
func (c *Compaction) apply() error {
	s := c.seq
	c.run(layPhase)
	wants := c.wants()
	pool := &s.cache.pool
	if err := pool.reserve(wants); err != nil {
		return err
	}
	var bytes int64
	c.credits = make([]credit, len(wants))
	for i, w := range wants {
		c.credits[i].class = w.class
		c.credits[i].n.Store(int64(w.n))
		bytes += int64(w.n) * int64(w.class.size)
	}
	s.count.peak = max(s.count.peak, s.count.blockBytes+bytes)
	c.run(movePhase)
	for i := range c.credits {
		wants[i].n = int(c.credits[i].n.Load())
	}
	pool.unreserve(wants)
	c.account()
	s.frozen = s.n
	s.epoch++
	return nil
}

// credit is how many reserved blocks of a class are left.
type credit struct {
	class *class
	n     atomic.Int64
}

func (c *Compaction) credit(cl *class) *atomic.Int64 {
	for i := range c.credits {
		if c.credits[i].class == cl {
			return &c.credits[i].n
		}
	}
	return nil
}

// wants is what has to be reserved so that no lane can lack a block: what the
// lanes together take beyond what they give back, and the largest lanes in
// full, as many as may be under way at a time.
func (c *Compaction) wants() []want {
	var wants []want
	largest := map[*class][]int{}
	for i := range c.layouts {
		l, cl := &c.layouts[i], c.views[i].ls.class
		if !l.on {
			continue
		}
		wants = addWant(wants, cl, max(0, l.fresh-l.freed))
		largest[cl] = append(largest[cl], l.fresh)
	}
	for k := range wants {
		f := largest[wants[k].class]
		slices.Sort(f)
		for _, n := range f[max(0, len(f)-c.Workers()):] {
			wants[k].n += n
		}
	}
	return wants
}

// account counts what the compaction did.
func (c *Compaction) account() {
	n := &c.seq.count
	n.compactions++
	for i := range c.layouts {
		l, p := &c.layouts[i], &c.plans[i]
		if !l.on {
			continue
		}
		merged := 0
		for _, m := range p.Merge {
			merged += len(m.Src)
		}
		n.merged += int64(merged)
		n.dropped += int64(c.views[i].n - len(p.Keep) - merged)
		n.blockBytes += int64(l.fresh-len(l.gone)) * int64(c.views[i].ls.class.size)
	}
}

// Phases of apply.
const (
	layPhase = iota
	movePhase
)

// run does a phase for every lane.
func (c *Compaction) run(phase int) {
	t := applyTask{c, phase}
	if p := c.seq.cache.cfg.Workers; p != nil {
		p.Run(&t, len(c.layouts))
		return
	}
	for i := range c.layouts {
		t.Do(0, i)
	}
}

type applyTask struct {
	c     *Compaction
	phase int
}

// Do does the phase for one lane.
func (t *applyTask) Do(_, i int) {
	switch {
	case t.phase == layPhase:
		t.c.lay(i)
	case t.c.layouts[i].on:
		t.c.move(i)
	}
}

// move brings one lane into its new form.
func (c *Compaction) move(i int) {
	v, l := &c.views[i], &c.layouts[i]
	pool, credit := &c.seq.cache.pool, c.credit(v.ls.class)
	credit.Add(-int64(l.fresh))
	blocks := make([]uint32, 0, len(l.blocks)+2)
	for _, nb := range l.blocks {
		if nb.old >= 0 {
			blocks = append(blocks, v.ln.blocks[int(nb.old)-v.ln.first])
			continue
		}
		id := pool.take(v.ls.class)
		c.fill(i, v.ls.class.bytes(id), nb)
		blocks = append(blocks, id)
	}
	credit.Add(int64(pool.recycle(v.ls.class, l.gone)))
	old := v.ln.meta
	v.ln.meta, v.ln.tail = l.describe(c.need.Raw, c.seq.n)
	l.meta = old
	v.ln.blocks, v.ln.first, v.held = blocks, 0, -1
}

// fill copies the slots of a new block, and computes the merged ones.
func (c *Compaction) fill(i int, dst []byte, nb newBlock) {
	v, l, cfg := &c.views[i], &c.layouts[i], &c.seq.cache.cfg
	spec := &v.ls.spec
	slots := l.order[nb.first : nb.first+nb.fill]
	for j := 0; j < len(slots); {
		b, from := v.place(int(slots[j]))
		n := 1
		for j+n < len(slots) {
			if nextB, next := v.place(int(slots[j+n])); nextB != b || next != from+n {
				break
			}
			n++
		}
		src := v.block(b)
		cfg.K.copyK(dst, src, spec.KDim, j, from, n)
		cfg.V.copyV(dst[v.ls.kBytes:], src[v.ls.kBytes:], spec.VDim, j, from, n)
		j += n
	}
	if len(l.merge) == 0 {
		return
	}
	for j, s := range slots {
		if m := l.merge[s]; m > 0 {
			c.fold(i, dst, j, int(nb.first)+j, &c.plans[i].Merge[m-1])
		}
	}
}

// fold stores the weighted mean of the slots of a merge as slot j of a block;
// k is its number in the new order.
func (c *Compaction) fold(i int, dst []byte, j, k int, m *Merge) {
	v, l, p, cfg := &c.views[i], &c.layouts[i], &c.plans[i], &c.seq.cache.cfg
	spec := &v.ls.spec
	buf := c.buffer(2 * (spec.KDim + spec.VDim))
	defer c.giveBack(buf)
	key, val, sum := buf[:spec.KDim], buf[spec.KDim:][:spec.VDim], buf[spec.KDim+spec.VDim:]
	clear(sum)
	db, _ := v.place(int(m.Dst))
	total := 0.0
	add := func(s int32) {
		w := v.size(s)
		total += w
		v.Key(int(s), key)
		v.Value(int(s), val)
		if spec.Rope != nil && !c.need.Raw {
			by := int32(0)
			if b, _ := v.place(int(s)); v.ln.shift(b) != v.ln.shift(db) {
				by = v.ln.shift(b) - v.ln.shift(db)
			}
			if p.Unrotated {
				by = l.pos[k] - v.pos[s]
			}
			spec.Rope.Rotate(key, 1, spec.KDim, by)
		}
		for d, x := range key {
			sum[d] += float32(w) * x
		}
		for d, x := range val {
			sum[spec.KDim+d] += float32(w) * x
		}
	}
	add(m.Dst)
	for _, s := range m.Src {
		add(s)
	}
	for d := range sum {
		sum[d] /= float32(total)
	}
	cfg.K.putK(dst[:v.ls.kBytes], j, sum[:spec.KDim], make([]byte, 4*spec.KDim))
	cfg.V.putV(dst[v.ls.kBytes:], j, sum[spec.KDim:])
}

// copyK copies n slots of a K tile, from slot from on, to another one's slot to
// and on, as they are encoded.
func (t DType) copyK(dst, src []byte, dim, to, from, n int) {
	switch t {
	case F32:
		copyColumns(dst, src, dim, 4, to, from, n)
	case F16, BF16:
		copyColumns(dst, src, dim, 2, to, from, n)
	case I16:
		rows := kernels.I16Width(dim) / 2
		copyColumns(dst, src, rows+1, 4, to, from, n) // pairs, then scales
	default: // code bytes, then scales
		rows := dim / quantum * t.codeBytes()
		copyColumns(dst, src, rows, 1, to, from, n)
		copyColumns(dst[rows*BlockSlots:], src[rows*BlockSlots:], dim/quantum, 2, to, from, n)
	}
}

// copyV copies n slots of a V tile, from slot from on, to another one's slot to
// and on, as they are encoded.
func (t DType) copyV(dst, src []byte, dim, to, from, n int) {
	if t == I16 {
		for j := range n {
			copyValueI16(dst, src, dim, to+j, from+j)
		}
		return
	}
	size := t.rowBytes(dim)
	copy(dst[to*size:], src[from*size:(from+n)*size])
}

// copyColumns copies n columns of size bytes of an array of BlockSlots columns.
func copyColumns(dst, src []byte, rows, size, to, from, n int) {
	stride := BlockSlots * size
	to, from, n = to*size, from*size, n*size
	if n == 2 {
		for r := 0; r < rows*stride; r += stride {
			binary.LittleEndian.PutUint16(dst[r+to:], binary.LittleEndian.Uint16(src[r+from:]))
		}
		return
	}
	for r := 0; r < rows*stride; r += stride {
		copy(dst[r+to:r+to+n], src[r+from:r+from+n])
	}
}
