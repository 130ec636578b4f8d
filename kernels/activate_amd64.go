//go:build amd64 && !purego

package kernels

// Every operation has at least one element here; slices have the lengths that
// their wrappers checked.

func exp(dst, x []float32) {
	switch {
	case level >= AVX512:
		expAVX512(&dst[0], &x[0], len(dst))
	case level >= AVX2:
		expAVX2(&dst[0], &x[0], len(dst))
	default:
		expGeneric(dst, x)
	}
}

func expSum(x []float32, m float32) float32 {
	switch {
	case level >= AVX512:
		return expSumAVX512(&x[0], len(x), m)
	case level >= AVX2:
		return expSumAVX2(&x[0], len(x), m)
	default:
		return expSumGeneric(x, m)
	}
}

func silu(dst, x []float32) {
	switch {
	case level >= AVX512:
		siluAVX512(&dst[0], &x[0], len(dst))
	case level >= AVX2:
		siluAVX2(&dst[0], &x[0], len(dst))
	default:
		siluGeneric(dst, x)
	}
}

func siluMul(dst, gate, up []float32) {
	switch {
	case level >= AVX512:
		siluMulAVX512(&dst[0], &gate[0], &up[0], len(dst))
	case level >= AVX2:
		siluMulAVX2(&dst[0], &gate[0], &up[0], len(dst))
	default:
		siluMulGeneric(dst, gate, up)
	}
}

func gelu(dst, x []float32) {
	switch {
	case level >= AVX512:
		geluAVX512(&dst[0], &x[0], len(dst))
	case level >= AVX2:
		geluAVX2(&dst[0], &x[0], len(dst))
	default:
		geluGeneric(dst, x)
	}
}

func geluMul(dst, gate, up []float32) {
	switch {
	case level >= AVX512:
		geluMulAVX512(&dst[0], &gate[0], &up[0], len(dst))
	case level >= AVX2:
		geluMulAVX2(&dst[0], &gate[0], &up[0], len(dst))
	default:
		geluMulGeneric(dst, gate, up)
	}
}

func swigluOAI(dst, gate, up []float32) {
	switch {
	case level >= AVX512:
		swigluOAIAVX512(&dst[0], &gate[0], &up[0], len(dst))
	case level >= AVX2:
		swigluOAIAVX2(&dst[0], &gate[0], &up[0], len(dst))
	default:
		swigluOAIGeneric(dst, gate, up)
	}
}

func softCap(x []float32, limit float32) {
	switch {
	case level >= AVX512:
		softCapAVX512(&x[0], len(x), limit, 1/limit)
	case level >= AVX2:
		softCapAVX2(&x[0], len(x), limit, 1/limit)
	default:
		softCapGeneric(x, limit)
	}
}

//go:noescape
func expAVX512(dst, x *float32, n int)

//go:noescape
func expAVX2(dst, x *float32, n int)

//go:noescape
func expSumAVX512(x *float32, n int, m float32) float32

//go:noescape
func expSumAVX2(x *float32, n int, m float32) float32

//go:noescape
func siluAVX512(dst, x *float32, n int)

//go:noescape
func siluAVX2(dst, x *float32, n int)

//go:noescape
func siluMulAVX512(dst, gate, up *float32, n int)

//go:noescape
func siluMulAVX2(dst, gate, up *float32, n int)

//go:noescape
func geluAVX512(dst, x *float32, n int)

//go:noescape
func geluAVX2(dst, x *float32, n int)

//go:noescape
func geluMulAVX512(dst, gate, up *float32, n int)

//go:noescape
func geluMulAVX2(dst, gate, up *float32, n int)

//go:noescape
func swigluOAIAVX512(dst, gate, up *float32, n int)

//go:noescape
func swigluOAIAVX2(dst, gate, up *float32, n int)

//go:noescape
func softCapAVX512(x *float32, n int, limit, inverse float32)

//go:noescape
func softCapAVX2(x *float32, n int, limit, inverse float32)
