//go:build amd64 && !purego

package kernels

func f16ToF32(dst []float32, src []byte) {
	switch {
	case level >= AVX512:
		f16ToF32AVX512(&dst[0], &src[0], len(dst))
	case level >= AVX2:
		f16ToF32AVX2(&dst[0], &src[0], len(dst))
	default:
		f16ToF32Generic(dst, src)
	}
}

func f32ToF16(dst []byte, src []float32) {
	switch {
	case level >= AVX512:
		f32ToF16AVX512(&dst[0], &src[0], len(src))
	case level >= AVX2:
		f32ToF16AVX2(&dst[0], &src[0], len(src))
	default:
		f32ToF16Generic(dst, src)
	}
}

func bf16ToF32(dst []float32, src []byte) {
	switch {
	case level >= AVX512:
		bf16ToF32AVX512(&dst[0], &src[0], len(dst))
	case level >= AVX2:
		bf16ToF32AVX2(&dst[0], &src[0], len(dst))
	default:
		bf16ToF32Generic(dst, src)
	}
}

func f32ToBF16(dst []byte, src []float32) {
	switch {
	case level >= AVX512:
		f32ToBF16AVX512(&dst[0], &src[0], len(src))
	case level >= AVX2:
		f32ToBF16AVX2(&dst[0], &src[0], len(src))
	default:
		f32ToBF16Generic(dst, src)
	}
}

//go:noescape
func f16ToF32AVX512(dst *float32, src *byte, n int)

//go:noescape
func f16ToF32AVX2(dst *float32, src *byte, n int)

//go:noescape
func f32ToF16AVX512(dst *byte, src *float32, n int)

//go:noescape
func f32ToF16AVX2(dst *byte, src *float32, n int)

//go:noescape
func bf16ToF32AVX512(dst *float32, src *byte, n int)

//go:noescape
func bf16ToF32AVX2(dst *float32, src *byte, n int)

//go:noescape
func f32ToBF16AVX512(dst *byte, src *float32, n int)

//go:noescape
func f32ToBF16AVX2(dst *byte, src *float32, n int)
