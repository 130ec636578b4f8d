package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// attnDims are head widths: the hot ones, widths with every kind of rest, odd
// ones, and the greatest.
var attnDims = []int{1, 2, 6, 8, 14, 16, 18, 30, 32, 48, 64, 66, 72, 80, 96, 112, 128, 130, 192, 256, 1024}

// attnRows are numbers of rows that need every tile and every mixture of tiles.
var attnRows = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 23, 48}

// eachAttention runs f for every level, dim and number of rows. Wide heads take
// few numbers of rows, to keep the test short.
func eachAttention(t *testing.T, f func(t *testing.T, rows, dim, offset int)) {
	t.Helper()
	eachLevel(t, func(t *testing.T) {
		for i, dim := range attnDims {
			for _, rows := range attnRows {
				if dim > 256 && rows != 3 && rows != 13 {
					continue
				}
				t.Run(fmt.Sprintf("%dx%d", rows, dim), func(t *testing.T) { f(t, rows, dim, (i+rows)%16) })
			}
		}
	})
}

func TestAttnScores(t *testing.T) {
	eachAttention(t, func(t *testing.T, rows, dim, offset int) {
		const scale = 0.125
		qStride := dim + rows%3*8
		qv, kv := normals((rows-1)*qStride+dim, 1, 1), normals(dim*Slots, 1, 2)
		q, k := guardedCopy(t, qv, offset), guardedCopy(t, kv, (offset+5)%16)
		s := guarded[float32](t, rows*Slots, (offset+9)%16)
		AttnScores(s, q, qStride, rows, k, dim, scale)
		single := make([]float32, Slots)
		for r := range rows {
			for j := range Slots {
				var want, terms float64
				for d := range dim {
					p := float64(qv[r*qStride+d]) * float64(kv[d*Slots+j])
					want += p
					terms += math.Abs(p)
				}
				if diff := math.Abs(float64(s[r*Slots+j]) - scale*want); diff > scale*terms*2e-6 {
					t.Fatalf("row %d slot %d: got %v, want %v", r, j, s[r*Slots+j], scale*want)
				}
			}
			AttnScores(single, q[r*qStride:], qStride, 1, k, dim, scale)
			require.Equal(t, single, append([]float32(nil), s[r*Slots:(r+1)*Slots]...), "row %d alone and among %d", r, rows)
		}
	})
}

func TestAttnAccum(t *testing.T) {
	eachAttention(t, func(t *testing.T, rows, dim, offset int) {
		stride := dim + rows%3*8
		av := normals((rows-1)*stride+dim, 1, 1)
		pv, cv := normals(rows*Slots, 1, 2), normals(rows, 1, 3)
		for _, n := range []int{0, 1, 7, 31, 32} {
			vv := normals(n*dim, 1, 4)
			p, c, v := guardedCopy(t, pv, offset), guardedCopy(t, cv, 1), guardedCopy(t, vv, (offset+5)%16)
			acc := guarded[float32](t, len(av), (offset+9)%16)
			copy(acc, av)
			AttnAccum(acc, stride, p, c, rows, v, dim, n)
			for r := range rows {
				for d := range dim {
					want := float64(av[r*stride+d]) * float64(cv[r])
					terms := math.Abs(want)
					for j := range n {
						x := float64(pv[r*Slots+j]) * float64(vv[j*dim+d])
						want += x
						terms += math.Abs(x)
					}
					if diff := math.Abs(float64(acc[r*stride+d]) - want); diff > terms*2e-6 {
						t.Fatalf("n %d row %d dim %d: got %v, want %v", n, r, d, acc[r*stride+d], want)
					}
				}
				for d := r*stride + dim; d < len(av) && d < (r+1)*stride; d++ {
					require.Equal(t, av[d], acc[d], "written between rows")
				}
				single := append([]float32(nil), av[r*stride:r*stride+dim]...)
				AttnAccum(single, dim, p[r*Slots:], c[r:], 1, v, dim, n)
				require.Equal(t, single, append([]float32(nil), acc[r*stride:r*stride+dim]...), "row %d alone and among %d", r, rows)
			}
		}
	})
}

// TestAttnF16 compares the kernels over half floats with conversion first: every
// bit must agree, at every level.
func TestAttnF16(t *testing.T) {
	eachAttention(t, func(t *testing.T, rows, dim, offset int) {
		const scale = 0.125
		stride := dim + rows%3*8
		qv, pv, cv := normals((rows-1)*stride+dim, 1, 1), normals(rows*Slots, 1, 2), normals(rows, 1, 3)
		half := make([]byte, 2*dim*Slots)
		F32ToF16(half, normals(dim*Slots, 1, 4))
		tile := make([]float32, dim*Slots)
		F16ToF32(tile, half)

		want := make([]float32, rows*Slots)
		AttnScores(want, qv, stride, rows, tile, dim, scale)
		eachZMM(func() {
			s := guarded[float32](t, rows*Slots, (offset+9)%16)
			AttnScoresF16(s, guardedCopy(t, qv, offset), stride, rows, guardedCopy(t, half, 2*offset+1), dim, scale)
			require.Equal(t, want, append([]float32(nil), s...))
		})

		for _, n := range []int{0, 1, 7, 31, 32} {
			want = append([]float32(nil), qv...)
			AttnAccum(want, stride, pv, cv, rows, tile[:n*dim], dim, n)
			eachZMM(func() {
				acc := guarded[float32](t, len(qv), (offset+9)%16)
				copy(acc, qv)
				v := guardedCopy(t, half[:2*n*dim], 2*offset+1)
				AttnAccumF16(acc, stride, guardedCopy(t, pv, offset), guardedCopy(t, cv, 1), rows, v, dim, n)
				require.Equal(t, want, append([]float32(nil), acc...))
			})
		}
	})
}

