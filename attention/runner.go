package attention

import (
	"math"
	"sync/atomic"

	"kvasir/internal/parallel"
	"kvasir/kvcache"
)

// maxRows bounds the rows (tokens × heads of a group) of a tile; steps of fewer
// tokens than manyTokens have tiles of half the rows, so that there are enough of
// them for all workers.
const (
	maxRows    = 96
	manyTokens = 200
)

// splitRows bounds the sequences whose spans may be computed side by side.
const splitRows = 4

// Runner computes the attention of one layer for all rows of a step. It is
// allocated once and used by one goroutine at a time.
type Runner struct {
	pool     *parallel.Pool
	selector Selector
	scratch  []*scratch
	tiles    []tile
	parts    []rowState // one per (tile, span) when spans are computed side by side
	spans    int        // most spans of a sequence
	failed   atomic.Pointer[error]

	// The call in progress.
	layer *Layer
	step  *kvcache.Step
	q     []float32
	ldq   int
	out   []float32
	split bool
	merge bool
}

// tile is one unit of work: query tokens [from, to) of sequence seq in one KV
// head; first is the step's row of the sequence's first token.
type tile struct {
	seq, head, from, to, first int
	spanLo, spanHi, part       int
}

// NewRunner sizes a runner for the layers of a model: steps of at most maxTok
// rows, contexts of at most ctx tokens.
func NewRunner(pool *parallel.Pool, sel Selector, layers []Layer, ctx, maxTok int) *Runner {
	r := &Runner{pool: pool, selector: sel, spans: ctx/spanSlots + 2}
	kDim, vDim, kv, group := 0, 0, 0, 1
	for i := range layers {
		l := &layers[i]
		kDim, vDim = max(kDim, l.KDim), max(vDim, l.VDim)
		kv, group = max(kv, l.KVHeads), max(group, l.Group())
	}
	rows := max(maxRows, group)
	for range pool.Workers() {
		r.scratch = append(r.scratch, newScratch(rows, kDim, vDim, (ctx+kvcache.BlockSlots-1)/kvcache.BlockSlots))
	}
	r.tiles = make([]tile, 0, maxTok*kv+1)
	for range splitRows * kv * r.spans {
		r.parts = append(r.parts, newRowState(group, vDim))
	}
	return r
}

const spanSlots = SpanBlocks * kvcache.BlockSlots

// Forward writes the attention output of every row of the step. Row i of q, at
// q[i*ldq:], holds [QHeads][KDim] rotated queries; out is [row][QHeads][VDim].
// The keys and values of the rows must have been put into the step before.
func (r *Runner) Forward(out []float32, l *Layer, step *kvcache.Step, q []float32, ldq int) error {
	r.layer, r.step, r.q, r.ldq, r.out, r.split, r.merge = l, step, q, ldq, out, false, false
	r.plan()
	if r.wantSplit() {
		r.splitSpans()
	}
	r.pool.Run(r, len(r.tiles))
	if r.split {
		r.merge = true
		r.pool.Run(r, step.Rows()*l.KVHeads)
	}
	if e := r.failed.Swap(nil); e != nil {
		return *e
	}
	return nil
}

// plan lists the tiles, those with the longest context first, so that the
// last tiles to be handed out are the cheap ones.
func (r *Runner) plan() {
	r.tiles = r.tiles[:0]
	rows := maxRows
	if r.step.Rows() < manyTokens {
		rows /= 2
	}
	per := max(1, rows/r.layer.Group())
	for i := range r.step.Seqs() {
		first, n := r.step.Span(i)
		for hi := n; hi > 0; hi -= per {
			for h := range r.layer.KVHeads {
				r.tiles = append(r.tiles, tile{seq: i, head: h, from: max(0, hi-per), to: hi, first: first, spanHi: math.MaxInt})
			}
		}
	}
}

// wantSplit reports whether the spans should be separate parts: a few single
// rows with a long context.
func (r *Runner) wantSplit() bool {
	if r.pool.Workers() == 1 || r.step.Rows() != r.step.Seqs() || r.step.Rows() > splitRows {
		return false
	}
	long := false
	for i := range r.step.Seqs() {
		for h := range r.layer.KVHeads {
			lo, hi := r.spansOf(i, h)
			if hi-lo > r.spans {
				return false
			}
			long = long || hi > 1
		}
	}
	return long
}

// spansOf returns the spans that the one row of sequence i sees in a KV head.
func (r *Runner) spansOf(i, head int) (lo, hi int) {
	slots := r.step.Slots(i, r.layer.Index, head)
	if w := r.layer.Window; w > 0 {
		lo = max(0, slots-w) / spanSlots
	}
	return lo, (slots-1)/spanSlots + 1
}

