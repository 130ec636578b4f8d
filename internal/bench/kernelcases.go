package bench

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"kvasir/internal/bench/synth"
	"kvasir/internal/mmap"
	"kvasir/kernels"
	"kvasir/quant"
)

// Limits of the difference to the Go twin, which sums in another order and rounds
// products that assembly fuses.
const (
	limitProduct = 2e-5 // long sums
	limitVector  = 4e-6 // a few operations per element
	limitExact   = 0    // copies, integers
)

// kernelCases lists all kernels that are measured.
func kernelCases() (cases []kernelCase) {
	formats := make([]*quant.Format, 0, len(quant.Formats))
	for _, f := range quant.Formats {
		formats = append(formats, f)
	}
	slices.SortFunc(formats, func(a, b *quant.Format) int { return cmp.Compare(a.Type, b.Type) })
	for _, f := range formats {
		if f.Layout == nil {
			cases = append(cases, gemvCase(f, "gemv/"+f.Name, 1), gemmCase(f, "gemm/"+f.Name, 1))
			continue
		}
		for planes, suffix := range map[int]string{1: "", 2: "/p2"} {
			cases = append(cases, gemvCase(f, "gemv/"+f.Name+suffix, planes), gemmCase(f, "gemm/"+f.Name+suffix, planes))
		}
	}
	slices.SortStableFunc(cases, func(a, b kernelCase) int { return cmp.Compare(a.name, b.name) })
	cases = append(cases, attentionCases()...)
	return append(cases, vectorCases()...)
}

const (
	benchCols = 2048 // length of weight rows
	gemmRows  = 256
	gemmCols  = 512 // activation rows
)

// peakOf says which instruction bounds the products of a format.
func peakOf(f *quant.Format) string {
	if f.Layout == nil {
		return "fma"
	}
	return "dot"
}

// gemvCase streams a packed matrix past one activation row, as decoding does.
func gemvCase(f *quant.Format, name string, planes int) kernelCase {
	return kernelCase{name: name, sized: true, peak: peakOf(f), limit: limitProduct, make: func(bytes int, _ bool) (*job, error) {
		rows := max(16, bytes/(benchCols/f.BlockValues*f.BlockBytes)&^15)
		return newProduct(f, rows, 1, planes)
	}}
}

// gemmCase multiplies a packed matrix with many activation rows, as prefill does.
func gemmCase(f *quant.Format, name string, planes int) kernelCase {
	return kernelCase{name: name, peak: peakOf(f), limit: limitProduct, make: func(_ int, small bool) (*job, error) {
		if small {
			return newProduct(f, 40, 13, planes) // neither is a multiple of a tile
		}
		return newProduct(f, gemmRows, gemmCols, planes)
	}}
}

// newProduct packs random weights of a format and multiplies them with cols rows of
// random activations.
func newProduct(f *quant.Format, rows, cols, planes int) (*job, error) {
	w, err := synth.Weights(f.Type, rows, benchCols, 1)
	if err != nil {
		return nil, err
	}
	m, err := quant.NewMatrix(f.Type, rows, benchCols, w)
	if err != nil {
		return nil, err
	}
	mem, err := mmap.Alloc(quant.PackedBytes(m))
	if err != nil {
		return nil, err
	}
	free := func() { _ = mem.Free() } // fails for addresses that are not its own only
	p, err := quant.Pack(m, mem.Data)
	if err != nil {
		free()
		return nil, err
	}
	in := quant.NewInput(cols, benchCols, planes)
	in.Set(normals(cols*benchCols, 2), cols, benchCols)
	if !p.Float() {
		in.Quantize(0, cols)
	}
	out, scratch := make([]float32, cols*rows), quant.NewScratch(benchCols)
	return &job{
		bytes: p.Bytes(), inner: 1, ops: 2 * float64(rows*cols) * benchCols * float64(planes),
		run:  func() { p.Mul(out, rows, in, 0, p.RowGroups(), scratch) },
		out:  func() []float32 { return out },
		free: free,
	}, nil
}