// TestAttnSoftmax follows rows through several tiles, masked slots and wholly
// masked tiles among them, and compares with the softmax in f64.
func TestAttnSoftmax(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		const tiles = 5
		for _, rows := range []int{1, 2, 7, 8, 9, 15, 16, 17, 33, 48, 300} {
			t.Run(fmt.Sprint(rows), func(t *testing.T) {
				scores := normals(tiles*rows*Slots, 6, uint64(rows))
				for i := range scores {
					row, tile := i/Slots%rows, i/(rows*Slots)
					if row%5 == 4 || row%3 == tile || i%7 == 3 {
						scores[i] = -inf32 // row 4 sees nothing, row 0 nothing in tile 0, …
					}
				}
				m, l, c := guarded[float32](t, rows, 1), guarded[float32](t, rows, 2), guarded[float32](t, rows, 3)
				top, sum := make([]float64, rows), make([]float64, rows)
				for r := range rows {
					m[r], top[r] = -inf32, math.Inf(-1)
				}
				for tile := range tiles {
					part := scores[tile*rows*Slots : (tile+1)*rows*Slots]
					s := guarded[float32](t, len(part), tile)
					copy(s, part)
					mOne, lOne := append([]float32(nil), m...), append([]float32(nil), l...)
					AttnSoftmaxRows(s, m, l, c, rows)
					for r := range rows {
						one := append([]float32(nil), part[r*Slots:(r+1)*Slots]...)
						require.Equal(t, c[r], AttnSoftmax(one, &mOne[r], &lOne[r]), "factor of row %d", r)
						require.Equal(t, one, append([]float32(nil), s[r*Slots:(r+1)*Slots]...), "row %d alone", r)
						checkSoftmaxRow(t, part[r*Slots:(r+1)*Slots], one, &top[r], &sum[r], c[r], m[r], l[r])
					}
					require.Equal(t, mOne, append([]float32(nil), m...))
					require.Equal(t, lOne, append([]float32(nil), l...))
				}
			})
		}
	})
}

// checkSoftmaxRow advances the f64 softmax of a row by one tile and compares.
func checkSoftmaxRow(t *testing.T, scores, p []float32, top, sum *float64, c, m, l float32) {
	t.Helper()
	old := *top
	for _, v := range scores {
		*top = max(*top, float64(v))
	}
	require.Equal(t, float32(*top), m)
	if math.IsInf(*top, -1) {
		require.Equal(t, float32(1), c)
		require.Zero(t, l)
		require.Equal(t, make([]float32, Slots), p)
		return
	}
	factor := math.Exp(old - *top)
	switch {
	case old == *top:
		require.Equal(t, float32(1), c)
	case math.IsInf(old, -1):
		require.Equal(t, float32(0), c)
	default:
		require.InEpsilon(t, factor, c, 2e-6)
	}
	*sum *= factor
	for j, v := range scores {
		w := math.Exp(float64(v) - *top)
		*sum += w
		// An f32 exponent times log2e is off by up to |x|·6e-8, in AVX-512 undivided.
		require.InDelta(t, w, p[j], (3e-6+1e-7*(*top-max(float64(v), *top-90)))*w+1e-37)
	}
	require.InEpsilon(t, *sum, l, 3e-6)
}

func TestAttnShapesPanic(t *testing.T) {
	f := func(n int) []float32 { return make([]float32, n) }
	require.Panics(t, func() { AttnScores(f(31), f(8), 8, 1, f(256), 8, 1) })
	require.Panics(t, func() { AttnScores(f(64), f(15), 8, 2, f(256), 8, 1) })
	require.Panics(t, func() { AttnScores(f(64), f(16), 8, 2, f(255), 8, 1) })
	require.Panics(t, func() { AttnAccum(f(8), 8, f(32), f(1), 1, f(8*33), 8, 33) })
	require.Panics(t, func() { AttnAccum(f(7), 8, f(32), f(1), 1, f(8*32), 8, 32) })
	require.Panics(t, func() { AttnAccum(f(8), 8, f(32), f(1), 1, f(8*31), 8, 32) })
	require.Panics(t, func() { AttnSoftmaxRows(f(63), f(2), f(2), f(2), 2) })
	require.Panics(t, func() { AttnScoresF16(f(32), f(8), 8, 1, make([]byte, 511), 8, 1) })
	require.Panics(t, func() { AttnAccumF16(f(8), 8, f(32), f(1), 1, make([]byte, 511), 8, 32) })
	require.NotPanics(t, func() {
		AttnScores(nil, nil, 0, 0, nil, 0, 0)
		AttnAccum(nil, 0, nil, nil, 0, nil, 0, 0)
		AttnSoftmaxRows(nil, nil, nil, nil, 0)
	})
}
