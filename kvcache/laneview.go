package kvcache

import "kvasir/kernels"

// LaneView is a read-only look at one lane before a compaction. Keys and
// queries are rotated as they are stored; positions are those of the text.
type LaneView struct {
	c    *Compaction
	li   int // lane of the cache
	ln   *lane
	ls   *laneSpec
	n    int
	pos  []int32
	logW []float32
	at   []int32 // where slots lie when blocks are not full; nil = slot number

	tile    []float32 // decoded K tile
	held    int       // block in tile, -1 = none
	queries []float32 // buffer
}

// Layer is the layer of the lane, Head its KV head.
func (v *LaneView) Layer() int { return v.ls.layer }

// Head is the KV head of the lane.
func (v *LaneView) Head() int { return v.ls.head }

// Len is the number of slots.
func (v *LaneView) Len() int { return v.n }

// Pos returns the positions of the slots in the text, ascending. Read only.
func (v *LaneView) Pos() []int32 { return v.pos }

// LogW returns the logarithms of the sizes of the slots; nil = all are 0.
func (v *LaneView) LogW() []float32 { return v.logW }

// Group is the number of query heads of the lane.
func (v *LaneView) Group() int { return v.ls.spec.Group() }

// KDim is the number of values of a key, VDim of a value.
func (v *LaneView) KDim() int { return v.ls.spec.KDim }

// VDim is the number of values of a value vector.
func (v *LaneView) VDim() int { return v.ls.spec.VDim }

// Scale multiplies q·k.
func (v *LaneView) Scale() float32 { return v.ls.spec.scale() }

// SoftCap bounds scores, 0 = off.
func (v *LaneView) SoftCap() float32 { return v.ls.spec.SoftCap }

func (l *LayerSpec) scale() float32 {
	if l.Scale == 0 {
		return 1
	}
	return l.Scale
}

// place returns the block of a slot and its place there.
func (v *LaneView) place(slot int) (block, j int) {
	if v.at != nil {
		slot = int(v.at[slot])
	}
	return slot / BlockSlots, slot % BlockSlots
}

// Key decodes the key of a slot.
func (v *LaneView) Key(slot int, dst []float32) { v.Keys(slot, slot+1, dst) }

// Keys decodes the keys of slots [lo, hi) to dst, [hi-lo][KDim].
func (v *LaneView) Keys(lo, hi int, dst []float32) {
	dim := v.ls.spec.KDim
	for s := lo; s < hi; s++ {
		b, j := v.place(s)
		v.load(b)
		row := dst[(s-lo)*dim:][:dim]
		for d := range row {
			row[d] = v.tile[d*BlockSlots+j]
		}
	}
}

// Value decodes the value vector of a slot.
func (v *LaneView) Value(slot int, dst []float32) { v.Values(slot, slot+1, dst) }

// Values decodes the value vectors of slots [lo, hi) to dst, [hi-lo][VDim].
func (v *LaneView) Values(lo, hi int, dst []float32) {
	dim, t := v.ls.spec.VDim, v.c.seq.cache.cfg.V
	for s := lo; s < hi; s++ {
		b, j := v.place(s)
		tile := v.block(b)[v.ls.kBytes:]
		t.rowV(dst[(s-lo)*dim:][:dim], tile, j)
	}
}

// block returns the memory of block b of the lane.
func (v *LaneView) block(b int) []byte { return v.ls.class.bytes(v.ln.blocks[b-v.ln.first]) }

// load decodes the keys of block b.
func (v *LaneView) load(b int) {
	if v.held == b {
		return
	}
	if v.tile == nil {
		v.tile = v.c.buffer(v.ls.spec.KDim * BlockSlots)
	}
	v.c.seq.cache.cfg.K.loadK(v.tile, v.block(b)[:v.ls.kBytes], v.ls.spec.KDim)
	v.held = b
}

// scoreRows is how many queries are scored with a tile at a time.
const scoreRows = 48

// Scores computes the scaled, soft-capped scores of nq queries, [nq][KDim], with
// all slots: dst is [nq][Len]. Queries are rotated for the sequence's next
// position, or any other, as those of Queries are; log weights are not added.
func (v *LaneView) Scores(q []float32, nq int, dst []float32) {
	spec := &v.ls.spec
	var s [scoreRows * BlockSlots]float32
	w := shiftedQueries{v: v, q: q, n: nq}
	for b, from := v.ln.first, 0; from < v.n; b++ {
		fill := v.ln.fill(b)
		v.load(b)
		v.turnTile(b)
		turned := w.at(v.ln.shift(b))
		for r := 0; r < nq; r += scoreRows {
			k := min(scoreRows, nq-r)
			kernels.AttnScores(s[:], turned[r*spec.KDim:], spec.KDim, k, v.tile[:spec.KDim*BlockSlots], spec.KDim, spec.scale())
			if spec.SoftCap > 0 {
				kernels.SoftCap(s[:k*BlockSlots], spec.SoftCap)
			}
			for i := range k {
				copy(dst[(r+i)*v.n+from:][:fill], s[i*BlockSlots:])
			}
		}
		from += fill
	}
	v.c.giveBack(w.buf)
}

// turnTile rotates the loaded keys of a raw sequence to their slots.
func (v *LaneView) turnTile(b int) {
	spec := &v.ls.spec
	if !v.c.need.Raw || spec.Rope == nil {
		return
	}
	n := len(spec.Rope.Inv) * BlockSlots
	a := v.c.buffer(2 * n)
	spec.Rope.TileAngles(a[:n], a[n:], v.c.seq.cache.pos[b*BlockSlots:(b+1)*BlockSlots])
	spec.Rope.TurnTile(v.tile, a[:n], a[n:], spec.KDim)
	v.c.giveBack(a)
	v.held = -1 // no longer as stored
}

// shiftedQueries holds queries turned against the shift of a block.
type shiftedQueries struct {
	v     *LaneView
	q     []float32
	n     int
	shift int32
	buf   []float32
}

// at returns the queries for blocks with that shift.
func (w *shiftedQueries) at(shift int32) []float32 {
	spec := &w.v.ls.spec
	if shift == 0 || spec.Rope == nil {
		return w.q
	}
	if w.buf == nil {
		w.buf = w.v.c.buffer(w.n * spec.KDim)
	} else if w.shift == shift {
		return w.buf
	}
	w.shift = shift
	copy(w.buf, w.q[:w.n*spec.KDim])
	spec.Rope.Rotate(w.buf, w.n, spec.KDim, -shift)
	return w.buf
}

// Queries returns the last rotated queries of the lane's heads that Needs asked
// for, [n][Group][KDim] in the order of their positions pos. Fewer are there
// after few tokens. Read only, valid until Each's function returns.
func (v *LaneView) Queries() (q []float32, pos []int32) {
	r := v.c.seq.recent
	if r == nil {
		return nil, nil
	}
	if v.queries == nil {
		v.queries = v.c.buffer(r.keep * v.Group() * v.KDim())
	}
	return r.last(v.queries, v.li, v.c.seq.n)
}

// Observed returns the thinned queries of the running prompt that
// Needs.EveryQuery asked for, laid out as those of Queries.
func (v *LaneView) Observed() (q []float32, pos []int32) {
	o := v.c.seq.observed
	if o == nil {
		return nil, nil
	}
	return o.all(v.li)
}

// done gives the buffers of the view back.
func (v *LaneView) done() {
	v.c.giveBack(v.tile)
	v.c.giveBack(v.queries)
	v.tile, v.queries, v.held = nil, nil, -1
}
