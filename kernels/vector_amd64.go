//go:build amd64 && !purego

package kernels

// Every operation has at least one element here; slices have the lengths that
// their wrappers checked.

func add(dst, a, b []float32) {
	switch {
	case level >= AVX512:
		addAVX512(&dst[0], &a[0], &b[0], len(dst))
	case level >= AVX2:
		addAVX2(&dst[0], &a[0], &b[0], len(dst))
	default:
		addGeneric(dst, a, b)
	}
}

func mul(dst, a, b []float32) {
	switch {
	case level >= AVX512:
		mulAVX512(&dst[0], &a[0], &b[0], len(dst))
	case level >= AVX2:
		mulAVX2(&dst[0], &a[0], &b[0], len(dst))
	default:
		mulGeneric(dst, a, b)
	}
}

func scale(dst, x []float32, s float32) {
	switch {
	case level >= AVX512:
		scaleAVX512(&dst[0], &x[0], len(dst), s)
	case level >= AVX2:
		scaleAVX2(&dst[0], &x[0], len(dst), s)
	default:
		scaleGeneric(dst, x, s)
	}
}

func scaleMul(dst, x, w []float32, s float32) {
	switch {
	case level >= AVX512:
		scaleMulAVX512(&dst[0], &x[0], &w[0], len(dst), s)
	case level >= AVX2:
		scaleMulAVX2(&dst[0], &x[0], &w[0], len(dst), s)
	default:
		scaleMulGeneric(dst, x, w, s)
	}
}

func addScaled(dst, x []float32, s float32) {
	switch {
	case level >= AVX512:
		addScaledAVX512(&dst[0], &x[0], len(dst), s)
	case level >= AVX2:
		addScaledAVX2(&dst[0], &x[0], len(dst), s)
	default:
		addScaledGeneric(dst, x, s)
	}
}

func dot(x, y []float32) float32 {
	switch {
	case level >= AVX512:
		return dotAVX512(&x[0], &y[0], len(x))
	case level >= AVX2:
		return dotAVX2(&x[0], &y[0], len(x))
	default:
		return dotGeneric(x, y)
	}
}

func sumSquares(x []float32) float32 {
	switch {
	case level >= AVX512:
		return sumSquaresAVX512(&x[0], len(x))
	case level >= AVX2:
		return sumSquaresAVX2(&x[0], len(x))
	default:
		return sumSquaresGeneric(x)
	}
}

func maxOf(x []float32) float32 {
	switch {
	case level >= AVX512:
		return maxOfAVX512(&x[0], len(x))
	case level >= AVX2:
		return maxOfAVX2(&x[0], len(x))
	default:
		return maxOfGeneric(x)
	}
}

func indexOf(x []float32, v float32) int {
	switch {
	case level >= AVX512:
		return indexOfAVX512(&x[0], len(x), v)
	case level >= AVX2:
		return indexOfAVX2(&x[0], len(x), v)
	default:
		return indexOfGeneric(x, v)
	}
}

//go:noescape
func addAVX512(dst, a, b *float32, n int)

//go:noescape
func addAVX2(dst, a, b *float32, n int)

//go:noescape
func mulAVX512(dst, a, b *float32, n int)

//go:noescape
func mulAVX2(dst, a, b *float32, n int)

//go:noescape
func scaleAVX512(dst, x *float32, n int, s float32)

//go:noescape
func scaleAVX2(dst, x *float32, n int, s float32)

//go:noescape
func scaleMulAVX512(dst, x, w *float32, n int, s float32)

//go:noescape
func scaleMulAVX2(dst, x, w *float32, n int, s float32)

//go:noescape
func addScaledAVX512(dst, x *float32, n int, s float32)

//go:noescape
func addScaledAVX2(dst, x *float32, n int, s float32)

//go:noescape
func dotAVX512(x, y *float32, n int) float32

//go:noescape
func dotAVX2(x, y *float32, n int) float32

//go:noescape
func sumSquaresAVX512(x *float32, n int) float32

//go:noescape
func sumSquaresAVX2(x *float32, n int) float32

//go:noescape
func maxOfAVX512(x *float32, n int) float32

//go:noescape
func maxOfAVX2(x *float32, n int) float32

//go:noescape
func indexOfAVX512(x *float32, n int, v float32) int

//go:noescape
func indexOfAVX2(x *float32, n int, v float32) int
