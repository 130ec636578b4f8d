package kernels

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// i16Tiles encodes 32 random keys or values of dim, f32 [Slots][dim], as a K and a
// V tile.
func i16Tiles(x []float32, dim int) (k, v []byte) {
	k, v = make([]byte, Slots*I16RowBytes(dim)), make([]byte, Slots*I16RowBytes(dim))
	width, at := I16Width(dim), i16Scales(dim)
	row := make([]byte, 2*width)
	for j := range Slots {
		s := EncodeKeyI16(row, x[j*dim:(j+1)*dim])
		binary.LittleEndian.PutUint32(k[at+4*j:], math.Float32bits(s))
		for d := range width {
			copy(k[2*((d/2*Slots+j)*2+d%2):], row[2*d:2*d+2])
		}
		s = EncodeValueI16(row, x[j*dim:(j+1)*dim])
		binary.LittleEndian.PutUint32(v[at+4*j:], math.Float32bits(s))
		for d := range dim {
			copy(v[2*((j/2*dim+d)*2+j%2):], row[2*d:2*d+2])
		}
	}
	return k, v
}

// i16Queries encodes rows queries, their scales times scale.
func i16Queries(q []float32, rows, dim int, scale float32) (codes []byte, qs []float32) {
	width := 2 * I16Width(dim)
	codes, qs = make([]byte, rows*width), make([]float32, rows)
	for r := range rows {
		qs[r] = scale * EncodeKeyI16(codes[r*width:(r+1)*width], q[r*dim:(r+1)*dim])
	}
	return codes, qs
}

// Every level encodes to the same bytes, and what is encoded comes back within the
// step.
func TestEncodeI16(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for i, dim := range attnDims {
			x := guardedCopy(t, normals(dim, float64(int(1)<<(i%20))/1000, uint64(i)), i%16)
			for name, limit := range map[string][2]float32{"key": {keyNorm, keyMax}, "value": {float32(math.Inf(1)), valueMax}} {
				dst, want := guarded[byte](t, 2*I16Width(dim), i), make([]byte, 2*I16Width(dim))
				s := encodeI16(dst, x, limit[0], limit[1])
				require.Equal(t, quantI16Generic(want, x, limit[0], limit[1]), s, "%s of %d", name, dim)
				require.Equal(t, want, append([]byte(nil), dst...), "%s of %d", name, dim)
				norm := 0.0
				for d, v := range x {
					c := i16At(dst, d)
					norm += float64(c) * float64(c)
					require.InDelta(t, v, c*s, 0.5001*float64(s)+1e-7*math.Abs(float64(v)))
					require.LessOrEqual(t, math.Abs(float64(c)), float64(limit[1]))
				}
				require.Less(t, math.Sqrt(norm), float64(limit[0])+40)
			}
		}
	})
}

func TestEncodeI16Special(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, n := range []int{16, 20} {
			dst := make([]byte, 2*n)
			x := make([]float32, n)
			require.Zero(t, EncodeKeyI16(dst, x))
			x[3] = 1e-36 // the scale would be subnormal
			require.Zero(t, EncodeKeyI16(dst, x))
			require.Equal(t, make([]byte, 2*n), dst)
			x[5] = float32(math.NaN())
			require.True(t, math.IsNaN(float64(EncodeKeyI16(dst, x))))
			require.True(t, math.IsNaN(float64(EncodeValueI16(dst, x))))
			x[5] = float32(math.Inf(-1))
			require.False(t, finite(EncodeKeyI16(dst, x)))
			require.False(t, finite(EncodeValueI16(dst, x)))
		}
	})
	require.Zero(t, EncodeKeyI16(nil, nil))
}

func finite(x float32) bool { return x-x == 0 }

