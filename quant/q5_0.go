package quant

import "kvasir/kernels"

// Q5_0: 32 values in 22 bytes, d f16, qh u32 whose bit j is bit 4 of value j,
// then nibbles as Q4_0. value = d*(q-16).
var formatQ5_0 = Format{
	Type: Q5_0, Name: "Q5_0", BlockValues: 32, BlockBytes: 22,
	Decode: decodeQ5_0,
	Layout: &kernels.Layout{Codes: kernels.Codes5, Scale: kernels.ScaleD, Group: 32, Zero: 16},
	pack:   packQ5_0,
}

func decodeQ5_0(dst []float32, src []byte) {
	for ; len(src) >= 22; src, dst = src[22:], dst[32:] {
		d, qh := half(src), le.Uint32(src[2:])
		for j, q := range src[6:22] {
			dst[j] = d * float32(int(uint32(q&15)|qh>>j&1<<4)-16)
			dst[j+16] = d * float32(int(uint32(q>>4)|qh>>(j+16)&1<<4)-16)
		}
	}
}

func packQ5_0(codes, scales, src []byte, lane int) {
	for ; len(src) >= 22; codes, scales, src = codes[320:], scales[32:], src[22:] {
		packNibbles(codes[:256], src[6:22], lane)
		packHighBits(codes[256:320], le.Uint32(src[2:]), lane)
		packF16(scales[:32], src, lane)
	}
}
