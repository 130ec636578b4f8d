package kvcache

// View is what attention may read of one lane during a step: its blocks in
// ascending order of position. It stays valid until the step ends.
type View struct {
	Epoch uint64 // changes on everything but append
	KDim  int
	VDim  int
	Segs  []Seg

	k, v DType
}

// Seg is one block of a view. Visibility is decided by Pos, never by slot.
type Seg struct {
	Index int    // number of the block in its lane, counted from the sequence's start
	ID    uint64 // identity, never reused
	Gen   uint32 // bumped by any change other than append
	Pos   []int32
	K, V  []byte // raw tiles, see Float and LoadK
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
	n := t.start[i] + to // slots to show
	lo := 0
	if w := ls.spec.Window; w > 0 {
		lo = max(0, t.start[i]+from-w+1) / BlockSlots
	}
	dst.Epoch, dst.KDim, dst.VDim, dst.k, dst.v = s.epoch, ls.spec.KDim, ls.spec.VDim, c.cfg.K, c.cfg.V
	dst.Segs = dst.Segs[:0]
	for b := max(lo, l.first); b*BlockSlots < n; b++ {
		id := l.blocks[b-l.first]
		m, mem := ls.class.meta(id), ls.class.bytes(id)
		dst.Segs = append(dst.Segs, Seg{
			Index: b, ID: m.serial, Gen: m.gen,
			Pos: c.pos[b*BlockSlots : min((b+1)*BlockSlots, n)],
			K:   mem[:ls.kBytes], V: mem[ls.kBytes : ls.kBytes+BlockSlots*c.cfg.V.rowBytes(ls.spec.VDim)],
		})
	}
}

// LoadK decodes the keys of a segment to [KDim][BlockSlots]. Slots beyond
// len(seg.Pos) are unspecified but finite.
func (v *View) LoadK(dst []float32, seg *Seg) { v.k.loadK(dst, seg.K, v.KDim) }

// LoadV decodes the values of a segment to [BlockSlots][VDim].
func (v *View) LoadV(dst []float32, seg *Seg) { v.v.loadV(dst, seg.V, v.VDim) }

// Types returns the storage types of keys and values, for kernels that read
// the raw tiles.
func (v *View) Types() (k, v2 DType) { return v.k, v.v }
