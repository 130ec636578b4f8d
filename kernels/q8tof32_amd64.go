//go:build amd64 && !purego

package kernels

func q8ToF32(dst []float32, src []byte) {
	switch {
	case level >= AVX512:
		q8ToF32AVX512(&dst[0], &src[0], len(dst)/KBlock)
	case level >= AVX2:
		q8ToF32AVX2(&dst[0], &src[0], len(dst)/KBlock)
	default:
		q8ToF32Generic(dst, src)
	}
}

func q4ToF32(dst []float32, src []byte) {
	switch {
	case level >= AVX512:
		q4ToF32AVX512(&dst[0], &src[0], len(dst)/KBlock)
	case level >= AVX2:
		q4ToF32AVX2(&dst[0], &src[0], len(dst)/KBlock)
	default:
		q4ToF32Generic(dst, src)
	}
}

func q8TileToF32(dst []float32, codes, scales []byte, blocks int) {
	switch {
	case level >= AVX512:
		q8TileToF32AVX512(&dst[0], &codes[0], &scales[0], blocks)
	case level >= AVX2:
		q8TileToF32AVX2(&dst[0], &codes[0], &scales[0], blocks)
	default:
		q8TileToF32Generic(dst, codes, scales, blocks)
	}
}

func q4TileToF32(dst []float32, codes, scales []byte, blocks int) {
	switch {
	case level >= AVX512:
		q4TileToF32AVX512(&dst[0], &codes[0], &scales[0], blocks)
	case level >= AVX2:
		q4TileToF32AVX2(&dst[0], &codes[0], &scales[0], blocks)
	default:
		q4TileToF32Generic(dst, codes, scales, blocks)
	}
}

//go:noescape
func q8ToF32AVX512(dst *float32, src *byte, blocks int)

//go:noescape
func q8ToF32AVX2(dst *float32, src *byte, blocks int)

//go:noescape
func q4ToF32AVX512(dst *float32, src *byte, blocks int)

//go:noescape
func q4ToF32AVX2(dst *float32, src *byte, blocks int)

//go:noescape
func q8TileToF32AVX512(dst *float32, codes, scales *byte, blocks int)

//go:noescape
func q8TileToF32AVX2(dst *float32, codes, scales *byte, blocks int)

//go:noescape
func q4TileToF32AVX512(dst *float32, codes, scales *byte, blocks int)

//go:noescape
func q4TileToF32AVX2(dst *float32, codes, scales *byte, blocks int)
