package kvcache

// View is what attention may read of one lane during a step: its blocks in
// ascending order of position. It stays valid until the step ends.
type View struct {
	Epoch uint64 // changes on everything but append
	KDim  int
	VDim  int
	Segs  []Seg
	// Rope is how the keys of the layer are rotated, nil = not at all. It is
	// needed for segments that are Raw or have a Shift.
	Rope *Rope

	k, v DType
	pos  []int32 // positions beyond the cache's table
}

// Seg is one block of a view. Visibility is decided by Pos, never by slot.
type Seg struct {
	Index int    // number of the block in its lane
	ID    uint64 // identity, never reused
	Gen   uint32 // bumped by any change other than append
	Pos   []int32
	LogW  []float32 // nil = none; added to the score after scale and soft-cap
	K, V  []byte    // raw tiles, see Float and LoadK
	// Shift: the keys are to be seen that many positions later than they were
	// rotated to, so they are scored with queries rotated by a further -Shift.
	Shift int32
	// Raw: the keys are not rotated; slot j is to be rotated to position RPos+j.
	Raw  bool
	RPos int32
}

// View fills dst with what the rows of sequence i may read in lane (layer,
// head), its own new rows included: all blocks, or in a windowed layer those
// that the first row's window still touches. from and to limit it to rows
// [from, to) of the sequence's rows in this step. dst.Segs is reused.
func (t *Step) View(dst *View, i, layer, head, from, to int) {
	c := t.cache
	s := t.rows[i].Seq
	li := c.first[layer] + head
	l, ls := &s.lanes[li], &c.lanes[li]
	n := l.tail + to // slots to show
	lo := 0
	if w := ls.spec.Window; w > 0 {
		lo = max(0, t.start[i]+from-w+1) / BlockSlots
	}
	dst.Epoch, dst.KDim, dst.VDim, dst.k, dst.v = s.epoch, ls.spec.KDim, ls.spec.VDim, c.cfg.K, c.cfg.V
	dst.Rope = ls.spec.Rope
	dst.Segs = dst.Segs[:0]
	if last := (n + BlockSlots - 1) / BlockSlots * BlockSlots; l.meta == nil && last > len(c.pos) {
		dst.tablePos(max(lo, l.first)*BlockSlots, last)
	}
	for b := max(lo, l.first); b*BlockSlots < n; b++ {
		id := l.blocks[b-l.first]
		m, mem := ls.class.meta(id), ls.class.bytes(id)
		dst.Segs = append(dst.Segs, Seg{
			Index: b, ID: m.serial, Gen: m.gen,
			K: mem[:ls.kBytes], V: mem[ls.kBytes : ls.kBytes+BlockSlots*c.cfg.V.rowBytes(ls.spec.VDim)],
		})
		seg := &dst.Segs[len(dst.Segs)-1]
		hi := min((b+1)*BlockSlots, n)
		switch {
		case l.meta != nil:
			l.describe(seg, b, hi)
		case hi <= len(c.pos):
			seg.Pos = c.pos[b*BlockSlots : hi]
		default:
			o := max(lo, l.first) * BlockSlots
			seg.Pos = dst.pos[b*BlockSlots-o : hi-o]
		}
		if s.needs.Raw && ls.spec.Window == 0 {
			seg.Raw, seg.RPos = true, int32(b*BlockSlots)
		}
	}
}

// describe fills in what a cut lane knows about slots up to hi of block b.
func (l *lane) describe(seg *Seg, b, hi int) {
	m := l.meta
	lo := b * BlockSlots
	if (b+1)*BlockSlots <= l.tail {
		hi = lo + l.fill(b)
	}
	seg.Pos = m.pos[lo:hi]
	if m.logW != nil {
		seg.LogW = m.logW[lo:hi]
	}
	seg.Shift = l.shift(b)
}

// tablePos makes v.pos hold the positions from lo to hi: a windowed layer of a
// sequence that has outgrown the context.
func (v *View) tablePos(lo, hi int) {
	v.pos = grown(v.pos, hi-lo)
	for i := range hi - lo {
		v.pos[i] = int32(lo + i)
	}
}

// Moved reports whether keys of the view are at other positions than they were
// rotated to.
func (v *View) Moved() bool {
	return len(v.Segs) > 0 && (v.Segs[0].Raw || v.Segs[0].Shift != 0)
}

// LoadK decodes the keys of a segment to [KDim][BlockSlots]. Slots beyond
// len(seg.Pos) are unspecified but finite.
func (v *View) LoadK(dst []float32, seg *Seg) { v.k.loadK(dst, seg.K, v.KDim) }

// LoadV decodes the values of a segment to [BlockSlots][VDim].
func (v *View) LoadV(dst []float32, seg *Seg) { v.v.loadV(dst, seg.V, v.VDim) }

// Types returns the storage types of keys and values, for kernels that read
// the raw tiles.
func (v *View) Types() (k, v2 DType) { return v.k, v.v }
