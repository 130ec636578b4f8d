package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	nan32 = float32(math.NaN())
	inf32 = float32(math.Inf(1))
)

// testLengths holds every length around the widths of the vector loops, and some
// that need several turns or several pieces.
func testLengths() []int {
	var n []int
	for i := 0; i <= 4*16+3; i++ {
		n = append(n, i)
	}
	return append(n, 127, 128, 129, 255, 576, 640, 1536, 2049, pieceLen-1, pieceLen, pieceLen+17, 2*pieceLen+5)
}

// normals returns n normal variates of the given scale; the seed fixes them.
func normals(n int, scale float64, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * scale)
	}
	return x
}

// eachLength runs f for every level and test length, with an offset that walks
// through the alignments.
func eachLength(t *testing.T, f func(t *testing.T, n, offset int)) {
	t.Helper()
	eachLevel(t, func(t *testing.T) {
		for i, n := range testLengths() {
			t.Run(fmt.Sprint(n), func(t *testing.T) { f(t, n, i*5%16) })
		}
	})
}

// requireUlp checks got against the f64 value want: at most ulp units in the last
// place, or tiny in absolute terms.
func requireUlp(t *testing.T, want float64, got float32, ulp, tiny float64, msg string, args ...any) {
	t.Helper()
	w := float32(want)
	if math.IsNaN(want) || math.IsInf(float64(w), 0) {
		if math.IsNaN(want) != (got != got) || (!math.IsNaN(want) && got != w) {
			t.Fatalf("%s: got %v, want %v", fmt.Sprintf(msg, args...), got, w)
		}
		return
	}
	unit := float64(math.Nextafter32(float32(math.Abs(want)), inf32)) - float64(float32(math.Abs(want)))
	if d := math.Abs(float64(got) - want); !(d <= ulp*unit || d <= tiny) {
		t.Fatalf("%s: got %v, want %v: %.2f ulp", fmt.Sprintf(msg, args...), got, want, d/unit)
	}
}

// checkPairs checks an element-wise operation of two inputs at every level, length
// and offset, also with dst standing for either input, against f(a, b).
func checkPairs(t *testing.T, run func(dst, a, b []float32), f func(a, b float64) float64, ulp, tiny float64) {
	t.Helper()
	eachLength(t, func(t *testing.T, n, offset int) {
		av, bv := normals(n, 3, 1), normals(n, 3, 2)
		special(av)
		check := func(name string, got []float32) {
			t.Helper()
			for i := range got {
				requireUlp(t, f(float64(av[i]), float64(bv[i])), got[i], ulp, tiny, "%s[%d] of (%v, %v)", name, i, av[i], bv[i])
			}
		}
		a, b := guardedCopy(t, av, offset), guardedCopy(t, bv, (offset+3)%16)
		dst := guarded[float32](t, n, (offset+7)%16)
		run(dst, a, b)
		check("dst", dst)
		inPlace := guarded[float32](t, n, offset)
		copy(inPlace, av)
		run(inPlace, inPlace, b)
		check("dst is a", inPlace)
		copy(inPlace, bv)
		run(inPlace, a, inPlace)
		check("dst is b", inPlace)
	})
}

// special plants values that are not normal numbers.
func special(x []float32) {
	for i, v := range []float32{nan32, inf32, -inf32, 1e-41, -1e-42, 0, float32(math.Copysign(0, -1))} {
		if k := 3 + 5*i; k < len(x) {
			x[k] = v
		}
	}
}

func TestAdd(t *testing.T) {
	checkPairs(t, Add, func(a, b float64) float64 { return a + b }, 0.5, 0)
}

func TestMul(t *testing.T) {
	checkPairs(t, Mul, func(a, b float64) float64 { return a * b }, 0.5, 0)
}

func TestScale(t *testing.T) {
	checkPairs(t, func(dst, a, _ []float32) { Scale(dst, a, 1.7) },
		func(a, _ float64) float64 { return a * float64(float32(1.7)) }, 0.5, 0)
}

func TestAddScaled(t *testing.T) {
	eachLength(t, func(t *testing.T, n, offset int) {
		av, bv := normals(n, 3, 1), normals(n, 3, 2)
		special(bv)
		dst, x := guarded[float32](t, n, offset), guardedCopy(t, bv, (offset+3)%16)
		copy(dst, av)
		AddScaled(dst, x, 1.7)
		for i := range dst {
			p := float64(bv[i]) * float64(float32(1.7))
			tiny := 0.0
			if level == Generic || level == NEON { // the twin rounds the product too
				tiny = (math.Abs(p) + math.Abs(float64(av[i])+p)) * 0x1p-24
			}
			requireUlp(t, float64(av[i])+p, dst[i], 0.5, tiny, "dst[%d]", i)
		}
	})
}