func TestAttnScoresI16(t *testing.T) {
	eachAttention(t, func(t *testing.T, rows, dim, offset int) {
		qv, kv := normals(rows*dim, 1, 1), normals(Slots*dim, 1, 2)
		codes, qs := i16Queries(qv, rows, dim, 0.125)
		tile, _ := i16Tiles(kv, dim)
		want := make([]float32, rows*Slots)
		attnScoresI16Generic(want, codes, qs, rows, tile, dim)
		eachVNNI(func() {
			s := guarded[float32](t, rows*Slots, offset)
			AttnScoresI16(s, guardedCopy(t, codes, offset+1), guardedCopy(t, qs, offset), rows, guardedCopy(t, tile, offset), dim)
			require.Equal(t, want, append([]float32(nil), s...))
		})
		for r := range rows {
			for j := range Slots {
				var exact, qq, kk float64
				for d := range dim {
					x, y := float64(qv[r*dim+d]), float64(kv[j*dim+d])
					exact, qq, kk = exact+x*y, qq+x*x, kk+y*y
				}
				if diff := math.Abs(float64(want[r*Slots+j]) - 0.125*exact); diff > 0.125*1.2e-4*math.Sqrt(qq*kk) {
					t.Fatalf("row %d slot %d: got %v, want %v", r, j, want[r*Slots+j], 0.125*exact)
				}
			}
		}
	})
}

// eachVNNI runs f with and without the VNNI products, as far as there are any.
func eachVNNI(f func()) {
	f()
	if level >= AVX512 && hasVNNI {
		hasVNNI = false
		defer func() { hasVNNI = true }()
		f()
	}
}

func TestAttnAccumI16(t *testing.T) {
	eachAttention(t, func(t *testing.T, rows, dim, offset int) {
		stride := dim + rows%3*8
		av, cv, pv := normals((rows-1)*stride+dim, 1, 1), normals(rows, 1, 3), normals(rows*Slots, 1, 2)
		for i, x := range pv {
			pv[i] = float32(math.Exp(-4 * math.Abs(float64(x))))
		}
		vv := normals(Slots*dim, 1, 4)
		_, tile := i16Tiles(vv, dim)
		v := guardedCopy(t, tile, offset)
		for _, n := range []int{0, 1, 7, 31, 32} {
			wWant, wsWant := make([]byte, 2*rows*Slots), make([]float32, rows)
			attnWeightsI16Generic(wWant, wsWant, pv, rows, tile[i16Scales(dim):], n)
			w, ws := guarded[byte](t, 2*rows*Slots, offset+1), guarded[float32](t, rows, offset)
			AttnWeightsI16(w, ws, guardedCopy(t, pv, offset), rows, v, dim, n)
			require.Equal(t, wWant, append([]byte(nil), w...))
			require.Equal(t, wsWant, append([]float32(nil), ws...))

			want := append([]float32(nil), av...)
			if n > 0 {
				attnAccumI16Generic(want, stride, w, ws, cv, rows, tile, dim, (n+1)/2)
			} else {
				AttnAccum(want, stride, pv, cv, rows, nil, dim, 0)
			}
			eachVNNI(func() {
				acc := guarded[float32](t, len(av), (offset+9)%16)
				copy(acc, av)
				AttnAccumI16(acc, stride, w, ws, guardedCopy(t, cv, 1), rows, v, dim, n)
				require.Equal(t, want, append([]float32(nil), acc...))
			})
			requireNearAccum(t, want, av, pv, cv, vv, rows, dim, stride, n)
		}
	})
}

// requireNearAccum compares with the sum in f64: a weight is off by at most half a
// 4096th of the largest, a value by half a 16383rd of its largest element.
func requireNearAccum(t *testing.T, got, acc, p, c, v []float32, rows, dim, stride, n int) {
	t.Helper()
	top := float64(0)
	for _, x := range v {
		top = max(top, math.Abs(float64(x)))
	}
	for r := range rows {
		for d := range dim {
			want := float64(acc[r*stride+d]) * float64(c[r])
			sum := 0.0
			for j := range n {
				want += float64(p[r*Slots+j]) * float64(v[j*dim+d])
				sum += float64(p[r*Slots+j])
			}
			if diff := math.Abs(float64(got[r*stride+d]) - want); diff > top*(float64(n)/8000+sum/16000)+1e-6 {
				t.Fatalf("n %d row %d dim %d: got %v, want %v", n, r, d, got[r*stride+d], want)
			}
		}
	}
}