// splitSpans replaces each tile by one for each span that it can see. Part i
// of the states belongs to (row, head, span).
func (r *Runner) splitSpans() {
	r.split = true
	whole := len(r.tiles)
	for _, t := range r.tiles[:whole] {
		lo, hi := r.spansOf(t.seq, t.head)
		for s := lo; s < hi; s++ {
			t.spanLo, t.spanHi, t.part = s, s+1, s-lo
			r.tiles = append(r.tiles, t)
		}
	}
	r.tiles = append(r.tiles[:0], r.tiles[whole:]...)
	for i := range r.step.Rows() * r.layer.KVHeads * r.spans {
		p := &r.parts[i]
		for j := range p.m {
			p.m[j] = negInf
		}
	}
}

// Do computes one tile, or in the merging pass one (row, head).
func (r *Runner) Do(worker, part int) {
	if r.merge {
		r.mergeRow(r.scratch[worker], part/r.layer.KVHeads, part%r.layer.KVHeads)
		return
	}
	if err := r.tile(r.scratch[worker], &r.tiles[part]); err != nil {
		first := err // escapes only here
		r.failed.CompareAndSwap(nil, &first)
	}
}

func (r *Runner) tile(w *scratch, t *tile) error {
	l, group := r.layer, r.layer.Group()
	rows := (t.to - t.from) * group
	pos := r.step.Pos()[t.first+t.from : t.first+t.to]
	r.gather(w, t)
	r.step.View(&w.view, t.seq, l.Index, t.head, t.from, t.to)
	w.plan.Dense, w.plan.Blocks = false, w.plan.Blocks[:0]
	sel := r.selector
	if l.Window > 0 || w.view.Moved() { // neither windowed layers nor moved keys reach a selector
		sel = denseSelector{}
	}
	w.req = Request{Layer: l, View: &w.view, Head: t.head, Q: w.q[:rows*l.KDim], Pos: pos}
	if err := sel.Select(&w.plan, &w.req); err != nil {
		return err
	}
	total := w.total.view(rows, l.VDim)
	if r.split {
		p := r.part(t.first, t.head, t.part)
		total = p.view(rows, l.VDim)
	}
	total.reset()
	w.attend(l, &total, pos, t.spanLo, t.spanHi)
	if !r.split {
		r.finish(&total, t.head, t.first+t.from)
	}
	return nil
}

// part returns the state of the i-th span that a single row sees.
func (r *Runner) part(row, head, i int) *rowState {
	return &r.parts[(row*r.layer.KVHeads+head)*r.spans+i]
}

// gather copies the tile's queries to [token][head of the group][KDim].
func (r *Runner) gather(w *scratch, t *tile) {
	l := r.layer
	w.turned.on, w.codes.on = false, false
	n := l.Group() * l.KDim
	for i := t.from; i < t.to; i++ {
		src := r.q[(t.first+i)*r.ldq+t.head*n:]
		copy(w.q[(i-t.from)*n:(i-t.from+1)*n], src[:n])
	}
}

// attend runs the planned blocks of spans [spanLo, spanHi) and leaves the
// merged state in total.
func (w *scratch) attend(l *Layer, total *rowState, pos []int32, spanLo, spanHi int) {
	segs := w.view.Segs
	n := len(segs)
	if !w.plan.Dense {
		n = len(w.plan.Blocks)
	}
	span := w.span.view(len(total.m), l.VDim)
	cur := -1
	for i := range n {
		seg := &segs[i]
		if !w.plan.Dense {
			seg = &segs[w.plan.Blocks[i]]
		}
		s := seg.Index / SpanBlocks
		if s < spanLo || s >= spanHi {
			continue
		}
		if s != cur {
			if cur >= 0 {
				total.merge(&span)
			}
			span.reset()
			cur = s
		}
		w.attendBlock(l, &span, seg, pos)
	}
	if cur >= 0 {
		total.merge(&span)
	}
}

// mergeRow joins the spans of one single-row tile in ascending order.
func (r *Runner) mergeRow(w *scratch, row, head int) {
	l := r.layer
	total := w.total.view(l.Group(), l.VDim)
	total.reset()
	for s := range r.spans {
		p := r.part(row, head, s).view(l.Group(), l.VDim)
		total.merge(&p)
	}
	r.finish(&total, head, row)
}

// finish writes the rows of a tile to the output.
func (r *Runner) finish(st *rowState, head, firstRow int) {
	l, group := r.layer, r.layer.Group()
	for i := range st.m {
		h := head*group + i%group
		o := ((firstRow+i/group)*l.QHeads + h) * l.VDim
		st.finish(r.out[o:o+l.VDim], i, l.Sinks, h)
	}
}
