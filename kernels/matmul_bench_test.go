package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// bestOf runs f in b's loop and returns its shortest time in seconds: on a shared
// machine the mean tells more about the neighbours.
func bestOf(b *testing.B, f func()) float64 {
	best := math.Inf(1)
	f()
	for b.Loop() {
		start := time.Now()
		f()
		best = min(best, time.Since(start).Seconds())
	}
	return best
}

// report sets the metrics of a run of bytes and operations (2 per multiply-add).
func report(b *testing.B, best float64, bytes int, ops float64) {
	b.SetBytes(int64(bytes))
	b.ReportMetric(float64(bytes)/best/1e9, "bestGB/s")
	b.ReportMetric(ops/best/1e9, "bestGOP/s")
}

// benchLayouts are the layouts of the block formats that matter most.
var benchLayouts = map[string]*Layout{
	"q4_1": {Codes: Codes4, Scale: ScaleDM, Group: 32},
	"q8_0": {Codes: Codes8, Scale: ScaleD, Group: 32, Zero: 128},
	"q5_0": {Codes: Codes5, Scale: ScaleD, Group: 32, Zero: 16},
	"q4_k": {Codes: Codes4, Scale: ScaleKM, Group: 32},
	"q6_k": {Codes: Codes6, Scale: ScaleK, Group: 16, Zero: 32},
	"q2_k": {Codes: Codes2, Scale: ScaleKM, Group: 16},
	"q3_k": {Codes: Codes3, Scale: ScaleK, Group: 16, Zero: 4},
	"iq4":  {Codes: Codes4, Scale: ScaleD, Group: 32, Zero: 128, LUT: &testLUT},
}

// benchMatrix is rowGroups packed row groups with plausible scales.
type benchMatrix struct {
	l             *Layout
	nb, rowGroups int
	codes, scales []byte
	ws, wm        []float32
}

func newBenchMatrix(l *Layout, nb, bytes int) *benchMatrix {
	m := &benchMatrix{l: l, nb: nb, rowGroups: max(1, bytes/(l.CodeBytes(nb)+l.ScaleBytes(nb)))}
	rng := rand.New(rand.NewPCG(1, 2))
	m.codes = make([]byte, m.rowGroups*l.CodeBytes(nb))
	m.scales = make([]byte, m.rowGroups*l.ScaleBytes(nb))
	adviseHuge(m.codes)
	adviseHuge(m.scales)
	for i := range m.codes {
		m.codes[i] = byte(rng.Uint32())
	}
	for i := range m.scales {
		m.scales[i] = 0x21 + byte(i&1) // as f16: about 0.01
	}
	m.ws, m.wm = make([]float32, l.Groups(nb)*RowGroup), make([]float32, l.Groups(nb)*RowGroup)
	return m
}

func benchX(nb, planes, cols int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]byte, cols*XBytes(nb, planes))
	for c := range cols {
		QuantX(x[c*XBytes(nb, planes):], randomRow(rng, nb*KBlock), planes)
	}
	return x
}

// BenchmarkKernelGemvPacked streams a matrix, as a decoded token does.
func BenchmarkKernelGemvPacked(b *testing.B) {
	for name, l := range benchLayouts {
		for _, planes := range []int{1, 2} {
			for size, bytes := range map[string]int{"L2": 1 << 19, "L3": 12 << 20, "DRAM": 192 << 20} {
				nb := 64
				if size == "L2" {
					nb = 24 // short rows, where calls weigh
				}
				b.Run(fmt.Sprintf("%s/p%d/%s", name, planes, size), func(b *testing.B) {
					m, x, out := newBenchMatrix(l, nb, bytes), benchX(nb, planes, 1), make([]float32, RowGroup)
					eachLevelB(b, func(b *testing.B) {
						best := bestOf(b, func() {
							for g := range m.rowGroups {
								GemvPacked(out, l, m.codes[g*l.CodeBytes(nb):], m.scales[g*l.ScaleBytes(nb):], x, nb, planes)
							}
						})
						report(b, best, len(m.codes)+len(m.scales), 2*float64(m.rowGroups*RowGroup*nb*KBlock*planes))
					})
				})
			}
		}
	}
}

