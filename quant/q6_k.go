package quant

import "kvasir/kernels"

// Q6_K: 256 values in 210 bytes, 128 bytes of low nibbles, 64 bytes of high
// 2-bit parts, 16 int8 scales (one per 16 values), d f16. Each half of 128
// values has 64 bytes of nibbles (low nibbles: blocks of 32 number 0 and 1,
// high nibbles: 2 and 3) and 32 bytes of crumbs (crumb j: block j).
// value = (d*sc) * (q-32).
var formatQ6_K = Format{
	Type: Q6_K, Name: "Q6_K", BlockValues: 256, BlockBytes: 210,
	Decode: decodeQ6_K,
	Layout: &kernels.Layout{Codes: kernels.Codes6, Scale: kernels.ScaleK, Group: 16, Zero: 32},
	pack:   packQ6_K,
}

func decodeQ6_K(dst []float32, src []byte) {
	for ; len(src) >= 210; src, dst = src[210:], dst[256:] {
		d := half(src[208:])
		for g, s := range src[192:208] {
			ws := d * float32(int8(s))
			n, j := g/8, g/2%4 // half, block of 32 within it
			low := src[64*n+j%2*32+g%2*16:]
			high := src[128+32*n+g%2*16:]
			for l := range 16 {
				u := int(low[l]>>(j/2*4)&15) | int(high[l]>>(2*j)&3)<<4
				dst[16*g+l] = ws * float32(u-32)
			}
		}
	}
}

func packQ6_K(codes, scales, src []byte, lane int) {
	const stride, codeBytes, scaleBytes = 384, 8 * 384, 32 + 16*16
	for ; len(src) >= 210; codes, scales, src = codes[codeBytes:], scales[scaleBytes:], src[210:] {
		for n := range 2 {
			c, low := codes[4*stride*n:], src[64*n:]
			packNibblePair(c[:256], c[2*stride:][:256], low[:32], lane)
			packNibblePair(c[stride:][:256], c[3*stride:][:256], low[32:64], lane)
			packCrumbs(c[256:], stride, src[128+32*n:][:32], lane)
		}
		packF16(scales[:32], src[208:], lane)
		for g, s := range src[192:208] {
			scales[32+16*g+lane] = s
		}
	}
}
