package model

import (
	"fmt"
	"strings"

	"kvasir/attention"
	"kvasir/internal/parallel"
	"kvasir/kernels"
	"kvasir/kvcache"
	"kvasir/quant"
)

// Precision says how finely activations are quantized for quantized weights.
// They are int8 in blocks of 32 values with a scale each, in two planes: 15 bits
// where a block is fine, 8 where it is coarse and its second plane is skipped.
type Precision uint8

// Standard makes those blocks fine whose squared scale is above twice the row's
// mean: about a tenth of them, the outlier channels, which carry most of the
// error. High makes every block fine. The output projection always is: it
// runs for few rows and its error reaches the logits undamped.
//
// BF16 weights multiply activations rounded to bfloat16 at Standard, where the
// processor gains from it (kernels.FastBF16), and float32 ones otherwise.
const (
	Standard Precision = iota
	High
)

var precisionNames = [...]string{Standard: "standard", High: "high"}

func (p Precision) String() string { return precisionNames[p] }

// ParsePrecision reads a precision by name.
func ParsePrecision(name string) (Precision, error) {
	for i, n := range precisionNames {
		if n == name {
			return Precision(i), nil
		}
	}
	return 0, fmt.Errorf("unknown precision %q: use one of %s", name, strings.Join(precisionNames[:], ", "))
}

// ratio is the multiple of the mean square scale above which a block is fine.
func (p Precision) ratio() float32 {
	if p == High {
		return 0
	}
	return 2
}

// headRows is how many rows of logits are computed at a time. With fewer, the streams
// of a batch would read the output projection several times.
const headRows = 32

// State is the scratch of one forward pass at a time, allocated once. It is
// used by one goroutine at a time.
type State struct {
	m       *Model
	pool    *parallel.Pool
	maxRows int
	step    *kvcache.Step
	runner  *attention.Runner
	rows    int

	x    []float32 // [row][EmbedDim] residual stream
	h    []float32 // [row][EmbedDim] output of attention or FFN
	qkv  []float32 // [row][q|k|v]
	ldq  int       // its row stride
	gate []float32 // [row][ffn] or [row][2·ffn] when fused
	up   []float32
	ffn  int // their row stride

	inEmbd *input    // normed residual stream
	inAttn *input    // attention output
	inFFN  *input    // activation output
	inHead *input    // normed rows for the output projection
	logits []float32 // [headRows][vocabulary rows]
	moe    *moeState

	cos, sin [][]float32 // per rotation: [row][RopeDim/2]
	// Of full layers for rows whose positions in the cache and in the text differ.
	movedCos, movedSin []float32
	scratch            []*quant.Scratch
	tmp                [][]byte // per worker, for Step.Put

	li, next       int     // layer in progress and the one after it
	ffnGate, ffnUp *Linear // of the gated network in progress
	l              *layer
	tokens         []int32
	want           []int32 // rows whose logits are wanted
	head           int     // first of them in progress
	rowOp          rowTask
	mulOp          mulTask
	out            outTask
}

// NewState sizes a state for passes of at most maxRows rows over a cache.
func (m *Model) NewState(pool *parallel.Pool, cache *kvcache.Cache, sel attention.Selector, prec Precision, maxRows int) *State {
	c := m.cfg
	s := &State{m: m, pool: pool, maxRows: maxRows, step: kvcache.NewStep(maxRows, maxRows)}
	s.runner = attention.NewRunner(pool, sel, m.attn, cache.Config().Ctx, maxRows)
	maxCols := max(c.EmbedDim, c.Heads*c.ValueDim)
	for i := range m.layers {
		s.ldq = max(s.ldq, c.Heads*c.KeyDim+c.KVHeads[i]*(c.KeyDim+c.ValueDim))
		if c.Experts == 0 {
			s.ffn = max(s.ffn, c.FFNDim[i])
		}
	}
	s.ffn = max(s.ffn, c.SharedExpertDim)
	maxCols = max(maxCols, s.ffn)
	if c.Experts > 0 {
		s.moe = m.newMoeState(maxRows, prec)
		maxCols = max(maxCols, s.moe.dim)
	}
	s.x, s.h = make([]float32, maxRows*c.EmbedDim), make([]float32, maxRows*c.EmbedDim)
	s.qkv = make([]float32, maxRows*s.ldq)
	width := s.ffn
	if c.Arch.FFN == FFNSiLUFused {
		width *= 2
	}
	s.gate, s.up = make([]float32, maxRows*s.ffn), make([]float32, maxRows*width)
	s.inEmbd = m.newInput(maxRows, c.EmbedDim, prec)
	s.inAttn = m.newInput(maxRows, c.Heads*c.ValueDim, prec)
	s.inFFN = m.newInput(maxRows, s.ffn, prec)
	s.inHead = m.newInput(headRows, c.EmbedDim, High)
	s.logits = make([]float32, m.head.matrix.Rows)
	for range m.ropeSpecs {
		s.cos = append(s.cos, make([]float32, maxRows*c.RopeDim/2))
		s.sin = append(s.sin, make([]float32, maxRows*c.RopeDim/2))
	}
	s.movedCos, s.movedSin = make([]float32, maxRows*c.RopeDim/2), make([]float32, maxRows*c.RopeDim/2)
	for range pool.Workers() {
		s.scratch = append(s.scratch, quant.NewScratch(maxCols))
		s.tmp = append(s.tmp, make([]byte, cache.TmpBytes()))
	}
	s.tokens, s.want = make([]int32, maxRows), make([]int32, 0, maxRows)
	s.rowOp.s, s.mulOp.s = s, s
	return s
}

