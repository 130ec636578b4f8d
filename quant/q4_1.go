package quant

import "kvasir/kernels"

// Q4_1: 32 values in 20 bytes, d f16, m f16, then nibbles as Q4_0.
// value = d*q + m.
var formatQ4_1 = Format{
	Type: Q4_1, Name: "Q4_1", BlockValues: 32, BlockBytes: 20,
	Decode: decodeQ4_1,
	Layout: &kernels.Layout{Codes: kernels.Codes4, Scale: kernels.ScaleDM, Group: 32},
	pack:   packQ4_1,
	pack16: kernels.PackNibblesMin,
}

func decodeQ4_1(dst []float32, src []byte) {
	for ; len(src) >= 20; src, dst = src[20:], dst[32:] {
		d, m := half(src), half(src[2:])
		for j, q := range src[4:20] {
			dst[j] = float32(d*float32(q&15)) + m
			dst[j+16] = float32(d*float32(q>>4)) + m
		}
	}
}

func packQ4_1(codes, scales, src []byte, lane int) {
	for ; len(src) >= 20; codes, scales, src = codes[256:], scales[64:], src[20:] {
		packNibbles(codes[:256], src[4:20], lane)
		packF16(scales[:32], src, lane)
		packF16(scales[32:64], src[2:], lane)
	}
}
