package quant

import "kvasir/kernels"

// Q5_1: 32 values in 24 bytes, d f16, m f16, qh u32 and nibbles as Q5_0.
// value = d*q + m.
var formatQ5_1 = Format{
	Type: Q5_1, Name: "Q5_1", BlockValues: 32, BlockBytes: 24,
	Decode: decodeQ5_1,
	Layout: &kernels.Layout{Codes: kernels.Codes5, Scale: kernels.ScaleDM, Group: 32},
	pack:   packQ5_1,
}

func decodeQ5_1(dst []float32, src []byte) {
	for ; len(src) >= 24; src, dst = src[24:], dst[32:] {
		d, m, qh := half(src), half(src[2:]), le.Uint32(src[4:])
		for j, q := range src[8:24] {
			dst[j] = float32(d*float32(uint32(q&15)|qh>>j&1<<4)) + m
			dst[j+16] = float32(d*float32(uint32(q>>4)|qh>>(j+16)&1<<4)) + m
		}
	}
}

func packQ5_1(codes, scales, src []byte, lane int) {
	for ; len(src) >= 24; codes, scales, src = codes[320:], scales[64:], src[24:] {
		packNibbles(codes[:256], src[8:24], lane)
		packHighBits(codes[256:320], le.Uint32(src[4:]), lane)
		packF16(scales[:32], src, lane)
		packF16(scales[32:64], src[2:], lane)
	}
}
