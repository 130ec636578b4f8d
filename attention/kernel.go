package attention

import (
	"math"

	"kvasir/kernels"
	"kvasir/kvcache"
)

var negInf = float32(math.Inf(-1))

// exp1 is e^x for one value.
func exp1(x float32) float32 { return float32(math.Exp(float64(x))) }

// scratch is what one worker needs for a tile.
type scratch struct {
	view   kvcache.View
	plan   Plan
	req    Request
	k, v   []float32 // decoded tiles
	q      []float32 // gathered queries, rows × KDim
	s      []float32 // scores, rows × BlockSlots
	c      []float32 // rescale factor per row
	codes  codes
	turned turned
	total  rowState
	span   rowState
}

func newScratch(rows, kDim, vDim, blocks int) *scratch {
	return &scratch{
		view:  kvcache.View{Segs: make([]kvcache.Seg, 0, blocks)},
		plan:  Plan{Blocks: make([]int32, 0, blocks)},
		k:     make([]float32, kDim*kvcache.BlockSlots),
		v:     make([]float32, vDim*kvcache.BlockSlots),
		q:     make([]float32, rows*kDim),
		s:     make([]float32, rows*kvcache.BlockSlots),
		c:     make([]float32, rows),
		codes: newCodes(rows, kDim),
		total: newRowState(rows, vDim),
		span:  newRowState(rows, vDim),
	}
}

// attendBlock adds one block to the state of a tile of rows. pos holds the
// position of each query token; row r belongs to token r/group.
func (w *scratch) attendBlock(l *Layer, st *rowState, seg *kvcache.Seg, pos []int32) {
	rows, group := len(st.m), l.Group()
	w.scores(l, seg, rows)
	if l.SoftCap > 0 {
		kernels.SoftCap(w.s[:rows*kvcache.BlockSlots], l.SoftCap)
	}
	if seg.LogW != nil {
		for r := range rows {
			s := w.s[r*kvcache.BlockSlots:][:len(seg.LogW)]
			kernels.Add(s, s, seg.LogW)
		}
	}
	for t, p := range pos {
		mask(w.s[t*group*kvcache.BlockSlots:(t+1)*group*kvcache.BlockSlots], seg.Pos, p, l.Window)
	}
	kernels.AttnSoftmaxRows(w.s, st.m, st.l, w.c, rows)
	w.accumulate(l, st, seg)
}

// fusedRows is the number of rows up to which reading an f16 tile directly is
// faster than decoding it first; the bits are the same.
const fusedRows = 11

// scores computes scale·q·k of all rows with all slots of a block.
func (w *scratch) scores(l *Layer, seg *kvcache.Seg, rows int) {
	q := w.q
	if seg.Raw || seg.Shift != 0 {
		q = w.turn(l, seg, rows)
	}
	k, _ := w.view.Types()
	switch {
	case k == kvcache.I16 && !seg.Raw:
		w.codes.query(q, l, rows, seg.Shift)
		kernels.AttnScoresI16(w.s, w.codes.q, w.codes.qs, rows, seg.K, l.KDim)
		return
	case k == kvcache.F16 && rows <= fusedRows && !seg.Raw:
		kernels.AttnScoresF16(w.s, q, l.KDim, rows, seg.K, l.KDim, l.Scale)
		return
	}
	w.view.LoadK(w.k, seg)
	if seg.Raw {
		w.turned.tile(w.k, w.view.Rope, l.KDim)
	}
	kernels.AttnScores(w.s, q, l.KDim, rows, w.k[:l.KDim*kvcache.BlockSlots], l.KDim, l.Scale)
}

// accumulate rescales the rows and adds the weighted values of a block.
func (w *scratch) accumulate(l *Layer, st *rowState, seg *kvcache.Seg) {
	rows := len(st.m)
	_, v := w.view.Types()
	if v == kvcache.I16 {
		p, n := &w.codes, len(seg.Pos)
		kernels.AttnWeightsI16(p.w, p.ws, w.s, rows, seg.V, l.VDim, n)
		kernels.AttnAccumI16(st.acc, st.dim, p.w, p.ws, w.c, rows, seg.V, l.VDim, n)
		return
	}
	if v == kvcache.F16 && rows <= fusedRows {
		kernels.AttnAccumF16(st.acc, st.dim, w.s, w.c, rows, seg.V, l.VDim, len(seg.Pos))
		return
	}
	w.view.LoadV(w.v, seg)
	kernels.AttnAccum(st.acc, st.dim, w.s, w.c, rows, w.v[:l.VDim*kvcache.BlockSlots], l.VDim, len(seg.Pos))
}

// mask sets the scores of slots that a query token at position q must not see
// to -Inf: later tokens, tokens outside the window, slots that hold nothing. s
// holds the rows of the token, BlockSlots scores each.
func mask(s []float32, pos []int32, q int32, window int) {
	n := len(pos)
	if n == kvcache.BlockSlots && pos[n-1] <= q && (window == 0 || int(q-pos[0]) < window) {
		return
	}
	for ; len(s) > 0; s = s[kvcache.BlockSlots:] {
		for j, p := range pos {
			if p > q || (window > 0 && int(q-p) >= window) {
				s[j] = negInf
			}
		}
		for j := n; j < kvcache.BlockSlots; j++ {
			s[j] = negInf
		}
	}
}
