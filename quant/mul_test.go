package quant_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/kernels"
	"kvasir/quant"
)

// randInput returns n quantized rows of normal activations with a few outliers.
func randInput(rng *rand.Rand, n, cols, planes int) *quant.Input {
	in := quant.NewInput(n, cols, planes)
	x := make([]float32, n*cols)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
		if rng.IntN(200) == 0 {
			x[i] *= 20
		}
	}
	in.Set(x, n, cols)
	if cols%kernels.KBlock == 0 {
		in.Quantize(0, n)
	}
	return in
}

// activations returns row n as the kernels read it: F for float weights, else
// the decoded codes of X.
func activations(in *quant.Input, n int, float bool) []float64 {
	x := make([]float64, in.Cols)
	if float {
		for i := range x {
			x[i] = float64(in.F[n*in.Cols+i])
		}
		return x
	}
	block := 16 + kernels.KBlock*in.Planes
	row := in.X[n*in.Cols/kernels.KBlock*block:]
	for i := range x {
		b := row[i/kernels.KBlock*block:]
		d := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		q := int(int8(b[16+i%kernels.KBlock]))
		if in.Planes == 2 {
			q = 128*q + int(int8(b[16+kernels.KBlock+i%kernels.KBlock]))
		}
		x[i] = d * float64(q)
	}
	return x
}

// mul runs p.Mul over all row groups into fresh memory.
func mul(p *quant.Packed, in *quant.Input) []float32 {
	out := make([]float32, in.N*p.Rows)
	p.Mul(out, p.Rows, in, 0, p.RowGroups(), quant.NewScratch(p.Cols))
	return out
}

// column returns in reduced to its row n.
func column(in *quant.Input, n int) *quant.Input {
	one := quant.NewInput(1, in.Cols, in.Planes)
	one.Set(in.F[n*in.Cols:(n+1)*in.Cols], 1, in.Cols)
	if in.Cols%kernels.KBlock == 0 {
		one.Quantize(0, 1)
	}
	return one
}

// TestMulAgainstFloat64 bounds the error of a product by 4 float32 epsilons of
// the sum of absolute terms. A term is |ws*u*x| + |wm*x|, at most what the code
// range times the largest weight makes of it; |w*x| alone would be too strict
// for weights near the middle of their range.
func TestMulAgainstFloat64(t *testing.T) {
	const eps = 0x1p-24
	forEachFormat(t, func(t *testing.T, f *quant.Format) {
		rng := rand.New(rand.NewPCG(5, uint64(f.Type)))
		for _, planes := range []int{1, 2} {
			for _, cols := range testCols(f) {
				m := randMatrix(t, rng, f, 19, cols)
				in := randInput(rng, 3, cols, planes)
				out := mul(pack(t, m), in)
				w := make([]float32, cols)
				for r := range m.Rows {
					m.Row(w, r)
					for n := range in.N {
						want, bound := dot64(w, activations(in, n, f.Layout == nil))
						got := float64(out[n*m.Rows+r])
						require.InDelta(t, want, got, 4*eps*bound, "row %d, column %d, %d columns, %d planes", r, n, cols, planes)
					}
				}
			}
		}
	})
}

// dot64 returns the dot product and the bound of TestMulAgainstFloat64: the
// span of the weights of 32 values bounds |ws*u| and |wm| of each.
func dot64(w []float32, x []float64) (sum, terms float64) {
	for k := 0; k < len(w); k += kernels.KBlock {
		end := min(k+kernels.KBlock, len(w))
		var span float64
		for _, v := range w[k:end] {
			span = max(span, math.Abs(float64(v)))
		}
		for i := k; i < end; i++ {
			sum += float64(w[i]) * x[i]
			terms += 2 * span * math.Abs(x[i])
		}
	}
	return sum, terms
}

// TestMulOneOrder checks the determinism contract: one column or many, whatever
// their number and whichever row groups are done together, same bits.
func TestMulOneOrder(t *testing.T) {
	forEachFormat(t, func(t *testing.T, f *quant.Format) {
		rng := rand.New(rand.NewPCG(6, uint64(f.Type)))
		cols := testCols(f)[1]
		for _, rows := range []int{1, 16, 17, 31, 48, 70} {
			m := randMatrix(t, rng, f, rows, cols)
			p := pack(t, m)
			for _, planes := range []int{1, 2} {
				in := randInput(rng, 21, cols, planes)
				want := make([]float32, 0, in.N*rows)
				for n := range in.N {
					want = append(want, mul(p, column(in, n))...)
				}
				for n := 1; n <= in.N; n += 1 + n/3 {
					in.N = n
					requireSameBits(t, want[:n*rows], mul(p, in), "%d rows, %d columns, %d planes", rows, n, planes)
				}
			}
		}
	})
}