// Weights that are NaN, none at all, and so small that their step would be
// subnormal.
func TestAttnWeightsI16Special(t *testing.T) {
	const dim, rows = 16, 3
	eachLevel(t, func(t *testing.T) {
		_, tile := i16Tiles(normals(Slots*dim, 1, 1), dim)
		p := make([]float32, rows*Slots)
		for j := range Slots {
			p[2*Slots+j] = 1e-37
		}
		p[20] = float32(math.NaN())
		w, ws := make([]byte, 2*rows*Slots), make([]float32, rows)
		AttnWeightsI16(w, ws, p, rows, tile, dim, 30)
		require.True(t, math.IsNaN(float64(ws[0])))
		require.Equal(t, make([]byte, 4*Slots), w[2*Slots:], "no weight at all")
		p[20] = 7 // does not count
		AttnWeightsI16(w, ws, p, rows, tile, dim, 20)
		require.Equal(t, make([]byte, 2*Slots), w[:2*Slots])
		acc := make([]float32, dim)
		AttnAccumI16(acc, dim, w[4*Slots:], ws[2:], []float32{1}, 1, tile, dim, 20)
		require.Equal(t, make([]float32, dim), acc)
	})
}

// The extremes of codes do not leave int32: equal vectors of one large element, of
// equal elements, of alternating signs.
func TestI16SumsFit(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, dim := range []int{2, 64, 256, 1024, 4096} {
			for _, one := range []bool{true, false} {
				x := make([]float32, Slots*dim)
				for i := range x {
					if !one || i%dim == 0 {
						x[i] = float32(1 - 2*(i%2))
					}
				}
				tile, vt := i16Tiles(x, dim)
				q, qs := i16Queries(x[:dim], 1, dim, 1)
				s := make([]float32, Slots)
				AttnScoresI16(s, q, qs, 1, tile, dim)
				want := float64(dim)
				if one {
					want = 1
				}
				require.InEpsilon(t, want, math.Abs(float64(s[0])), 2e-3)
				w, ws, acc := make([]byte, 2*Slots), make([]float32, 1), make([]float32, dim)
				for j := range s {
					s[j] = 1
				}
				AttnWeightsI16(w, ws, s, 1, vt, dim, Slots)
				AttnAccumI16(acc, dim, w, ws, []float32{0}, 1, vt, dim, Slots)
				require.InEpsilon(t, Slots, acc[0], 1e-4)
			}
		}
	})
}

func TestI16KeysToF32(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for i, dim := range attnDims {
			x := normals(Slots*dim, 1, 1)
			k, _ := i16Tiles(x, dim)
			got := guarded[float32](t, Slots*dim, i%16)
			I16KeysToF32(got, guardedCopy(t, k, i), dim)
			for j := range Slots {
				for d := range dim {
					require.InDelta(t, x[j*dim+d], got[d*Slots+j], 1e-3)
				}
			}
			want := make([]float32, Slots*dim)
			i16KeysToF32Generic(want, k, dim)
			require.Equal(t, want, append([]float32(nil), got...))
		}
	})
}

func TestAttnI16ShapesPanic(t *testing.T) {
	f, b := func(n int) []float32 { return make([]float32, n) }, func(n int) []byte { return make([]byte, n) }
	tile := Slots * I16RowBytes(8)
	require.Panics(t, func() { AttnScoresI16(f(31), b(16), f(1), 1, b(tile), 8) })
	require.Panics(t, func() { AttnScoresI16(f(32), b(15), f(1), 1, b(tile), 8) })
	require.Panics(t, func() { AttnScoresI16(f(32), b(16), f(0), 1, b(tile), 8) })
	require.Panics(t, func() { AttnScoresI16(f(32), b(16), f(1), 1, b(tile-1), 8) })
	require.Panics(t, func() { AttnWeightsI16(b(63), f(1), f(32), 1, b(tile), 8, 32) })
	require.Panics(t, func() { AttnWeightsI16(b(64), f(1), f(32), 1, b(tile), 8, 33) })
	require.Panics(t, func() { AttnAccumI16(f(7), 8, b(64), f(1), f(1), 1, b(tile), 8, 32) })
	require.Panics(t, func() { AttnAccumI16(f(8), 8, b(64), f(1), f(1), 1, b(tile-1), 8, 32) })
	require.Panics(t, func() { EncodeValueI16(b(15), f(8)) })
	require.NotPanics(t, func() {
		AttnScoresI16(nil, nil, nil, 0, nil, 0)
		AttnWeightsI16(nil, nil, nil, 0, nil, 0, 0)
		AttnAccumI16(nil, 0, nil, nil, nil, 0, nil, 0, 0)
	})
}
