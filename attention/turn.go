package attention

import "kvasir/kvcache"

// turned keeps the queries of a tile rotated for the blocks whose keys are to
// be seen at other positions than they are stored at. A shift by n positions
// is one more rotation of the queries by -n: ⟨R(P)q, R(p+n)k⟩ = ⟨R(P-n)q, R(p)k⟩.
// Keys stored without rotation take two steps, so that no table grows with the
// context: queries by the block's first position, keys by their place in the
// block.
type turned struct {
	on     bool
	by     int32 // what q is rotated by
	q      []float32
	cos    []float32
	sin    []float32
	tables []ropeTable
}

// ropeTable holds angles of one rotation.
type ropeTable struct {
	rope     *kvcache.Rope
	cos, sin []float32   // of the slots of a block: [pair][BlockSlots]
	base     [][]float32 // of the first slot of each block, negative: cosines, then sines
}

// turn returns the queries of the tile for the keys of seg.
func (w *scratch) turn(l *Layer, seg *kvcache.Seg, rows int) []float32 {
	t, rope := &w.turned, w.view.Rope
	by := -seg.Shift
	if seg.Raw {
		by = -seg.RPos
	}
	if rope == nil || by == 0 {
		return w.q
	}
	if t.on && t.by == by {
		return t.q
	}
	t.q = append(t.q[:0], w.q[:rows*l.KDim]...)
	t.on, t.by = true, by
	n := len(rope.Inv)
	if seg.Raw {
		a := t.table(rope).first(-by)
		rope.Turn(t.q, a[:n], a[n:], rows, l.KDim)
		return t.q
	}
	if len(t.cos) < n {
		t.cos, t.sin = make([]float32, n), make([]float32, n)
	}
	rope.Angles(t.cos[:n], t.sin[:n], by)
	rope.Turn(t.q, t.cos[:n], t.sin[:n], rows, l.KDim)
	return t.q
}

// tile rotates the keys of a raw block by their places in it.
func (t *turned) tile(k []float32, rope *kvcache.Rope, dim int) {
	if rope == nil {
		return
	}
	tb := t.table(rope)
	rope.TurnTile(k, tb.cos, tb.sin, dim)
}

// table returns the angles of a rotation, computed when first asked for.
func (t *turned) table(rope *kvcache.Rope) *ropeTable {
	for i := range t.tables {
		if t.tables[i].rope == rope {
			return &t.tables[i]
		}
	}
	n := len(rope.Inv) * kvcache.BlockSlots
	tb := ropeTable{rope: rope, cos: make([]float32, n), sin: make([]float32, n)}
	pos := make([]int32, kvcache.BlockSlots)
	for j := range pos {
		pos[j] = int32(j)
	}
	rope.TileAngles(tb.cos, tb.sin, pos)
	t.tables = append(t.tables, tb)
	return &t.tables[len(t.tables)-1]
}

// first returns the angles of -pos, pos being the first of a block.
func (tb *ropeTable) first(pos int32) []float32 {
	b := int(pos) / kvcache.BlockSlots
	for len(tb.base) <= b {
		tb.base = append(tb.base, nil)
	}
	if tb.base[b] == nil {
		n := len(tb.rope.Inv)
		a := make([]float32, 2*n)
		tb.rope.Angles(a[:n], a[n:], -pos)
		tb.base[b] = a
	}
	return tb.base[b]
}
