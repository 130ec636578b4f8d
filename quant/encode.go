package quant

import "math"

// EncodeQ8_0 quantizes src, a multiple of 32 finite values, to Q8_0 blocks with
// the reference rounding: d = max|x|/127 in float32, q = x/d rounded half away
// from zero; d is rounded to float16 last. dst holds len(src)/32*34 bytes.
// A block whose d has no finite inverse becomes zero codes.
func EncodeQ8_0(dst []byte, src []float32) {
	for ; len(src) >= 32; src, dst = src[32:], dst[34:] {
		x, q := (*[32]float32)(src), (*[32]byte)(dst[2:])
		d := maxAbs(x) / 127
		putHalf(dst, d)
		id := inverse(d)
		for i, v := range x {
			// Twice the value, truncated, has its half as the lowest bit.
			t := int32(2 * float32(v*id))
			q[i] = byte((t + (t>>31 | 1)) / 2)
		}
	}
}

// EncodeQ4_0 quantizes src, a multiple of 32 finite values, to Q4_0 blocks with
// the reference rounding: with v the first value of largest magnitude, d = v/-8
// in float32 and q = min(15, trunc(x/d + 8.5)); d is rounded to float16 last.
// dst holds len(src)/32*18 bytes. A block whose d has no finite inverse becomes
// zero.
func EncodeQ4_0(dst []byte, src []float32) {
	for ; len(src) >= 32; src, dst = src[32:], dst[18:] {
		x, q := (*[32]float32)(src), (*[16]byte)(dst[2:])
		d := extreme(x) / -8
		putHalf(dst, d)
		id := inverse(d)
		for j := range q {
			lo := min(15, int32(float32(x[j]*id)+8.5))
			hi := min(15, int32(float32(x[j+16]*id)+8.5))
			q[j] = byte(lo | hi<<4)
		}
	}
}

// inverse returns 1/d, or 0 when that is not finite.
func inverse(d float32) float32 {
	if d >= -0x1p-128 && d <= 0x1p-128 {
		return 0
	}
	return 1 / d
}

// maxAbs returns the largest magnitude. The order of magnitudes is that of their
// bits, which compare faster than floats.
func maxAbs(x *[32]float32) float32 {
	var a, b uint32
	for i := 0; i < 32; i += 2 {
		a = max(a, math.Float32bits(x[i])&^(1<<31))
		b = max(b, math.Float32bits(x[i+1])&^(1<<31))
	}
	return math.Float32frombits(max(a, b))
}

// extreme returns the first value of largest magnitude.
func extreme(x *[32]float32) float32 {
	most := math.Float32bits(maxAbs(x))
	for _, v := range x {
		if math.Float32bits(v)&^(1<<31) == most {
			return v
		}
	}
	return float32(math.NaN()) // not reached: maxAbs is one of them
}
