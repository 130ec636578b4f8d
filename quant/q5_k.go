package quant

import "kvasir/kernels"

// Q5_K: 256 values in 176 bytes, d, dmin and scales as Q4_K, 32 bytes of high
// bits (bit b of byte l: value 32b+l), 128 bytes of nibbles as Q4_K.
// value = (d*sc)*q - dmin*mn.
var formatQ5_K = Format{
	Type: Q5_K, Name: "Q5_K", BlockValues: 256, BlockBytes: 176,
	Decode: decodeQ5_K,
	Layout: &kernels.Layout{Codes: kernels.Codes5, Scale: kernels.ScaleKM, Group: 32},
	pack:   packQ5_K,
}

func decodeQ5_K(dst []float32, src []byte) {
	for ; len(src) >= 176; src, dst = src[176:], dst[256:] {
		d, dmin, qh := half(src), half(src[2:]), src[16:48]
		sc, mn := scaleMinK(src[4:16])
		for b := range 8 {
			ws, wm := d*float32(byte(sc>>(8*b))), dmin*float32(byte(mn>>(8*b)))
			for l, q := range src[48+b/2*32:][:32] {
				u := q>>(b%2*4)&15 | qh[l]>>b&1<<4
				dst[32*b+l] = float32(ws*float32(u)) - wm
			}
		}
	}
}

func packQ5_K(codes, scales, src []byte, lane int) {
	const stride, codeBytes, scaleBytes = 320, 8 * 320, 64 + 8*32
	for ; len(src) >= 176; codes, scales, src = codes[codeBytes:], scales[scaleBytes:], src[176:] {
		for p := range 4 {
			c := codes[2*stride*p:]
			packNibblePair(c[:256], c[stride:][:256], src[48+32*p:][:32], lane)
		}
		packBits(codes[256:], stride, src[16:48], lane)
		packScalesKM(scales[:scaleBytes], src, lane)
	}
}
