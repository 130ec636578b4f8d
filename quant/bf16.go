package quant

import "kvasir/kernels"

var formatBF16 = Format{
	Type: BF16, Name: "BF16", BlockValues: 1, BlockBytes: 2,
	Decode: func(dst []float32, src []byte) { kernels.BF16ToF32(dst[:len(src)/2], src) },
	Float:  kernels.BF16,
	pack:   packPairs2,
	pack16: kernels.PackWords,
}

// packPairs2 writes the 2-byte elements of one row into [pair][16][2] order, the last
// one with a zero where there is an odd number.
func packPairs2(dst, _, src []byte, lane int) {
	whole := len(src) / 4 * 4
	packElements4(dst, nil, src[:whole], lane)
	if whole < len(src) {
		le.PutUint32(dst[16*whole+4*(lane&15):], uint32(le.Uint16(src[whole:])))
	}
}
