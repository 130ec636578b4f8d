package quant

import "kvasir/kernels"

var formatF16 = Format{
	Type: F16, Name: "F16", BlockValues: 1, BlockBytes: 2,
	Decode: func(dst []float32, src []byte) { kernels.F16ToF32(dst[:len(src)/2], src) },
	Float:  kernels.F16,
	pack:   packElements2,
}

// packElements2 writes the 2-byte elements of one row into [k][16] order.
func packElements2(dst, _, src []byte, lane int) {
	dst = dst[2*(lane&15):]
	for len(src) >= 8 && len(dst) >= 98 {
		w := le.Uint64(src)
		le.PutUint16(dst, uint16(w))
		le.PutUint16(dst[32:], uint16(w>>16))
		le.PutUint16(dst[64:], uint16(w>>32))
		le.PutUint16(dst[96:], uint16(w>>48))
		src = src[8:]
		dst = dst[min(128, len(dst)):]
	}
	for i := range len(src) / 2 {
		le.PutUint16(dst[32*i:], le.Uint16(src[2*i:]))
	}
}
