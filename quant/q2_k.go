package quant

import "kvasir/kernels"

// Q2_K: 256 values in 84 bytes, 16 bytes of scales (low nibble sc, high nibble
// mn, per 16 values), 64 bytes of 2-bit codes, d f16, dmin f16.
// value = (d*sc)*q - dmin*mn.
var formatQ2_K = Format{
	Type: Q2_K, Name: "Q2_K", BlockValues: 256, BlockBytes: 84,
	Decode: decodeQ2_K,
	Layout: &kernels.Layout{Codes: kernels.Codes2, Scale: kernels.ScaleKM, Group: 16},
	pack:   packQ2_K,
}

func decodeQ2_K(dst []float32, src []byte) {
	for ; len(src) >= 84; src, dst = src[84:], dst[256:] {
		qs, d, dmin := src[16:80], half(src[80:]), half(src[82:])
		for g, s := range src[:16] {
			ws, wm := d*float32(s&15), dmin*float32(s>>4)
			// Values 16g.. are crumb j of the 16 bytes from 32*(g/8)+16*(g%2).
			q, j := qs[g/8*32+g%2*16:], g/2%4
			for l := range 16 {
				dst[16*g+l] = float32(ws*float32(q[l]>>(2*j)&3)) - wm
			}
		}
	}
}

func packQ2_K(codes, scales, src []byte, lane int) {
	const codeBytes, scaleBytes = 8 * 128, 64 + 16*32
	for ; len(src) >= 84; codes, scales, src = codes[codeBytes:], scales[scaleBytes:], src[84:] {
		packCrumbs(codes, 128, src[16:48], lane)
		packCrumbs(codes[4*128:], 128, src[48:80], lane)
		packF16(scales[:32], src[80:], lane)
		packF16(scales[32:64], src[82:], lane)
		for g, s := range src[:16] {
			scales[64+32*g+lane] = s & 15
			scales[64+32*g+16+lane] = s >> 4
		}
	}
}
