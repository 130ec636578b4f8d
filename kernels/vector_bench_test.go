package kernels

import (
	"fmt"
	"testing"
)

// BenchmarkVector times the vector operations on a model row that lies in the
// first-level cache. MB/s counts the bytes that the operation reads and writes.
func BenchmarkVector(b *testing.B) {
	const n = 1536
	x, y, dst, half := normals(n, 2, 1), normals(n, 2, 2), make([]float32, n), make([]byte, 2*n)
	cos, sin := normals(32, 1, 3), normals(32, 1, 4)
	var sink float32
	for _, op := range []struct {
		name    string
		streams int // f32 streams
		run     func()
	}{
		{"Add", 3, func() { Add(dst, x, y) }},
		{"AddScaled", 3, func() { AddScaled(dst, x, 1e-9) }},
		{"Dot", 2, func() { sink += Dot(x, y) }},
		{"Max", 1, func() { sink += Max(x) }},
		{"ArgMax", 1, func() { sink += float32(ArgMax(x)) }},
		{"RMSNorm", 3, func() { RMSNorm(dst, x, y, 1e-5) }},
		{"Exp", 2, func() { Exp(dst, x) }},
		{"SiLUMul", 3, func() { SiLUMul(dst, x, y) }},
		{"GELUMul", 3, func() { GELUMul(dst, x, y) }},
		{"SwiGLUOAI", 3, func() { SwiGLUOAI(dst, x, y) }},
		{"SoftCap", 2, func() { SoftCap(x, 30) }},
		{"Softmax", 2, func() { copy(dst, x); Softmax(dst) }},
		{"RopeNeox", 2, func() { RopeNeox(dst, cos, sin, n/64, 64) }},
		{"RopeNorm", 2, func() { RopeNorm(dst, cos, sin, n/64, 64) }},
		{"F16ToF32", 1, func() { F16ToF32(dst, half) }},
		{"F32ToF16", 1, func() { F32ToF16(half, x) }},
		{"BF16ToF32", 1, func() { BF16ToF32(dst, half) }},
		{"F32ToBF16", 1, func() { F32ToBF16(half, x) }},
	} {
		b.Run(op.name, func(b *testing.B) {
			eachLevelB(b, func(b *testing.B) {
				b.SetBytes(int64(4 * n * op.streams))
				for b.Loop() {
					op.run()
				}
			})
		})
	}
	if sink == 1 {
		b.Log(sink)
	}
}

// attnBench runs one attention kernel over tiles that lie in the second-level
// cache, for a grid of rows and head widths, against the multiply-add peak.
func attnBench(b *testing.B, elemBytes int, run func(i, rows, dim int)) {
	const tiles = 16
	for _, dim := range []int{64, 80, 128, 256} {
		for _, rows := range []int{1, 3, 4, 8, 9, 12, 36, 48} {
			b.Run(fmt.Sprintf("dim=%d/rows=%d", dim, rows), func(b *testing.B) {
				eachLevelB(b, func(b *testing.B) {
					peak := fmaPeak()
					ops := 2 * float64(rows*dim*Slots*tiles)
					best := bestOf(b, func() {
						for i := range tiles {
							run(i, rows, dim)
						}
					})
					report(b, best, tiles*Slots*dim*elemBytes, ops)
					if peak > 0 {
						b.ReportMetric(100*ops/best/max(peak, fmaPeak()), "%peak")
					}
				})
			})
		}
	}
}

func BenchmarkAttnScores(b *testing.B) {
	q, k, s := normals(48*256, 1, 1), normals(16*256*Slots, 1, 2), make([]float32, 48*Slots)
	attnBench(b, 4, func(i, rows, dim int) {
		AttnScores(s, q, dim, rows, k[i*dim*Slots:], dim, 0.125)
	})
}

