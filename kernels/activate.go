package kernels

import "math"

// Exp sets dst[i] = e^x[i] within 2 units in the last place. Results that would
// leave the normal range are clamped: below x = -87 the result is 0, so that no
// subnormal number slows the sums that follow, and where f32 overflows it is
// +Inf. NaN stays NaN. x is at least as long as dst; dst may be x.
func Exp(dst, x []float32) {
	x = x[:len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		exp(dst[i:j], x[i:j])
	}
}

// SiLU sets dst[i] = x[i] / (1 + e^-x[i]). x is at least as long as dst; dst may
// be x.
func SiLU(dst, x []float32) {
	x = x[:len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		silu(dst[i:j], x[i:j])
	}
}

// SiLUMul sets dst[i] = SiLU(gate[i]) · up[i], the gated unit of SwiGLU (Shazeer,
// GLU Variants Improve Transformer, 2020, equation 6). gate and up are at least
// as long as dst; dst may be either.
func SiLUMul(dst, gate, up []float32) {
	gate, up = gate[:len(dst)], up[:len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		siluMul(dst[i:j], gate[i:j], up[i:j])
	}
}

// GELU sets dst[i] to the tanh form of the Gaussian error linear unit,
// x/2 · (1 + tanh(√(2/π)·(x + 0.044715x³))) (Hendrycks and Gimpel, 2016, section
// 2). It is computed as x / (1 + e^-2u), which is the same function without the
// cancellation for negative x. x is at least as long as dst; dst may be x.
func GELU(dst, x []float32) {
	x = x[:len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		gelu(dst[i:j], x[i:j])
	}
}

// GELUMul sets dst[i] = GELU(gate[i]) · up[i]. gate and up are at least as long
// as dst; dst may be either.
func GELUMul(dst, gate, up []float32) {
	gate, up = gate[:len(dst)], up[:len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		geluMul(dst[i:j], gate[i:j], up[i:j])
	}
}

// The constants of SwiGLUOAI.
const (
	swigluLimit = 7
	swigluAlpha = 1.702
)

// SwiGLUOAI sets dst[i] = g / (1 + e^-1.702g) · (u + 1), with g = min(gate[i], 7)
// and u = up[i] clamped to [-7, 7]: the clipped gated unit of the gpt-oss
// models. gate and up are at least as long as dst; dst may be either.
func SwiGLUOAI(dst, gate, up []float32) {
	gate, up = gate[:len(dst)], up[:len(dst)]
	for i := 0; i < len(dst); i += pieceLen {
		j := min(i+pieceLen, len(dst))
		swigluOAI(dst[i:j], gate[i:j], up[i:j])
	}
}

// SoftCap sets x[i] = limit · tanh(x[i] / limit), which keeps logits within
// ±limit. limit is positive.
func SoftCap(x []float32, limit float32) {
	for i := 0; i < len(x); i += pieceLen {
		softCap(x[i:min(i+pieceLen, len(x))], limit)
	}
}

// Softmax replaces x by e^(x[i]-m) / Σ e^(x[j]-m), with m the maximum. Elements
// of -Inf become 0; when all are -Inf, all become 0. A NaN makes every element
// NaN.
func Softmax(x []float32) {
	m := Max(x)
	if math.IsInf(float64(m), -1) {
		m = 0 // nothing to normalise: e^-Inf = 0 below, and NaN stays NaN
	}
	var sum float32
	for i := 0; i < len(x); i += pieceLen {
		sum += expSum(x[i:min(i+pieceLen, len(x))], m)
	}
	if sum == 0 {
		return
	}
	Scale(x, x, 1/sum)
}
