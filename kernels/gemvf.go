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

// GemvF multiplies 1 to 4 row groups of float weights with one activation row:
// out[16g+r] = Σ_k w·x, stored. Row group g is at w[g·wStride:] as [len(x)][16]
// elements of type f. Each output is one chain over ascending k,
// acc = fma(w, x[k], acc), starting at 0, as in GemmF. The generic level rounds
// after each product.
func GemvF(out []float32, f Float, w []byte, rowGroups int, wStride int, x []float32) {
	checkRowGroups("GemvF", rowGroups, 4)
	checkLen("GemvF", "out", len(out), rowGroups*RowGroup)
	if rowGroups > 1 {
		checkLen("GemvF", "wStride", wStride, 0)
	}
	checkLen("GemvF", "w", len(w), (rowGroups-1)*wStride+len(x)*RowGroup*f.Size())
	clear(out[:rowGroups*RowGroup])
	if len(x) == 0 || gemvFAsm(out, f, w, rowGroups, wStride, x) {
		return
	}
	gemvFGeneric(out, f, w, rowGroups, wStride, x)
}

func gemvFGeneric(out []float32, f Float, w []byte, rowGroups, wStride int, x []float32) {
	var row [RowGroup]float32
	for g := range rowGroups {
		acc := (*[RowGroup]float32)(out[g*RowGroup:])
		src := w[g*wStride:]
		for k, v := range x {
			unpackFGeneric(row[:], f, src[k*RowGroup*f.Size():], 1)
			axpyRow(acc, &row, v)
		}
	}
}

// axpyRow adds w·x to acc.
func axpyRow(acc, w *[RowGroup]float32, x float32) {
	for r := range acc {
		acc[r] += float32(w[r] * x)
	}
}

// UnpackF converts k·16 elements of one row group to float32: dst is [k][16], the
// panel that GemmF reads. All levels write the same bits, except that a signalling
// NaN may become quiet. dst and w must not overlap.
func UnpackF(dst []float32, f Float, w []byte, k int) {
	n := k * RowGroup
	checkLen("UnpackF", "dst", len(dst), n)
	checkLen("UnpackF", "w", len(w), n*f.Size())
	if k == 0 || unpackFAsm(dst, f, w, k) {
		return
	}
	unpackFGeneric(dst, f, w, k)
}

func unpackFGeneric(dst []float32, f Float, w []byte, k int) {
	dst = dst[:k*RowGroup]
	w = w[:len(dst)*f.Size()]
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
			dst[i] = brainFloat(binary.LittleEndian.Uint16(w[2*i:]))
		}
	}
}
