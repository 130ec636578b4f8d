package quant

import (
	"encoding/binary"
	"math"
)

var le = binary.LittleEndian

// half returns the float16 at the start of b as float32, exactly.
func half(b []byte) float32 {
	h := uint32(le.Uint16(b))
	sign := h & 0x8000 << 16
	mag := h & 0x7fff
	switch {
	case mag >= 0x7c00: // Inf, NaN
		return math.Float32frombits(sign | 0x7f800000 | mag&0x3ff<<13)
	case mag < 0x400: // zero, subnormal: mag * 2^-24
		return math.Float32frombits(math.Float32bits(float32(mag)*0x1p-24) | sign)
	}
	return math.Float32frombits(sign | mag<<13 + (127-15)<<23)
}

// putHalf stores x at the start of b as float16, rounded to nearest even.
// Overflow gives infinity, NaN becomes the quiet NaN 0x7E00 with x's sign.
func putHalf(b []byte, x float32) {
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	mag := bits & 0x7fffffff
	switch {
	case mag > 0x7f800000:
		le.PutUint16(b, sign|0x7e00)
	case mag >= 0x477ff000: // rounds to 2^16 or more
		le.PutUint16(b, sign|0x7c00)
	case mag < 0x38800000: // below 2^-14: subnormal, the addition rounds to 2^-24
		r := math.Float32frombits(mag) + 0.5
		le.PutUint16(b, sign|uint16(math.Float32bits(r)-0x3f000000))
	default:
		mag += 0xfff + mag>>13&1
		le.PutUint16(b, sign|uint16((mag-(127-15)<<23)>>13))
	}
}
