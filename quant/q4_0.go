package quant

import "kvasir/kernels"

// Q4_0: 32 values in 18 bytes, d f16, then 16 bytes of nibbles (low: values
// 0..15, high: 16..31). value = d*(q-8).
var formatQ4_0 = Format{
	Type: Q4_0, Name: "Q4_0", BlockValues: 32, BlockBytes: 18,
	Decode: decodeQ4_0,
	Layout: &kernels.Layout{Codes: kernels.Codes4, Scale: kernels.ScaleD, Group: 32, Zero: 8},
	pack:   packQ4_0,
	pack16: kernels.PackNibbles,
}

func decodeQ4_0(dst []float32, src []byte) {
	for ; len(src) >= 18; src, dst = src[18:], dst[32:] {
		d := half(src)
		for j, q := range src[2:18] {
			dst[j] = d * float32(int(q&15)-8)
			dst[j+16] = d * float32(int(q>>4)-8)
		}
	}
}

func packQ4_0(codes, scales, src []byte, lane int) {
	for ; len(src) >= 18; codes, scales, src = codes[256:], scales[32:], src[18:] {
		packNibbles(codes[:256], src[2:18], lane)
		packF16(scales[:32], src, lane)
	}
}
