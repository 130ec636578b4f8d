package quant

import (
	"math"

	"kvasir/kernels"
)

var formatF32 = Format{
	Type: F32, Name: "F32", BlockValues: 1, BlockBytes: 4,
	Decode: decodeF32,
	Float:  kernels.F32,
	pack:   packElements4,
	pack16: kernels.PackWords,
}

func decodeF32(dst []float32, src []byte) {
	for i := range len(src) / 4 {
		dst[i] = math.Float32frombits(le.Uint32(src[4*i:]))
	}
}

// packElements4 writes the 4-byte elements of one row into [k][16] order.
func packElements4(dst, _, src []byte, lane int) {
	if len(src) == 0 {
		return
	}
	dst = dst[4*(lane&15):]
	for i := range len(src) / 4 {
		le.PutUint32(dst[64*i:], le.Uint32(src[4*i:]))
	}
}
