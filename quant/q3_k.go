package quant

import "kvasir/kernels"

// Q3_K: 256 values in 110 bytes, 32 bytes of high bits, 64 bytes of low 2-bit
// codes, 12 bytes of 6-bit scales (one per 16 values), d f16.
// value = d*(sc-32) * (q-4).
var formatQ3_K = Format{
	Type: Q3_K, Name: "Q3_K", BlockValues: 256, BlockBytes: 110,
	Decode: decodeQ3_K,
	Layout: &kernels.Layout{Codes: kernels.Codes3, Scale: kernels.ScaleK, Group: 16, Zero: 4},
	pack:   packQ3_K,
}

// scalesQ3_K unpacks the 12 bytes of s into 16 signed scales. Bytes 0..7 hold
// the low nibbles of scales 0..7 and 8..15; bytes 8..11 the top two bits, crumb
// k of byte 8+i for scale 4k+i.
func scalesQ3_K(s []byte) (sc [16]int8) {
	low, high := le.Uint64(s), le.Uint32(s[8:])
	for k := range 16 {
		lo := low >> (k%8*8 + k/8*4) & 15
		hi := high >> (k%4*8 + k/4*2) & 3
		sc[k] = int8(lo) | int8(hi)<<4 - 32
	}
	return sc
}

func decodeQ3_K(dst []float32, src []byte) {
	for ; len(src) >= 110; src, dst = src[110:], dst[256:] {
		hmask, qs, d := src[:32], src[32:96], half(src[108:])
		for g, s := range scalesQ3_K(src[96:]) {
			ws := d * float32(s)
			q, h, j := qs[g/8*32+g%2*16:], hmask[g%2*16:], g/2%4
			for l := range 16 {
				u := int(q[l]>>(2*j)&3) | int(h[l]>>(g/2)&1)<<2
				dst[16*g+l] = ws * float32(u-4)
			}
		}
	}
}

func packQ3_K(codes, scales, src []byte, lane int) {
	const stride, codeBytes, scaleBytes = 192, 8 * 192, 32 + 16*16
	for ; len(src) >= 110; codes, scales, src = codes[codeBytes:], scales[scaleBytes:], src[110:] {
		packCrumbs(codes, stride, src[32:64], lane)
		packCrumbs(codes[4*stride:], stride, src[64:96], lane)
		packBits(codes[128:], stride, src[:32], lane)
		packF16(scales[:32], src[108:], lane)
		for g, s := range scalesQ3_K(src[96:]) {
			scales[32+16*g+lane] = byte(s)
		}
	}
}
