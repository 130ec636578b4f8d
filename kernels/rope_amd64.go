//go:build amd64 && !purego

package kernels

func ropeNeox(x, cos, sin []float32, headDim int) {
	heads := len(x) / headDim
	switch {
	case level >= AVX512:
		ropeNeoxAVX512(&x[0], &cos[0], &sin[0], len(cos), heads, headDim)
	case level >= AVX2:
		ropeNeoxAVX2(&x[0], &cos[0], &sin[0], len(cos), heads, headDim)
	default:
		ropeNeoxGeneric(x, cos, sin, headDim)
	}
}

func ropeNorm(x, cos, sin []float32, headDim int) {
	heads := len(x) / headDim
	switch {
	case level >= AVX512:
		ropeNormAVX512(&x[0], &cos[0], &sin[0], len(cos), heads, headDim)
	case level >= AVX2:
		ropeNormAVX2(&x[0], &cos[0], &sin[0], len(cos), heads, headDim)
	default:
		ropeNormGeneric(x, cos, sin, headDim)
	}
}

//go:noescape
func ropeNeoxAVX512(x, cos, sin *float32, n, heads, headDim int)

//go:noescape
func ropeNeoxAVX2(x, cos, sin *float32, n, heads, headDim int)

//go:noescape
func ropeNormAVX512(x, cos, sin *float32, n, heads, headDim int)

//go:noescape
func ropeNormAVX2(x, cos, sin *float32, n, heads, headDim int)
