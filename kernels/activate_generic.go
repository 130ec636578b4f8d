package kernels

import "math"

// The range of exponents that give a normal f32 number.
const (
	expMin = -87       // smaller inputs give 0
	expMax = 88.722839 // the greatest input whose exponential is finite is below
)

// exp32 is the exponential of the twins. It works in f64, whose rounding is far
// below that of the result: x = n·ln2 + r with |r| ≤ ln2/2, the Taylor
// polynomial of degree 7 for e^r (relative error < 6e-9), scaled by 2^n.
func exp32(x float32) float32 {
	const roundToInt = 0x1.8p52 // adding it leaves an integer in the low bits
	if !(x >= expMin) {
		if x != x {
			return x
		}
		return 0
	}
	if x > expMax {
		return float32(math.Inf(1))
	}
	t := float64(x)*math.Log2E + roundToInt
	n := t - roundToInt
	r := float64(x) - n*math.Ln2
	p := 1.0/720 + r*(1.0/5040)
	p = 1.0/120 + r*p
	p = 1.0/24 + r*p
	p = 1.0/6 + r*p
	p = 1.0/2 + r*p
	p = 1 + r*p
	p = 1 + r*p
	return float32(p * math.Float64frombits(uint64(int64(n)+1023)<<52))
}

func expGeneric(dst, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = exp32(x[i])
	}
}

// expSumGeneric sets x[i] = e^(x[i]-m) and returns the sum.
func expSumGeneric(x []float32, m float32) float32 {
	var sum float64
	for i := range x {
		x[i] = exp32(x[i] - m)
		sum += float64(x[i])
	}
	return float32(sum)
}

func silu32(x float32) float32 { return x / (1 + exp32(-x)) }

// gelu32 returns x / (1 + e^-2u), u = √(2/π)·(x + 0.044715x³).
func gelu32(x float32) float32 {
	const c1 = 2 * 0.7978845608028654
	const c3 = c1 * 0.044715
	return x / (1 + exp32(-x*(c1+float32(float32(c3*x)*x))))
}

func siluGeneric(dst, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = silu32(x[i])
	}
}

func siluMulGeneric(dst, gate, up []float32) {
	gate, up = gate[:len(dst)], up[:len(dst)]
	for i := range dst {
		dst[i] = silu32(gate[i]) * up[i]
	}
}

func geluGeneric(dst, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = gelu32(x[i])
	}
}

func geluMulGeneric(dst, gate, up []float32) {
	gate, up = gate[:len(dst)], up[:len(dst)]
	for i := range dst {
		dst[i] = gelu32(gate[i]) * up[i]
	}
}

func swigluOAIGeneric(dst, gate, up []float32) {
	gate, up = gate[:len(dst)], up[:len(dst)]
	for i := range dst {
		g := min(gate[i], swigluLimit)
		u := max(min(up[i], swigluLimit), -swigluLimit)
		dst[i] = g / (1 + exp32(-swigluAlpha*g)) * (u + 1)
	}
}

// softCapGeneric computes tanh y as (1-e)/(1+e), e = e^-2|y|, in f64 for the
// difference: e itself carries one f32 rounding, so near 0 an odd polynomial
// takes over.
func softCapGeneric(x []float32, limit float32) {
	inverse := 1 / limit
	for i := range x {
		x[i] = limit * tanh32(x[i]*inverse)
	}
}

// tanhSmall bounds the range of the polynomial of tanh32.
const tanhSmall = 0.5

func tanh32(y float32) float32 {
	a := math.Abs(float64(y))
	if a < tanhSmall {
		// Taylor series of tanh(y)/y in z = y², to z^8: relative error < 1e-9 at 0.5.
		z := a * a
		p := -929569.0/638512875 + z*(6404582.0/10854718875)
		p = 21844.0/6081075 + z*p
		p = -1382.0/155925 + z*p
		p = 62.0/2835 + z*p
		p = -17.0/315 + z*p
		p = 2.0/15 + z*p
		p = -1.0/3 + z*p
		return float32(float64(y) * (1 + z*p))
	}
	e := exp32(float32(-2 * a))
	return float32(math.Copysign(float64((1-e)/(1+e)), float64(y)))
}
