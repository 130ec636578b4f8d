package kernels

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// product is a random quantized product with its inputs expanded and unpacked.
type product struct {
	*qCase
	scales, panel []byte
	cols          int
}

func newProduct(t testing.TB, rng *rand.Rand, l *Layout, nb, planes, cols int) *product {
	p := &product{qCase: newCase(t, l, nb, planes, cols, nb*5%32), cols: cols}
	p.fill(rng, 0, func(int) float32 { return float32(rng.ExpFloat64()) * 0.01 })
	if planes == 2 {
		for c := range cols {
			mixFine(rng, p.x[c*p.xStride:], nb)
		}
	}
	p.scales = guarded[byte](t, l.ScaleBytes(nb), nb%32)
	for i := range p.scales {
		if p.scales[i] = byte(rng.Uint32()); i%2 == 1 {
			p.scales[i] &= 0xbf // no infinities or NaN in either half format
		}
	}
	p.panel = make([]byte, nb*unpackedBlock)
	ExpandScales(l, p.ws, p.wm, p.scales, nb)
	return p
}

// gemm returns the outputs of all columns, from a panel of the current level.
func (p *product) gemm() []float32 {
	UnpackQ(p.panel, p.l, p.codes, p.nb)
	out := make([]float32, p.cols*RowGroup)
	p.gemmTo(out)
	return out
}

func (p *product) gemmTo(out []float32) {
	GemmQ(out, RowGroup, &Panel{p.l, 1, p.nb, p.panel, p.ws, p.wm, p.scales}, p.x, p.xStride, p.cols, p.planes)
}

// TestFusedLevelsAgree: the levels with fused multiply-add run the same arithmetic in
// the same order, so a missing VNNI changes no bit.
func TestFusedLevelsAgree(t *testing.T) {
	if !provides(hostLevel(), AVX512) {
		t.Skipf("this machine has %s only", hostLevel())
	}
	rng := rand.New(rand.NewPCG(31, 1))
	for _, l := range testLayouts() {
		for _, planes := range []int{1, 2} {
			p := newProduct(t, rng, l, 16, planes, 5)
			useLevel(t, AVX512)
			want := p.gemm()
			func() {
				defer func(old bool) { hasVNNI = old }(hasVNNI)
				hasVNNI = false
				require.Equal(t, want, p.gemm(), "%s planes %d without VNNI", layoutName(l), planes)
			}()
			useLevel(t, AVX2)
			require.Equal(t, want, p.gemm(), "%s planes %d on AVX2", layoutName(l), planes)
		}
	}
}

// TestProductsDoNotAllocate covers every operation that decoding and prefill call.
func TestProductsDoNotAllocate(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(32, 1))
		p := newProduct(t, rng, &Layout{Codes: Codes6, Scale: ScaleK, Group: 16, Zero: 32}, 9, 2, 7)
		out, src := make([]float32, 7*RowGroup), randomRow(rng, 9*KBlock)
		x, w := make([]byte, XBytes(9, 2)), rawBytes(randomRow(rng, 9*KBlock*RowGroup))
		panel := make([]float32, 9*KBlock*RowGroup)
		require.Zero(t, testing.AllocsPerRun(5, func() {
			QuantX(x, src, 2)
			UnpackQ(p.panel, p.l, p.codes, p.nb)
			ExpandScales(p.l, p.ws, p.wm, p.scales, p.nb)
			GemvQ(out, p.l, p.codes, p.ws, p.wm, p.x, p.nb, 2)
			GemvPacked(out, p.l, p.codes, p.scales, p.x, p.nb, 2)
			p.gemmTo(out)
			GemvF(out, F32, w, 1, 0, src)
			UnpackF(panel, F32, w, len(src))
			GemmF(out, RowGroup, panel, 1, src, 1, len(src)-6, 7)
			GemmBF16(out, RowGroup, w, 1, 0, w, 4, len(src)/2-6, 7)
		}))
	})
}

// TestConcurrentProducts runs products on goroutines whose stacks grow and move, with
// the collector running: the assembly must keep to the calling convention.
func TestConcurrentProducts(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		p := newProduct(t, rand.New(rand.NewPCG(33, 1)), &Layout{Codes: Codes4, Scale: ScaleKM, Group: 32}, 8, 2, 9)
		want := p.gemm()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for depth := range 20 {
					if !equalDeep(p, want, 50*depth) {
						t.Error("a product changed under concurrency")
						return
					}
				}
			})
		}
		for range 5 {
			runtime.GC()
		}
		wg.Wait()
	})
}

// equalDeep repeats the product depth frames down the stack.
func equalDeep(p *product, want []float32, depth int) bool {
	var frame [64]float32 // makes the stack grow
	if depth > 0 {
		return equalDeep(p, want, depth-1) && frame[depth%64] == 0
	}
	var out [9 * RowGroup]float32
	p.gemmTo(out[:])
	for i, v := range want {
		if out[i] != v {
			return false
		}
	}
	return true
}

// FuzzProducts compares, at every level of the machine, GemvPacked, GemvQ and GemmQ
// bit for bit with each other and within rounding with the definition.
func FuzzProducts(f *testing.F) {
	for i := range 14 {
		f.Add(uint64(i), uint8(i), uint8(3*i), uint8(i*5))
	}
	f.Fuzz(func(t *testing.T, seed uint64, layout, blocks, columns uint8) {
		l := testLayouts()[int(layout)%len(testLayouts())]
		nb, planes, cols := int(blocks)%20+1, int(columns)%2+1, int(columns)%13+1
		for _, level := range compiledLevels() {
			if provides(hostLevel(), level) {
				useLevel(t, level)
				rng := rand.New(rand.NewPCG(seed, 35))
				checkProduct(t, newProduct(t, rng, l, nb, planes, cols))
			}
		}
	})
}

func checkProduct(t *testing.T, p *product) {
	all := p.gemm()
	var one, packed [RowGroup]float32
	for c := range p.cols {
		x := p.x[c*p.xStride:]
		GemvQ(one[:], p.l, p.codes, p.ws, p.wm, x, p.nb, p.planes)
		GemvPacked(packed[:], p.l, p.codes, p.scales, x, p.nb, p.planes)
		require.Equal(t, one[:], all[c*RowGroup:][:RowGroup], "column %d of %d", c, p.cols)
		require.Equal(t, one, packed, "column %d of %d", c, p.cols)
		for r, got := range one {
			want, abs := p.want(r, c)
			// Below 1e-36 a product of scales may underflow and lose bits before it meets an integer sum.
			require.InDelta(t, want, float64(got), (float64(2*p.l.Groups(p.nb))+4)*0x1p-24*abs+1e-36, "row %d column %d", r, c)
		}
	}
}
