package quant

import "kvasir/kernels"

// Q8_0: 32 values in 34 bytes, d f16, then 32 int8. value = d*q. Packed codes
// are q+128, since the integer kernels want one unsigned operand.
var formatQ8_0 = Format{
	Type: Q8_0, Name: "Q8_0", BlockValues: 32, BlockBytes: 34,
	Decode: decodeQ8_0,
	Layout: &kernels.Layout{Codes: kernels.Codes8, Scale: kernels.ScaleD, Group: 32, Zero: 128},
	pack:   packQ8_0,
	pack16: kernels.PackBytes,
}

func decodeQ8_0(dst []float32, src []byte) {
	for ; len(src) >= 34; src, dst = src[34:], dst[32:] {
		d := half(src)
		for j, q := range src[2:34] {
			dst[j] = d * float32(int8(q))
		}
	}
}

func packQ8_0(codes, scales, src []byte, lane int) {
	i := 4 * (lane & 15)
	for ; len(src) >= 34; codes, scales, src = codes[512:], scales[32:], src[34:] {
		c, q := (*[512]byte)(codes), (*[32]byte)(src[2:])
		for t := 0; t < 8; t += 2 {
			w := le.Uint64(q[4*t:]) ^ 0x8080808080808080
			le.PutUint32(c[64*t+i:], uint32(w))
			le.PutUint32(c[64*t+64+i:], uint32(w>>32))
		}
		packF16(scales[:32], src, lane)
	}
}
