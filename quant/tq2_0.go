package quant

import "kvasir/kernels"

// TQ2_0: 256 ternary values in 66 bytes, 64 bytes of 2-bit codes (crumb j of
// byte 32n+l: value 128n+32j+l), d f16. value = d*(q-1).
var formatTQ2_0 = Format{
	Type: TQ2_0, Name: "TQ2_0", BlockValues: 256, BlockBytes: 66,
	Decode: decodeTQ2_0,
	Layout: &kernels.Layout{Codes: kernels.Codes2, Scale: kernels.ScaleK, Group: 32, Zero: 1},
	pack:   packTQ2_0,
}

func decodeTQ2_0(dst []float32, src []byte) {
	for ; len(src) >= 66; src, dst = src[66:], dst[256:] {
		d := half(src[64:])
		for b := range 8 {
			for l, q := range src[b/4*32:][:32] {
				dst[32*b+l] = d * float32(int(q>>(b%4*2)&3)-1)
			}
		}
	}
}

func packTQ2_0(codes, scales, src []byte, lane int) {
	const codeBytes, scaleBytes = 8 * 128, 32 + 8*16
	for ; len(src) >= 66; codes, scales, src = codes[codeBytes:], scales[scaleBytes:], src[66:] {
		packCrumbs(codes, 128, src[:32], lane)
		packCrumbs(codes[4*128:], 128, src[32:64], lane)
		packUnitScales(scales, src[64:], lane)
	}
}
