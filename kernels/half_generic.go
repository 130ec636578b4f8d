package kernels

import (
	"encoding/binary"
	"math"
)

// Bit fields of the half and single formats.
const (
	f16ExpMask  = 0x7c00
	f16FracMask = 0x03ff
	f16Quiet    = 0x0200
	f32ExpMask  = 0x7f800000
	f32Quiet    = 0x00400000
	fracShift   = 23 - 10 // width of the f32 fraction less that of the f16 one
)

func f16ToF32Generic(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = f16Value(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func f32ToF16Generic(dst []byte, src []float32) {
	dst = dst[:2*len(src)]
	for i, v := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], f16Bits(v))
	}
}

func bf16ToF32Generic(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

func f32ToBF16Generic(dst []byte, src []float32) {
	dst = dst[:2*len(src)]
	for i, v := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], bf16Bits(v))
	}
}

// f16Value returns the value of the half float h.
func f16Value(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	magnitude := uint32(h & 0x7fff)
	switch {
	case magnitude > f16ExpMask:
		return math.Float32frombits(sign | f32ExpMask | magnitude&f16FracMask<<fracShift | f32Quiet)
	case magnitude == f16ExpMask:
		return math.Float32frombits(sign | f32ExpMask)
	default:
		// Read with the f32 exponent bias the number is 2^112 times too small;
		// the product is exact for subnormal halves too.
		v := math.Float32frombits(magnitude<<fracShift) * 0x1p112
		return math.Float32frombits(sign | math.Float32bits(v))
	}
}

// f16Bits rounds v to the nearest half float, ties to even.
func f16Bits(v float32) uint16 {
	bits := math.Float32bits(v)
	sign := uint16(bits >> 16 & 0x8000)
	magnitude := bits &^ (1 << 31)
	switch {
	case magnitude > f32ExpMask:
		return sign | f16ExpMask | f16Quiet | uint16(magnitude>>fracShift)&f16FracMask
	case magnitude >= 0x477ff000: // 65520, half way to the first number out of range
		return sign | f16ExpMask
	case magnitude < 0x38800000: // below 2^-14: adding ½ rounds at the place of 2^-24
		return sign | uint16(math.Float32bits(math.Float32frombits(magnitude)+0.5))
	default:
		odd := magnitude >> fracShift & 1
		return sign | uint16((magnitude-112<<23+0xfff+odd)>>fracShift)
	}
}

// bf16Bits rounds v to the nearest bfloat16 number, ties to even.
func bf16Bits(v float32) uint16 {
	bits := math.Float32bits(v)
	if bits&^(1<<31) > f32ExpMask {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