// TestMulSplit checks that every range of row groups writes its own outputs
// only, with the bits of the whole.
func TestMulSplit(t *testing.T) {
	const rows, ldo, n = 70, 75, 5
	guard := float32(math.Inf(-1))
	forEachFormat(t, func(t *testing.T, f *quant.Format) {
		rng := rand.New(rand.NewPCG(7, uint64(f.Type)))
		cols := testCols(f)[1]
		p := pack(t, randMatrix(t, rng, f, rows, cols))
		s := quant.NewScratch(cols + 100)
		for _, in := range []*quant.Input{randInput(rng, 1, cols, 1), randInput(rng, 3, cols, 1), randInput(rng, n, cols, 1)} {
			whole := mul(p, in)
			for lo := range p.RowGroups() {
				for hi := lo; hi <= p.RowGroups(); hi++ {
					want, got := make([]float32, n*ldo), make([]float32, n*ldo)
					for i := range got {
						want[i], got[i] = guard, guard
					}
					for c := range in.N {
						if lo < hi {
							copy(want[c*ldo+16*lo:c*ldo+min(16*hi, rows)], whole[c*rows+16*lo:])
						}
					}
					p.Mul(got, ldo, in, lo, hi, s)
					requireSameBits(t, want, got, "groups %d to %d", lo, hi)
				}
			}
		}
	})
}

// TestMulManyColumns goes beyond one block of columns and one edge block.
func TestMulManyColumns(t *testing.T) {
	if testing.Short() {
		t.Skip("multiplies large matrices")
	}
	for _, typ := range []quant.Type{quant.Q8_0, quant.F16} {
		f := quant.Formats[typ]
		rng := rand.New(rand.NewPCG(8, uint64(typ)))
		m := randMatrix(t, rng, f, 21, 4096)
		p, in := pack(t, m), randInput(rng, 300, 4096, 1)
		out := mul(p, in)
		for _, n := range []int{0, 31, 63, 64, 84, 85, 128, 255, 299} {
			requireSameBits(t, mul(p, column(in, n)), out[n*m.Rows:(n+1)*m.Rows], "%v column %d", typ, n)
		}
	}
}

func TestMulThreads(t *testing.T) {
	f := quant.Formats[quant.Q4_K]
	rng := rand.New(rand.NewPCG(9, 1))
	p := pack(t, randMatrix(t, rng, f, 200, 512))
	for _, n := range []int{1, 7} {
		in := randInput(rng, n, 512, 1)
		got := make([]float32, n*p.Rows)
		var wait sync.WaitGroup
		for g := 0; g < p.RowGroups(); g += 3 {
			wait.Go(func() { p.Mul(got, p.Rows, in, g, min(g+3, p.RowGroups()), quant.NewScratch(512)) })
		}
		wait.Wait()
		requireSameBits(t, mul(p, in), got, "%d columns", n)
	}
}

func TestMulWrongShapes(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 1))
	p := pack(t, randMatrix(t, rng, quant.Formats[quant.Q4_0], 20, 64))
	in := randInput(rng, 1, 64, 1)
	out := make([]float32, 32)
	require.Panics(t, func() { p.Mul(out, 20, randInput(rng, 1, 96, 1), 0, 1, quant.NewScratch(96)) })
	require.Panics(t, func() { p.Mul(out, 20, in, 0, 1, quant.NewScratch(32)) })
	require.Panics(t, func() { p.Mul(out, 19, in, 0, 1, quant.NewScratch(64)) })
	require.Panics(t, func() { in.Set(make([]float32, 128), 2, 64) })
}

func TestMulDoesNotAllocate(t *testing.T) {
	for _, typ := range []quant.Type{quant.Q4_K, quant.F16} {
		rng := rand.New(rand.NewPCG(11, uint64(typ)))
		p := pack(t, randMatrix(t, rng, quant.Formats[typ], 70, 256))
		in, s := randInput(rng, 9, 256, 1), quant.NewScratch(256)
		x, out := in.F, make([]float32, 9*70)
		for _, n := range []int{1, 9} {
			allocs := testing.AllocsPerRun(5, func() {
				in.Set(x, n, 256)
				in.Quantize(0, n)
				p.Mul(out, 70, in, 0, p.RowGroups(), s)
			})
			require.Zero(t, allocs, "%v, %d columns", typ, n)
		}
	}
}

// BenchmarkMul reports, as MB/s, the packed weight bytes read per second for one
// column and, as GMAC/s, multiply-adds per nanosecond.
func BenchmarkMul(b *testing.B) {
	types := []quant.Type{quant.Q4_1, quant.Q8_0, quant.Q4_K, quant.Q6_K, quant.F16}
	for _, shape := range [][2]int{{576, 576}, {1536, 576}, {576, 1536}, {49152, 576}} {
		for _, typ := range types {
			if shape[0] == 49152 && typ != quant.Q8_0 {
				continue
			}
			f := quant.Formats[typ]
			rows, cols := shape[0], shape[1]
			if cols%f.BlockValues != 0 {
				cols = cols / 256 * 256
			}
			rng := rand.New(rand.NewPCG(12, uint64(typ)))
			p, s := pack(b, randMatrix(b, rng, f, rows, cols)), quant.NewScratch(cols)
			for _, n := range []int{1, 2, 3, 4, 8, 512} {
				if rows == 49152 && n > 4 {
					continue
				}
				b.Run(fmt.Sprintf("%s/%dx%d/n=%d", f.Name, rows, cols, n), func(b *testing.B) {
					in, out := randInput(rng, n, cols, 1), make([]float32, n*rows)
					b.SetBytes(int64(p.Bytes()))
					for b.Loop() {
						p.Mul(out, rows, in, 0, p.RowGroups(), s)
					}
					macs := float64(rows) * float64(cols) * float64(n) * float64(b.N)
					b.ReportMetric(macs/float64(b.Elapsed().Nanoseconds()), "GMAC/s")
				})
			}
		}
	}
}