func BenchmarkAttnAccum(b *testing.B) {
	p, c, v, acc := normals(48*Slots, 1, 1), normals(48, 0.1, 5), normals(16*256*Slots, 1, 2), make([]float32, 48*256)
	attnBench(b, 4, func(i, rows, dim int) {
		AttnAccum(acc, dim, p, c, rows, v[i*dim*Slots:], dim, Slots)
	})
}

// BenchmarkAttnScoresF16 and BenchmarkAttnAccumF16 are to be read beside their
// Converted forms, which convert a tile and run the f32 kernel.
func BenchmarkAttnScoresF16(b *testing.B) {
	q, k, s := normals(48*256, 1, 1), make([]byte, 2*16*256*Slots), make([]float32, 48*Slots)
	F32ToF16(k, normals(16*256*Slots, 1, 2))
	attnBench(b, 2, func(i, rows, dim int) {
		AttnScoresF16(s, q, dim, rows, k[2*i*dim*Slots:], dim, 0.125)
	})
}

func BenchmarkAttnScoresConverted(b *testing.B) {
	q, k, s := normals(48*256, 1, 1), make([]byte, 2*16*256*Slots), make([]float32, 48*Slots)
	tile := make([]float32, 256*Slots)
	F32ToF16(k, normals(16*256*Slots, 1, 2))
	attnBench(b, 2, func(i, rows, dim int) {
		F16ToF32(tile[:dim*Slots], k[2*i*dim*Slots:])
		AttnScores(s, q, dim, rows, tile, dim, 0.125)
	})
}

func BenchmarkAttnAccumF16(b *testing.B) {
	p, c, v, acc := normals(48*Slots, 1, 1), normals(48, 0.1, 5), make([]byte, 2*16*256*Slots), make([]float32, 48*256)
	F32ToF16(v, normals(16*256*Slots, 1, 2))
	attnBench(b, 2, func(i, rows, dim int) {
		AttnAccumF16(acc, dim, p, c, rows, v[2*i*dim*Slots:], dim, Slots)
	})
}

func BenchmarkAttnAccumConverted(b *testing.B) {
	p, c, v, acc := normals(48*Slots, 1, 1), normals(48, 0.1, 5), make([]byte, 2*16*256*Slots), make([]float32, 48*256)
	tile := make([]float32, 256*Slots)
	F32ToF16(v, normals(16*256*Slots, 1, 2))
	attnBench(b, 2, func(i, rows, dim int) {
		F16ToF32(tile[:dim*Slots], v[2*i*dim*Slots:])
		AttnAccum(acc, dim, p, c, rows, tile, dim, Slots)
	})
}

func BenchmarkAttnSoftmax(b *testing.B) {
	for _, rows := range []int{1, 3, 12, 48} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			src, s := normals(rows*Slots, 3, 1), make([]float32, rows*Slots)
			m, l, c := normals(rows, 1, 2), make([]float32, rows), make([]float32, rows)
			eachLevelB(b, func(b *testing.B) {
				best := bestOf(b, func() {
					for range 100 {
						copy(s, src)
						AttnSoftmaxRows(s, m, l, c, rows)
					}
				})
				b.ReportMetric(best/100/float64(rows)*1e9, "bestns/row")
			})
		})
	}
}

// BenchmarkAttnDecode walks a half-float cache as one decoded token does: scores,
// softmax and accumulation of each block of 32 slots. MB/s counts K and V. Asking
// for the next block ahead (PREFETCHT0) made every case slower when tried.
func BenchmarkAttnDecode(b *testing.B) {
	const rows, dim, tile = 3, 64, 2 * 64 * Slots
	q, s, acc := normals(rows*dim, 1, 1), make([]float32, rows*Slots), make([]float32, rows*dim)
	m, l, c := make([]float32, rows), make([]float32, rows), make([]float32, rows)
	for size, n := range map[string]int{"L2": 1 << 19, "L3": 12 << 20, "DRAM": 96 << 20} {
		kv := make([]byte, n)
		F32ToF16(kv[:2*tile], normals(tile, 1, 2))
		for done := 2 * tile; done < n; done *= 2 {
			copy(kv[done:], kv[:done])
		}
		b.Run(size, func(b *testing.B) {
			eachLevelB(b, func(b *testing.B) {
				report(b, bestOf(b, func() {
					for i := 0; i+2*tile <= n; i += 2 * tile {
						AttnScoresF16(s, q, dim, rows, kv[i:], dim, 0.125)
						AttnSoftmaxRows(s, m, l, c, rows)
						AttnAccumF16(acc, dim, s, c, rows, kv[i+tile:], dim, Slots)
					}
				}), n, float64(n*rows))
			})
		})
	}
}

