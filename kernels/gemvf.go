package kernels

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Float names the element type of unquantized weights.
type Float uint8

// Element types, little-endian.
const (
	F32 Float = iota
	F16
	BF16
)

// Size returns the bytes per element.
func (f Float) Size() int {
	switch f {
	case F32:
		return 4
	case F16, BF16:
		return 2
	}
	panic(fmt.Sprintf("kernels: unknown float type %d", f))
}

// perStep is the number of elements of a row that stand side by side.
func (f Float) perStep() int {
	if f == BF16 {
		return 2
	}
	return 1
}

// GroupBytes returns the size of a row group of k values. F32 and F16 are stored as
// [k][16] elements, BF16 as [⌈k/2⌉][16][2]: pairs, as VDPBF16PS takes them; the
// second element of the last pair is not read when k is odd (GemmBF16: must be 0).
func (f Float) GroupBytes(k int) int {
	per := f.perStep()
	return (k + per - 1) / per * per * RowGroup * f.Size()
}

// GemvF multiplies 1 to 4 row groups of float weights with one activation row:
// out[16g+r] = Σ_k w·x, stored. Row group g is at w[g·wStride:], GroupBytes(len(x))
// long. Each output is one chain over ascending k,
// acc = fma(w, x[k], acc), starting at 0, as in GemmF. The generic level rounds
// after each product.
func GemvF(out []float32, f Float, w []byte, rowGroups int, wStride int, x []float32) {
	checkRowGroups("GemvF", rowGroups, 4)
	checkLen("GemvF", "out", len(out), rowGroups*RowGroup)
	if rowGroups > 1 {
		checkLen("GemvF", "wStride", wStride, 0)
	}
	checkLen("GemvF", "w", len(w), (rowGroups-1)*wStride+f.GroupBytes(len(x)))
	clear(out[:rowGroups*RowGroup])
	whole := len(x) / f.perStep() * f.perStep()
	if whole == 0 || !gemvFAsm(out, f, w, rowGroups, wStride, x[:whole]) {
		whole = 0
	}
	gemvFGeneric(out, f, w[f.GroupBytes(whole):], rowGroups, wStride, x[whole:])
}

func gemvFGeneric(out []float32, f Float, w []byte, rowGroups, wStride int, x []float32) {
	var row [2 * RowGroup]float32
	per := f.perStep()
	for g := range rowGroups {
		acc := (*[RowGroup]float32)(out[g*RowGroup:])
		for k, v := range x {
			if k%per == 0 {
				unpackFGeneric(row[:], f, w[g*wStride+f.GroupBytes(k):], min(per, len(x)-k))
			}
			axpyRow(acc, (*[RowGroup]float32)(row[k%per*RowGroup:]), v)
		}
	}
}

// axpyRow adds w·x to acc.
func axpyRow(acc, w *[RowGroup]float32, x float32) {
	for r := range acc {
		acc[r] += float32(w[r] * x)
	}
}

// UnpackF converts one row group of k values to float32: dst is [k][16], the panel
// that GemmF reads. All levels write the same bits, except that a signalling
// NaN may become quiet. dst and w must not overlap.
func UnpackF(dst []float32, f Float, w []byte, k int) {
	n := k * RowGroup
	checkLen("UnpackF", "dst", len(dst), n)
	checkLen("UnpackF", "w", len(w), f.GroupBytes(k))
	whole := k / f.perStep() * f.perStep()
	if whole == 0 || !unpackFAsm(dst, f, w, whole) {
		whole = 0
	}
	unpackFGeneric(dst[whole*RowGroup:], f, w[f.GroupBytes(whole):], k-whole)
}

func unpackFGeneric(dst []float32, f Float, w []byte, k int) {
	dst = dst[:k*RowGroup]
	w = w[:f.GroupBytes(k)]
	switch f {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(w[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = f16Value(binary.LittleEndian.Uint16(w[2*i:]))
		}
	case BF16:
		for i := range dst {
			k, r := i/RowGroup, i%RowGroup
			dst[i] = brainFloat(binary.LittleEndian.Uint16(w[4*(k/2*RowGroup+r)+2*(k%2):]))
		}
	}
}