// normals returns n normally distributed values, the same ones every time.
func normals(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 77))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// attentionCases are the kernels over one tile of 32 cached positions: for the three
// query heads that share a key in decoding, and for a tile of 48 rows in prefill.
func attentionCases() (cases []kernelCase) {
	const dim = 64
	add := func(name string, limit float64, bytes, ops int, make func(rows int) (run func(), out []float32)) {
		for _, n := range []struct {
			suffix string
			rows   int
		}{{"/3", 3}, {"/48", 48}} {
			cases = append(cases, kernelCase{name: name + n.suffix, peak: "fma", limit: limit, make: func(int, bool) (*job, error) {
				run, out := make(n.rows)
				return repeated(run, out, bytes, float64(ops*n.rows)), nil
			}})
		}
	}
	tile := normals(dim*kernels.Slots, 3)
	half := make([]byte, 2*len(tile))
	kernels.F32ToF16(half, tile)
	const macs = 2 * dim * kernels.Slots
	add("attn/scores/f32", limitProduct, 4*len(tile), macs, func(rows int) (func(), []float32) {
		q, s := normals(rows*dim, 4), make([]float32, rows*kernels.Slots)
		return func() { kernels.AttnScores(s, q, dim, rows, tile, dim, 0.125) }, s
	})
	add("attn/scores/f16", limitProduct, len(half), macs, func(rows int) (func(), []float32) {
		q, s := normals(rows*dim, 4), make([]float32, rows*kernels.Slots)
		return func() { kernels.AttnScoresF16(s, q, dim, rows, half, dim, 0.125) }, s
	})
	accum := func(rows int) (acc, p, c []float32) {
		return make([]float32, rows*dim), normals(rows*kernels.Slots, 5), make([]float32, rows)
	}
	add("attn/accum/f32", limitProduct, 4*len(tile), macs, func(rows int) (func(), []float32) {
		acc, p, c := accum(rows)
		return func() { kernels.AttnAccum(acc, dim, p, c, rows, tile, dim, kernels.Slots) }, acc
	})
	add("attn/accum/f16", limitProduct, len(half), macs, func(rows int) (func(), []float32) {
		acc, p, c := accum(rows)
		return func() { kernels.AttnAccumF16(acc, dim, p, c, rows, half, dim, kernels.Slots) }, acc
	})
	add("attn/softmax", limitVector, 4*kernels.Slots, 0, func(rows int) (func(), []float32) {
		scores := normals(rows*kernels.Slots, 6)
		s, m, l, c := make([]float32, len(scores)), make([]float32, rows), make([]float32, rows), make([]float32, rows)
		return func() {
			copy(s, scores)
			for r := range m {
				m[r], l[r] = float32(math.Inf(-1)), 0
			}
			kernels.AttnSoftmaxRows(s, m, l, c, rows)
		}, s
	})
	return append(cases, i16Cases()...)
}

// innerRuns is how often a run repeats a short kernel, so that the clock's step does
// not matter.
const innerRuns = 32

// repeated makes a job of a short kernel.
func repeated(run func(), out []float32, bytes int, ops float64) *job {
	return &job{bytes: bytes, ops: ops, inner: innerRuns, out: func() []float32 { return out }, run: func() {
		for range innerRuns {
			run()
		}
	}}
}

// vectorCases are the kernels over a row of activations.
func vectorCases() (cases []kernelCase) {
	const n, headDim = 4096, 64
	x, y := normals(n, 7), normals(n, 8)
	add := func(name string, limit float64, bytes int, make func() (func(), []float32)) {
		cases = append(cases, kernelCase{name: "vector/" + name, limit: limit, make: func(int, bool) (*job, error) {
			run, out := make()
			return repeated(run, out, bytes, 0), nil
		}})
	}
	unary := func(name string, limit float64, f func(dst, x []float32)) {
		add(name, limit, 8*n, func() (func(), []float32) {
			dst := make([]float32, n)
			return func() { f(dst, x) }, dst
		})
	}
	binary := func(name string, limit float64, f func(dst, x, y []float32)) {
		add(name, limit, 12*n, func() (func(), []float32) {
			dst := make([]float32, n)
			return func() { f(dst, x, y) }, dst
		})
	}
	unary("exp", limitVector, kernels.Exp)
	unary("silu", limitVector, kernels.SiLU)
	unary("gelu", limitVector, kernels.GELU)
	unary("rmsnorm", limitVector, func(dst, x []float32) { kernels.RMSNorm(dst, x, y, 1e-5) })
	unary("softmax", limitVector, func(dst, x []float32) { copy(dst, x); kernels.Softmax(dst) })
	unary("softcap", limitVector, func(dst, x []float32) { copy(dst, x); kernels.SoftCap(dst, 30) })
	unary("scale", limitVector, func(dst, x []float32) { kernels.Scale(dst, x, 0.7) })
	unary("argmax", limitExact, func(dst, x []float32) { dst[0] = float32(kernels.ArgMax(x)) })
	unary("dot", limitProduct, func(dst, x []float32) { dst[0] = kernels.Dot(x, y) })
	binary("add", limitExact, kernels.Add)
	binary("silumul", limitVector, kernels.SiLUMul)
	binary("gelumul", limitVector, kernels.GELUMul)
	binary("swigluoai", limitVector, kernels.SwiGLUOAI)
	cos, sin := make([]float32, headDim/2), make([]float32, headDim/2)
	for i := range cos {
		cos[i], sin[i] = float32(math.Cos(float64(i))), float32(math.Sin(float64(i)))
	}
	unary("rope/neox", limitVector, func(dst, x []float32) { copy(dst, x); kernels.RopeNeox(dst, cos, sin, n/headDim, headDim) })
	unary("rope/norm", limitVector, func(dst, x []float32) { copy(dst, x); kernels.RopeNorm(dst, cos, sin, n/headDim, headDim) })
	for planes, name := range map[int]string{1: "vector/quantx/p1", 2: "vector/quantx/p2"} {
		cases = append(cases, kernelCase{name: name, limit: limitExact, make: func(int, bool) (*job, error) {
			b := make([]byte, kernels.XBytes(n/kernels.KBlock, planes))
			j := repeated(func() { kernels.QuantX(b, x, planes) }, nil, 4*n, 0)
			j.out = func() []float32 { return widened(b) }
			return j, nil
		}})
	}
	slices.SortFunc(cases, func(a, b kernelCase) int { return cmp.Compare(a.name, b.name) })
	return cases
}

// widened makes bytes comparable.
func widened(b []byte) []float32 {
	x := make([]float32, len(b))
	for i, v := range b {
		x[i] = float32(v)
	}
	return x
}