// BenchmarkKernelGemmQ multiplies a panel of 32 rows with 96 columns and compares
// with the peak of the multiply instruction measured beside it.
func BenchmarkKernelGemmQ(b *testing.B) {
	for _, nb := range []int{18, 64} {
		for name, l := range benchLayouts {
			for _, planes := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/nb%d/p%d", name, nb, planes), func(b *testing.B) { benchGemmQ(b, l, nb, planes) })
			}
		}
	}
}

func benchGemmQ(b *testing.B, l *Layout, nb, planes int) {
	const cols = 96
	m, panel := newBenchMatrix(l, nb, 2*l.CodeBytes(nb)+2*l.ScaleBytes(nb)), make([]byte, 2*nb*unpackedBlock)
	n := 2 * l.Groups(nb) * RowGroup
	ws, wm, x, out := make([]float32, n), []float32(nil), benchX(nb, planes, cols), make([]float32, 32*cols)
	if l.hasMin() {
		wm = make([]float32, n)
	}
	for i := range ws {
		ws[i] = 0.01
	}
	eachLevelB(b, func(b *testing.B) {
		for g := range 2 {
			UnpackQ(panel[g*nb*unpackedBlock:], l, m.codes[g*l.CodeBytes(nb):], nb)
		}
		ops := 2 * float64(2*RowGroup*nb*KBlock*cols*planes)
		peak := dotPeak()
		best := bestOf(b, func() {
			GemmQ(out, 32, &Panel{l, 2, nb, panel, ws, wm, nil}, x, XBytes(nb, planes), cols, planes)
		})
		report(b, best, len(panel), ops)
		if peak > 0 {
			b.ReportMetric(100*ops/best/max(peak, dotPeak()), "%peak")
		}
	})
}

func BenchmarkKernelQuantX(b *testing.B) {
	for _, planes := range []int{1, 2} {
		b.Run(fmt.Sprintf("p%d", planes), func(b *testing.B) {
			src := randomRow(rand.New(rand.NewPCG(7, 8)), 2048)
			dst := make([]byte, XBytes(64, planes))
			eachLevelB(b, func(b *testing.B) {
				report(b, bestOf(b, func() {
					for range 16 {
						QuantX(dst, src, planes)
					}
				}), 16*4*len(src), 16*float64(len(src)))
			})
		})
	}
}

func BenchmarkKernelUnpackQ(b *testing.B) {
	for name, l := range benchLayouts {
		b.Run(name, func(b *testing.B) {
			const nb = 64
			codes, dst := make([]byte, l.CodeBytes(nb)), make([]byte, nb*unpackedBlock)
			eachLevelB(b, func(b *testing.B) {
				report(b, bestOf(b, func() {
					for range 16 {
						UnpackQ(dst, l, codes, nb)
					}
				}), 16*len(dst), 0)
			})
		})
	}
}

func BenchmarkKernelExpandScales(b *testing.B) {
	for name, l := range benchLayouts {
		b.Run(name, func(b *testing.B) {
			const nb = 64
			m := newBenchMatrix(l, nb, 1)
			eachLevelB(b, func(b *testing.B) {
				report(b, bestOf(b, func() {
					for range 16 {
						ExpandScales(l, m.ws, m.wm, m.scales, nb)
					}
				}), 16*8*len(m.ws), 0)
			})
		})
	}
}

func BenchmarkKernelGemvF(b *testing.B) {
	for name, f := range testFloats {
		for _, rowGroups := range []int{1, 4} {
			b.Run(fmt.Sprintf("%s/%d", name, 16*rowGroups), func(b *testing.B) {
				const k = 2048
				rng := rand.New(rand.NewPCG(9, 9))
				w := randomFloats(rng, f, 4*RowGroup*k)
				x, out := randomRow(rng, k), make([]float32, 4*RowGroup)
				stride := k * RowGroup * f.Size()
				eachLevelB(b, func(b *testing.B) {
					report(b, bestOf(b, func() {
						for g := 0; g < 4; g += rowGroups {
							GemvF(out, f, w[g*stride:], rowGroups, stride, x)
						}
					}), len(w), 8*RowGroup*k)
				})
			})
		}
	}
}

func BenchmarkKernelGemmF(b *testing.B) {
	const k, cols = 576, 96
	rng := rand.New(rand.NewPCG(10, 9))
	panel, x, out := randomRow(rng, 2*RowGroup*k), randomRow(rng, cols*k), make([]float32, 2*RowGroup*cols)
	eachLevelB(b, func(b *testing.B) {
		peak := fmaPeak()
		ops := 2 * float64(2*RowGroup*k*cols)
		best := bestOf(b, func() { GemmF(out, 2*RowGroup, panel, 2, x, k, k, cols) })
		report(b, best, 4*len(panel), ops)
		if peak > 0 {
			b.ReportMetric(100*ops/best/max(peak, fmaPeak()), "%peak")
		}
	})
}

