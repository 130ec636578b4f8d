package kernels

// F16ToF32 converts little-endian IEEE 754 half floats. src holds at least
// 2·len(dst) bytes. Exact; signalling NaN become quiet.
func F16ToF32(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		f16ToF32(dst[i:j], src[2*i:2*j])
	}
}

// F32ToF16 converts to little-endian IEEE 754 half floats, rounding to nearest
// even; values of 65520 and more become infinite. dst holds at least 2·len(src)
// bytes.
func F32ToF16(dst []byte, src []float32) {
	dst = dst[:2*len(src)]
	for i := 0; i < len(src); i += pieceLen {
		j := min(i+pieceLen, len(src))
		f32ToF16(dst[2*i:2*j], src[i:j])
	}
}

// BF16ToF32 converts little-endian bfloat16 numbers. src holds at least
// 2·len(dst) bytes. Exact, bit for bit.
func BF16ToF32(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		bf16ToF32(dst[i:j], src[2*i:2*j])
	}
}

// F32ToBF16 converts to little-endian bfloat16 numbers, rounding to nearest even;
// NaN become quiet NaN and subnormal numbers are kept. dst holds at least
// 2·len(src) bytes.
func F32ToBF16(dst []byte, src []float32) {
	dst = dst[:2*len(src)]
	for i := 0; i < len(src); i += pieceLen {
		j := min(i+pieceLen, len(src))
		f32ToBF16(dst[2*i:2*j], src[i:j])
	}
}