// rowTask runs f for every row, cut into parts of consecutive rows.
type rowTask struct {
	s    *State
	f    func(s *State, worker, row int)
	n    int
	each int
}

// forRows calls f for n rows, in parallel when there are several.
func (s *State) forRows(n int, f func(s *State, worker, row int)) {
	if n == 1 {
		f(s, 0, 0)
		return
	}
	t := &s.rowOp
	t.f, t.n = f, n
	t.each = max(1, n/(8*s.pool.Workers()))
	s.pool.Run(t, (n+t.each-1)/t.each)
}

// Do runs one part.
func (t *rowTask) Do(worker, part int) {
	for i := part * t.each; i < min((part+1)*t.each, t.n); i++ {
		t.f(t.s, worker, i)
	}
}

// input is a quant.Input with the memory for its activations.
type input struct {
	quant.Input
	f []float32
}

func (m *Model) newInput(rows, cols int, prec Precision) *input {
	planes := 0
	if m.any(func(w *quant.Packed) bool { return !w.Float() }) {
		planes = 2
	}
	in := &input{Input: *quant.NewInput(rows, cols, planes), f: make([]float32, rows*cols)}
	in.Ratio = prec.ratio()
	if prec != High && kernels.FastBF16() && m.any(func(w *quant.Packed) bool { return w.Type() == quant.BF16 }) {
		in.UseBrain(rows, cols)
	}
	in.set(rows, cols)
	return in
}

// set makes the input hold n rows of cols values.
func (in *input) set(n, cols int) { in.Set(in.f, n, cols) }

// row returns the activations of row r, to be written.
func (in *input) row(r int) []float32 { return in.F[r*in.Cols : (r+1)*in.Cols] }

// done prepares row r for the weights after it was written.
func (in *input) done(r int) { in.Quantize(r, r+1) }

// mulTask multiplies up to four matrices with the same input.
type mulTask struct {
	s    *State
	in   *quant.Input
	jobs [4]mulJob
	n    int
	each int // row groups in a part
}

type mulJob struct {
	w     *quant.Packed
	out   []float32
	ldo   int
	parts int
}

// mul starts a product with the rows of in; add names the matrices, run
// computes them all.
func (s *State) mul(in *input) *mulTask {
	t := &s.mulOp
	t.in, t.n = &in.Input, 0
	return t
}

// add asks for out[row*ldo+r] = (W·x_row)[r].
func (t *mulTask) add(l *Linear, out []float32, ldo int) {
	t.jobs[t.n] = mulJob{w: l.W, out: out, ldo: ldo}
	t.n++
}

func (t *mulTask) run() {
	groups := 0
	for i := range t.n {
		groups += t.jobs[i].w.RowGroups()
	}
	workers := t.s.pool.Workers()
	t.each = max(2, (groups/(8*workers)+1)&^1) // even: the GEMM works on pairs
	if workers == 1 {
		t.each = groups
	}
	parts := 0
	for i := range t.n {
		j := &t.jobs[i]
		j.parts = (j.w.RowGroups() + t.each - 1) / t.each
		parts += j.parts
	}
	t.s.pool.Run(t, parts)
}

// Do computes one part: some row groups of one matrix, for all rows.
func (t *mulTask) Do(worker, part int) {
	i := 0
	for part >= t.jobs[i].parts {
		part -= t.jobs[i].parts
		i++
	}
	j := &t.jobs[i]
	lo := part * t.each
	j.w.Mul(j.out, j.ldo, t.in, lo, min(lo+t.each, j.w.RowGroups()), t.s.scratch[worker])
}
