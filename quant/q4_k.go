package quant

import "kvasir/kernels"

// Q4_K: 256 values in 144 bytes, d f16, dmin f16, 12 bytes of 6-bit scales and
// mins (one pair per 32 values), 128 bytes of nibbles: each 32 bytes hold two
// blocks of 32, low nibbles first. value = (d*sc)*q - dmin*mn.
var formatQ4_K = Format{
	Type: Q4_K, Name: "Q4_K", BlockValues: 256, BlockBytes: 144,
	Decode: decodeQ4_K,
	Layout: &kernels.Layout{Codes: kernels.Codes4, Scale: kernels.ScaleKM, Group: 32},
	pack:   packQ4_K,
}

// scaleMinK unpacks the 12 bytes of 6-bit scales and mins that Q4_K and Q5_K
// share; byte b of a result belongs to values 32b..32b+31. Bytes 0..3 hold
// scales 0..3, bytes 4..7 mins 0..3, bytes 8..11 the low nibbles of scales and
// mins 4..7, whose top two bits are the top bits of bytes 0..7.
func scaleMinK(s []byte) (sc, mn uint64) {
	s0, s1, s2 := le.Uint32(s), le.Uint32(s[4:]), le.Uint32(s[8:])
	scHigh := s2&nibbleMask | s0>>2&0x30303030
	mnHigh := s2>>4&nibbleMask | s1>>2&0x30303030
	return uint64(s0&0x3f3f3f3f) | uint64(scHigh)<<32, uint64(s1&0x3f3f3f3f) | uint64(mnHigh)<<32
}

func decodeQ4_K(dst []float32, src []byte) {
	for ; len(src) >= 144; src, dst = src[144:], dst[256:] {
		d, dmin := half(src), half(src[2:])
		sc, mn := scaleMinK(src[4:16])
		for b := range 8 {
			ws, wm := d*float32(byte(sc>>(8*b))), dmin*float32(byte(mn>>(8*b)))
			for l, q := range src[16+b/2*32:][:32] {
				dst[32*b+l] = float32(ws*float32(q>>(b%2*4)&15)) - wm
			}
		}
	}
}

func packQ4_K(codes, scales, src []byte, lane int) {
	const codeBytes, scaleBytes = 8 * 256, 64 + 8*32
	for ; len(src) >= 144; codes, scales, src = codes[codeBytes:], scales[scaleBytes:], src[144:] {
		for p := range 4 {
			c := codes[512*p:]
			packNibblePair(c[:256], c[256:512], src[16+32*p:][:32], lane)
		}
		packScalesKM(scales[:scaleBytes], src, lane)
	}
}

// packScalesKM packs the scales of a Q4_K or Q5_K block, whose first 16 bytes
// are the same.
func packScalesKM(scales, src []byte, lane int) {
	packF16(scales[:32], src, lane)
	packF16(scales[32:64], src[2:], lane)
	sc, mn := scaleMinK(src[4:16])
	for b := range 8 {
		scales[64+32*b+lane] = byte(sc >> (8 * b))
		scales[80+32*b+lane] = byte(mn >> (8 * b))
	}
}
