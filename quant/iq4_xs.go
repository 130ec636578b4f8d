package quant

import "kvasir/kernels"

// IQ4_XS: 256 values in 136 bytes, d f16, u16 of high scale bits, 4 bytes of
// low scale nibbles (6 bits per 32 values), 8 times 16 bytes of nibbles in the
// order of Q4_0. value = (d*(sc-32)) * T[nibble], T as IQ4_NL.
var formatIQ4_XS = Format{
	Type: IQ4_XS, Name: "IQ4_XS", BlockValues: 256, BlockBytes: 136,
	Decode: decodeIQ4_XS,
	Layout: &kernels.Layout{Codes: kernels.Codes4, Scale: kernels.ScaleK, Group: 32, Zero: 128, LUT: &codesIQ4},
	pack:   packIQ4_XS,
}

// scaleIQ4_XS returns the signed scale of values 32b..32b+31 of a block.
func scaleIQ4_XS(src []byte, b int) int8 {
	low := src[4+b/2] >> (b % 2 * 4) & 15
	high := byte(le.Uint16(src[2:])>>(2*b)) & 3
	return int8(low|high<<4) - 32
}

func decodeIQ4_XS(dst []float32, src []byte) {
	for ; len(src) >= 136; src, dst = src[136:], dst[256:] {
		d := half(src)
		for b := range 8 {
			ws := d * float32(scaleIQ4_XS(src, b))
			for j, q := range src[8+16*b:][:16] {
				dst[32*b+j] = ws * float32(tableIQ4[q&15])
				dst[32*b+j+16] = ws * float32(tableIQ4[q>>4])
			}
		}
	}
}

func packIQ4_XS(codes, scales, src []byte, lane int) {
	const codeBytes, scaleBytes = 8 * 256, 32 + 8*16
	for ; len(src) >= 136; codes, scales, src = codes[codeBytes:], scales[scaleBytes:], src[136:] {
		packF16(scales[:32], src, lane)
		for b := range 8 {
			packNibbles(codes[256*b:][:256], src[8+16*b:][:16], lane)
			scales[32+16*b+lane] = byte(scaleIQ4_XS(src, b))
		}
	}
}
