package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkEach checks an element-wise operation at every level, length and offset, in
// place too.
func checkEach(t *testing.T, run func(dst, x []float32), f func(x float64) float64, ulp, tiny float64) {
	t.Helper()
	checkPairs(t, func(dst, a, _ []float32) { run(dst, a) }, func(a, _ float64) float64 { return f(a) }, ulp, tiny)
	t.Run("sweep", func(t *testing.T) {
		eachLevel(t, func(t *testing.T) {
			const n = 1 << 16
			x, dst := make([]float32, n), make([]float32, n)
			for i := range x {
				x[i] = float32(i-n/2) / (n / 2) * 100
			}
			run(dst, x)
			for i := range x {
				requireUlp(t, f(float64(x[i])), dst[i], ulp, tiny, "f(%v)", x[i])
			}
		})
	})
}

// expOracle is the exponential with the clamp of Exp.
func expOracle(x float64) float64 {
	if x < expMin {
		return 0
	}
	return math.Exp(x)
}

func TestExp(t *testing.T) {
	checkEach(t, Exp, expOracle, 2, 0)
	eachLevel(t, func(t *testing.T) {
		edges := []float32{
			0, float32(math.Copysign(0, -1)), -87, math.Nextafter32(-87, -100), -87.4, -88, -104, -1000, -math.MaxFloat32,
			88.72283, math.Nextafter32(88.72283, 100), 88.73, 89, 90, 1000, math.MaxFloat32, inf32, -inf32, nan32, -nan32,
			math.Float32frombits(0x7f800001), math.Float32frombits(0xffffffff), math.Float32frombits(0x7fc001ff),
			1e-30, -1e-30, 1e-42, 0.34657359, -0.34657359, 0.3465736, 1, -1,
		}
		for _, v := range edges {
			x := []float32{v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v}
			Exp(x, x)
			for _, got := range x {
				requireUlp(t, expOracle(float64(v)), got, 2, 0, "e^%v", v)
			}
		}
		one := []float32{0}
		Exp(one, one)
		require.Equal(t, float32(1), one[0], "the softmax factor of an unchanged maximum")
	})
}

// TestExpAllExponents visits 2^16 fractions of every binade that matters.
func TestExpAllExponents(t *testing.T) {
	if testing.Short() {
		t.Skip("a million exponentials per level")
	}
	eachLevel(t, func(t *testing.T) {
		x, dst := make([]float32, 1<<13), make([]float32, 1<<13)
		worst := 0.0
		for e := uint32(127 - 26); e <= 127+6; e++ {
			for sign := uint32(0); sign < 2; sign++ {
				for i := range x {
					x[i] = math.Float32frombits(sign<<31 | e<<23 | uint32(i)*1021)
				}
				Exp(dst, x)
				for i := range x {
					want := expOracle(float64(x[i]))
					requireUlp(t, want, dst[i], 2, 0, "e^%v", x[i])
					if want > 0 && want < math.MaxFloat32 {
						unit := float64(math.Nextafter32(float32(want), inf32)) - float64(float32(want))
						worst = max(worst, math.Abs(float64(dst[i])-want)/unit)
					}
				}
			}
		}
		t.Logf("worst error %.3f ulp", worst)
	})
}

func siluOracle(x float64) float64 {
	if math.IsInf(x, -1) {
		return math.NaN() // -Inf/Inf, as the formula says
	}
	return x / (1 + math.Exp(-x))
}

func geluOracle(x float64) float64 {
	u := math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x)
	if math.IsInf(x, -1) {
		return math.NaN()
	}
	return x / (1 + math.Exp(-2*u))
}

func TestSiLU(t *testing.T) { checkEach(t, SiLU, siluOracle, 4, 1e-36) }

func TestGELU(t *testing.T) {
	// The exponent -2u carries a relative rounding error, which e^ amplifies by
	// |2u|: hence more on the negative side, until it is tiny.
	checkEach(t, GELU, geluOracle, 24, 1e-9)
	t.Run("tanh form", func(t *testing.T) {
		for x := -10.0; x < 10; x += 0.01 {
			u := math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x)
			require.InDelta(t, 0.5*x*(1+math.Tanh(u)), geluOracle(x), 1e-14)
		}
	})
}

func TestSiLUMul(t *testing.T) {
	checkPairs(t, SiLUMul, func(a, b float64) float64 { return siluOracle(a) * b }, 5, 1e-30)
}

func TestGELUMul(t *testing.T) {
	checkPairs(t, GELUMul, func(a, b float64) float64 { return geluOracle(a) * b }, 25, 1e-8)
}

func TestSwiGLUOAI(t *testing.T) {
	checkPairs(t, SwiGLUOAI, func(g, u float64) float64 {
		g, u = min(g, 7), max(min(u, 7), -7)
		if math.IsInf(g, -1) {
			return math.NaN()
		}
		return g / (1 + math.Exp(-float64(float32(1.702))*g)) * (u + 1)
	}, 6, 1e-6)
}

func TestSoftCap(t *testing.T) {
	for _, limit := range []float32{30, 50, 1} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			checkEach(t, func(dst, x []float32) {
				copy(dst, x)
				SoftCap(dst, limit)
			}, func(x float64) float64 {
				return float64(limit) * math.Tanh(x/float64(limit))
			}, 4, 0x1p-140) // x/limit of a subnormal x has few bits
		})
	}
}

func TestSoftmax(t *testing.T) {
	eachLength(t, func(t *testing.T, n, offset int) {
		x := guarded[float32](t, n, offset)
		copy(x, normals(n, 4, 1))
		for i := 2; i < n; i += 7 {
			x[i] = -inf32
		}
		top, sum := math.Inf(-1), 0.0
		for _, v := range x {
			top = max(top, float64(v))
		}
		want := make([]float64, n)
		for i, v := range x {
			want[i] = math.Exp(float64(v) - top)
			sum += want[i]
		}
		again := guarded[float32](t, n, (offset+5)%16)
		copy(again, x)
		Softmax(x)
		for i, v := range x {
			require.InDelta(t, want[i]/sum, v, 4e-6*want[i]/sum)
		}
		Softmax(again)
		require.Equal(t, x, again, "depends on the address")
		for i := range x {
			x[i] = -inf32
		}
		Softmax(x)
		require.Equal(t, make([]float32, n), append([]float32{}, x...))
		if n > 0 {
			copy(x, normals(n, 4, 1))
			x[n-1] = nan32
			Softmax(x)
			for _, v := range x {
				require.True(t, v != v, "NaN must spread")
			}
		}
	})
}
