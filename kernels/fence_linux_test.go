package kernels

import (
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// fenced returns n elements between two pages that cannot be touched: the last
// one ends where the second begins, or, with atStart, the first one begins where
// the first ends. A kernel that reads beyond its slice faults.
func fenced[T float32 | byte](tb testing.TB, n int, atStart bool) []T {
	tb.Helper()
	var zero T
	size, page := n*int(unsafe.Sizeof(zero)), os.Getpagesize()
	body := (size + page) / page * page
	mem, err := syscall.Mmap(-1, 0, body+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, syscall.Munmap(mem)) })
	require.NoError(tb, syscall.Mprotect(mem[:page], syscall.PROT_NONE))
	require.NoError(tb, syscall.Mprotect(mem[page+body:], syscall.PROT_NONE))
	start := page
	if !atStart {
		start += body - size
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(mem[start:]))), n)
}

// TestNoOverRead runs every vector and attention operation on slices that touch
// forbidden pages.
func TestNoOverRead(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, atStart := range []bool{false, true} {
			for n := 1; n <= 67; n++ {
				a, b, c := fenced[float32](t, n, atStart), fenced[float32](t, n, atStart), fenced[float32](t, n, atStart)
				h := fenced[byte](t, 2*n, atStart)
				vectorOps(a, b, c, h)
			}
			for _, dim := range []int{32, 64, 96} {
				for codes, f := range quantRows {
					n := dim / KBlock * (codes + 2)
					f.rows(fenced[float32](t, dim, atStart), fenced[byte](t, n, atStart))
					f.tile(fenced[float32](t, dim*Slots, atStart), fenced[byte](t, n*Slots, atStart), dim)
				}
			}
			for _, dim := range []int{2, 6, 16, 30, 64, 72, 80, 130} {
				for _, rows := range []int{1, 2, 3, 4, 7, 9, 13} {
					attentionOps(
						fenced[float32](t, rows*dim, atStart), fenced[float32](t, rows*Slots, atStart),
						fenced[float32](t, dim*Slots, atStart), fenced[float32](t, rows, atStart),
						fenced[byte](t, 2*dim*Slots, atStart), rows, dim)
					i16Ops(
						fenced[float32](t, rows*dim, atStart), fenced[float32](t, rows*Slots, atStart), fenced[float32](t, rows, atStart),
						fenced[byte](t, rows*2*dim, atStart), fenced[byte](t, rows*2*Slots, atStart),
						fenced[byte](t, Slots*I16RowBytes(dim), atStart), rows, dim)
				}
			}
		}
	})
}

// vectorOps calls each vector operation on slices of one length.
func vectorOps(a, b, c []float32, h []byte) {
	Add(a, b, c)
	Mul(a, b, c)
	Scale(a, b, 2)
	AddScaled(a, b, 2)
	Dot(a, b)
	SumSquares(a)
	Max(a)
	ArgMax(a)
	RMSNorm(a, b, c, 1e-5)
	RMSNorm(a, b, nil, 1e-5)
	Exp(a, b)
	SiLU(a, b)
	SiLUMul(a, b, c)
	GELU(a, b)
	GELUMul(a, b, c)
	SwiGLUOAI(a, b, c)
	SoftCap(a, 30)
	Softmax(a)
	F32ToF16(h, a)
	F16ToF32(a, h)
	F32ToBF16(h, a)
	BF16ToF32(a, h)
	half := len(a) / 2
	RopeNeox(a[len(a)-2*half:], b[len(b)-half:], c[len(c)-half:], 1, 2*half)
	RopeNorm(a[len(a)-2*half:], b[len(b)-half:], c[len(c)-half:], 1, 2*half)
}

// attentionOps calls each attention operation: q and acc are rows·dim, s and p
// rows·Slots, k and v dim·Slots.
func attentionOps(q, s, k, m []float32, h []byte, rows, dim int) {
	AttnScores(s, q, dim, rows, k, dim, 1)
	AttnScoresF16(s, q, dim, rows, h, dim, 1)
	AttnSoftmaxRows(s, m, m, m, rows)
	AttnAccum(q, dim, s, m, rows, k, dim, Slots)
	AttnAccumF16(q, dim, s, m, rows, h, dim, Slots)
	AttnAccum(q, dim, s, m, rows, k[len(k)-5*dim:], dim, 5)
	AttnAccumF16(q, dim, s, m, rows, h[len(h)-10*dim:], dim, 5)
}

// i16Ops calls each operation of attention over 16-bit integers.
func i16Ops(acc, s, m []float32, q, w, tile []byte, rows, dim int) {
	for r := range rows {
		EncodeKeyI16(q[2*r*dim:2*(r+1)*dim], acc[r*dim:(r+1)*dim])
	}
	AttnScoresI16(s, q, m, rows, tile, dim)
	for _, n := range []int{1, 17, Slots} {
		AttnWeightsI16(w, m, s, rows, tile, dim, n)
		AttnAccumI16(acc, dim, w, m, m, rows, tile, dim, n)
	}
}