func TestDot(t *testing.T) {
	eachLength(t, func(t *testing.T, n, offset int) {
		xv, yv := normals(n, 1, 1), normals(n, 1, 2)
		var want, terms float64
		for i := range xv {
			p := float64(xv[i]) * float64(yv[i])
			want += p
			terms += math.Abs(p)
		}
		x, y := guardedCopy(t, xv, offset), guardedCopy(t, yv, (offset+3)%16)
		got := Dot(x, y)
		require.LessOrEqual(t, math.Abs(float64(got)-want), 1e-6*terms)
		moved := Dot(guardedCopy(t, xv, (offset+9)%16), guardedCopy(t, yv, offset))
		require.Equal(t, got, moved, "depends on the address")
		if n > 0 {
			y = guardedCopy(t, yv, 1)
			y[n-1] = nan32
			require.True(t, Dot(xv, y) != Dot(xv, y), "NaN at the end is lost")
			y[n-1] = yv[n-1]
		}
	})
}

func TestSumSquares(t *testing.T) {
	eachLength(t, func(t *testing.T, n, offset int) {
		xv := normals(n, 10, 1)
		var want float64
		for _, v := range xv {
			want += float64(v) * float64(v)
		}
		got := SumSquares(guardedCopy(t, xv, offset))
		require.InDelta(t, want, got, 5e-7*want)
		require.Equal(t, got, SumSquares(guardedCopy(t, xv, (offset+9)%16)), "depends on the address")
	})
}

func TestMaxAndArgMax(t *testing.T) {
	eachLength(t, func(t *testing.T, n, offset int) {
		x := guarded[float32](t, n, offset)
		if n == 0 {
			require.Equal(t, -inf32, Max(x))
			require.Equal(t, -1, ArgMax(x))
			return
		}
		step := max(n/70, 1)
		for at := 0; at < n; at += step {
			copy(x, normals(n, 1, 3))
			x[at] = 100
			x[n-1] = 100 // a tie, unless at is the last
			require.Equal(t, float32(100), Max(x))
			require.Equal(t, at, ArgMax(x))
			if at > 0 {
				x[at-1] = nan32
				require.Equal(t, float32(100), Max(x))
				require.Equal(t, at, ArgMax(x))
			}
		}
		for i := range x {
			x[i] = nan32
		}
		require.Equal(t, -inf32, Max(x))
		require.Equal(t, 0, ArgMax(x))
		x[n-1] = -inf32
		require.Equal(t, n-1, ArgMax(x))
		x[n/2] = -1e-42
		require.Equal(t, float32(-1e-42), Max(x))
		require.Equal(t, n/2, ArgMax(x))
	})
}

func TestRMSNorm(t *testing.T) {
	eachLength(t, func(t *testing.T, n, offset int) {
		if n == 0 {
			RMSNorm(nil, nil, nil, 1e-5)
			return
		}
		xv, wv := normals(n, 20, 1), normals(n, 1, 2)
		var sum float64
		for _, v := range xv {
			sum += float64(v) * float64(v)
		}
		const eps = 1e-5
		s := 1 / math.Sqrt(sum/float64(n)+float64(float32(eps)))
		x, w := guardedCopy(t, xv, offset), guardedCopy(t, wv, (offset+3)%16)
		dst := guarded[float32](t, n, (offset+7)%16)
		plain := guarded[float32](t, n, offset)
		RMSNorm(dst, x, w, eps)
		copy(plain, xv)
		RMSNorm(plain, plain, nil, eps)
		for i := range dst {
			requireUlp(t, float64(xv[i])*s*float64(wv[i]), dst[i], 5, 0, "weighted[%d]", i)
			requireUlp(t, float64(xv[i])*s, plain[i], 5, 0, "plain[%d]", i)
		}
		inPlace := guarded[float32](t, n, offset)
		copy(inPlace, xv)
		RMSNorm(inPlace, inPlace, w, eps)
		require.Equal(t, dst, inPlace)
	})
	t.Run("zeros", func(t *testing.T) {
		eachLevel(t, func(t *testing.T) {
			x := make([]float32, 40)
			RMSNorm(x, x, nil, 1e-6)
			require.Equal(t, make([]float32, 40), x)
		})
	})
}

func TestSpinPause(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 10} {
		SpinPause(n)
	}
}