func BenchmarkKernelGemmBF16(b *testing.B) {
	const k, cols = 2048, 96
	rng := rand.New(rand.NewPCG(12, 9))
	w, x := randomFloats(rng, BF16, 2*RowGroup*k), randomFloats(rng, BF16, cols*(k+32))
	out := make([]float32, 2*RowGroup*cols)
	if !FastBF16() {
		b.Skip("no fast bfloat16 products")
	}
	for _, n := range []int{1, 8, 12, cols} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			peak := fmaPeak()
			ops := 2 * float64(2*RowGroup*k*n)
			best := bestOf(b, func() { GemmBF16(out, 2*RowGroup, w, 2, len(w)/2, x, 2*(k+32), k/2, n) })
			report(b, best, len(w), ops)
			b.ReportMetric(50*ops/best/max(peak, fmaPeak()), "%peak")
		})
	}
}

// BenchmarkKernelStream reads memory and nothing else: the roof of the GEMVs.
func BenchmarkKernelStream(b *testing.B) {
	for size, n := range map[string]int{"L2": 1 << 19, "L3": 12 << 20, "DRAM": 192 << 20} {
		b.Run(size, func(b *testing.B) {
			buf := make([]byte, n)
			adviseHuge(buf)
			for i := range buf {
				buf[i] = 1
			}
			if !streams(buf[:64]) {
				b.Skip("no assembly")
			}
			report(b, bestOf(b, func() { streams(buf) }), n, 0)
		})
	}
}

// BenchmarkKernelGemmPacked multiplies 32 rows with activations of which a tenth of the
// blocks is fine, by GemmPacked and by way of a panel, unpacking included.
func BenchmarkKernelGemmPacked(b *testing.B) {
	if packedColumns() == 0 {
		b.Skip("no assembly")
	}
	for _, name := range []string{"q4_1", "q8_0", "q4_k", "q6_k"} {
		l := benchLayouts[name]
		for _, cols := range []int{2, 4, 8, 16, 32, 96, 256} {
			b.Run(fmt.Sprintf("%s/%d", name, cols), func(b *testing.B) { benchGemmPacked(b, l, 64, cols) })
		}
	}
}

func benchGemmPacked(b *testing.B, l *Layout, nb, cols int) {
	m := newBenchMatrix(l, nb, 2*l.CodeBytes(nb)+2*l.ScaleBytes(nb))
	n, stride := l.Groups(nb)*RowGroup, XBytes(nb, 2)
	panel, ws, wm := make([]byte, 2*nb*unpackedBlock), make([]float32, 2*n), make([]float32, 2*n)
	out, x := make([]float32, 32*cols), make([]byte, cols*stride)
	rng := rand.New(rand.NewPCG(3, 8))
	for c := range cols {
		row := randomRow(rng, nb*KBlock)
		for o := range nb {
			if rng.IntN(10) == 0 {
				row[o*KBlock] *= 6
			}
		}
		QuantXAdaptive(x[c*stride:(c+1)*stride], row, 2)
	}
	codes, scales := l.CodeBytes(nb), l.ScaleBytes(nb)
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			report(b, bestOf(b, f), 2*codes, 2*float64(2*RowGroup*nb*KBlock*cols))
		})
	}
	run("packed", func() {
		clear(out)
		for g := range 2 {
			GemmPacked(out[g*RowGroup*cols:], l, m.codes[g*codes:], m.scales[g*scales:], x, stride, nb, cols, 2)
		}
	})
	run("panel", func() {
		panel := panel
		for g := range 2 {
			if l.Codes != Codes8 {
				UnpackQ(panel[g*nb*unpackedBlock:], l, m.codes[g*codes:], nb)
			}
			ExpandScales(l, ws[g*n:], wm[g*n:], m.scales[g*scales:], nb)
		}
		if l.Codes == Codes8 {
			panel = m.codes
		}
		GemmQ(out, 32, &Panel{l, 2, nb, panel, ws, wm, nil}, x, stride, cols, 2)
	})
}