// The same over 16-bit integers, which need no conversion; BenchmarkAttnDecodeI16
// is to be read beside BenchmarkAttnDecode.
func BenchmarkAttnI16(b *testing.B) {
	for _, c := range []struct{ rows, dim int }{{3, 64}, {48, 64}, {48, 256}} {
		k, v := i16Tiles(normals(Slots*c.dim, 1, 2), c.dim)
		q, qs := i16Queries(normals(c.rows*c.dim, 1, 1), c.rows, c.dim, 0.125)
		s, acc := make([]float32, c.rows*Slots), make([]float32, c.rows*c.dim)
		w, ws := make([]byte, 2*c.rows*Slots), make([]float32, c.rows)
		p := normals(c.rows*Slots, 1, 3)
		for name, run := range map[string]func(){
			"scores":  func() { AttnScoresI16(s, q, qs, c.rows, k, c.dim) },
			"weights": func() { AttnWeightsI16(w, ws, p, c.rows, v, c.dim, Slots) },
			"accum":   func() { AttnAccumI16(acc, c.dim, w, ws, ws, c.rows, v, c.dim, Slots) },
		} {
			b.Run(fmt.Sprintf("%s/dim=%d/rows=%d", name, c.dim, c.rows), func(b *testing.B) {
				eachLevelB(b, func(b *testing.B) {
					AttnWeightsI16(w, ws, p, c.rows, v, c.dim, Slots)
					best := bestOf(b, func() {
						for range 20 {
							run()
						}
					}) / 20
					b.ReportMetric(best/float64(c.rows)*1e9, "bestns/row")
					b.ReportMetric(2*float64(c.rows*c.dim*Slots)/best/1e9, "bestGOP/s")
				})
			})
		}
	}
}

func BenchmarkAttnDecodeI16(b *testing.B) {
	const rows, dim = 3, 64
	k, v := i16Tiles(normals(Slots*dim, 1, 2), dim)
	tile := len(k)
	q, qs := i16Queries(normals(rows*dim, 1, 1), rows, dim, 0.125)
	s, acc := make([]float32, rows*Slots), make([]float32, rows*dim)
	w, ws := make([]byte, 2*rows*Slots), make([]float32, rows)
	m, l, c := make([]float32, rows), make([]float32, rows), make([]float32, rows)
	for size, n := range map[string]int{"L2": 1 << 19, "L3": 12 << 20, "DRAM": 96 << 20} {
		kv := make([]byte, n)
		for i := 0; i+2*tile <= n; i += 2 * tile {
			copy(kv[i:], k)
			copy(kv[i+tile:], v)
		}
		b.Run(size, func(b *testing.B) {
			eachLevelB(b, func(b *testing.B) {
				report(b, bestOf(b, func() {
					for i := 0; i+2*tile <= n; i += 2 * tile {
						AttnScoresI16(s, q, qs, rows, kv[i:i+tile], dim)
						AttnSoftmaxRows(s, m, l, c, rows)
						AttnWeightsI16(w, ws, s, rows, kv[i+tile:i+2*tile], dim, Slots)
						AttnAccumI16(acc, dim, w, ws, c, rows, kv[i+tile:i+2*tile], dim, Slots)
					}
				}), n, float64(n*rows))
			})
		})
	}
}
