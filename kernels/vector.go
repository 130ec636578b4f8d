package kernels

import "math"

// pieceLen bounds the elements that one call into assembly handles, so that no
// call delays a stop-the-world for more than a few microseconds. Pieces are cut
// from the start of a slice, hence reductions keep an order that depends on the
// length alone.
const pieceLen = 8192

// Add sets dst[i] = a[i] + b[i]. a and b are at least as long as dst; dst may be
// a or b.
func Add(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		add(dst[i:j], a[i:j], b[i:j])
	}
}

// Mul sets dst[i] = a[i] · b[i]. a and b are at least as long as dst; dst may be
// a or b.
func Mul(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		mul(dst[i:j], a[i:j], b[i:j])
	}
}

// Scale sets dst[i] = x[i] · s. x is at least as long as dst; dst may be x.
func Scale(dst, x []float32, s float32) {
	x = x[:len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		scale(dst[i:j], x[i:j], s)
	}
}

// AddScaled adds s · x[i] to dst[i], with one rounding at the levels that have a
// fused multiply-add. x is at least as long as dst; dst may be x.
func AddScaled(dst, x []float32, s float32) {
	x = x[:len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		addScaled(dst[i:j], x[i:j], s)
	}
}

// Dot returns Σ x[i]·y[i] over the length of x; y is at least as long. The order
// of summation depends on len(x) and the level: levels agree within
// 1e-6 · Σ|x[i]·y[i]|.
func Dot(x, y []float32) float32 {
	y = y[:len(x)]
	var sum float32
	for i := 0; i < len(x); i += pieceLen {
		j := min(i+pieceLen, len(x))
		sum += dot(x[i:j], y[i:j])
	}
	return sum
}

// SumSquares returns Σ x[i]², summed in at least eight partial sums of f32, or in
// f64, so that the relative error stays near one f32 rounding for the widths of
// models.
func SumSquares(x []float32) float32 {
	var sum float32
	for i := 0; i < len(x); i += pieceLen {
		sum += sumSquares(x[i:min(i+pieceLen, len(x))])
	}
	return sum
}

// Max returns the greatest element, ignoring NaN; -Inf when there is none. The
// sign of a zero result is unspecified.
func Max(x []float32) float32 {
	m := float32(math.Inf(-1))
	for i := 0; i < len(x); i += pieceLen {
		m = max(m, maxOf(x[i:min(i+pieceLen, len(x))]))
	}
	return m
}

// ArgMax returns the lowest index of the greatest element, ignoring NaN. Zeros of
// either sign are equal. It returns 0 when every element is NaN and -1 when x is
// empty.
func ArgMax(x []float32) int {
	if len(x) == 0 {
		return -1
	}
	m := Max(x)
	for i := 0; i < len(x); i += pieceLen {
		if k := indexOf(x[i:min(i+pieceLen, len(x))], m); k >= 0 {
			return i + k
		}
	}
	return 0
}

// RMSNorm sets dst[i] = x[i] / sqrt(mean(x²) + eps) · w[i] (Zhang and Sennrich,
// Root Mean Square Layer Normalization, 2019, equation 4, with the usual eps).
// The mean is over len(x) elements; dst and w are at least as long. A nil w
// stands for ones. dst may be x.
func RMSNorm(dst, x, w []float32, eps float32) {
	mean := float64(SumSquares(x)) / float64(len(x))
	s := float32(1 / math.Sqrt(mean+float64(eps)))
	if w == nil {
		Scale(dst[:len(x)], x, s)
		return
	}
	dst, w = dst[:len(x)], w[:len(x)]
	for i := 0; i < len(x); i += pieceLen {
		j := min(i+pieceLen, len(x))
		scaleMul(dst[i:j], x[i:j], w[i:j], s)
	}
}
