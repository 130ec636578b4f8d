package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRope(t *testing.T) {
	kinds := []struct {
		name string
		run  func(x, cos, sin []float32, heads, headDim int)
		pair func(i, n int) (int, int)
	}{
		{"neox", RopeNeox, func(i, n int) (int, int) { return i, i + n }},
		{"norm", RopeNorm, func(i, _ int) (int, int) { return 2 * i, 2*i + 1 }},
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			eachLevel(t, func(t *testing.T) {
				for n := 0; n <= 67; n++ {
					for _, rest := range []int{0, 3, 16} {
						headDim := 2*n + rest
						heads := 1 + n%4
						offset := n * 5 % 16
						before := normals(heads*headDim, 2, uint64(n))
						angle := normals(n, 3, 9)
						cos, sin := make([]float32, n), make([]float32, n)
						for i, a := range angle {
							cos[i], sin[i] = float32(math.Cos(float64(a))), float32(math.Sin(float64(a)))
						}
						t.Run(fmt.Sprintf("%d of %d", n, headDim), func(t *testing.T) {
							x := guarded[float32](t, len(before), offset)
							copy(x, before)
							kind.run(x, guardedCopy(t, cos, (offset+1)%16), guardedCopy(t, sin, (offset+2)%16), heads, headDim)
							want := rotated(before, cos, sin, heads, headDim, kind.pair)
							for i := range x {
								require.InDelta(t, want[i], x[i], 2e-6, "x[%d]", i)
							}
							for h := range heads {
								for i := h*headDim + 2*n; i < (h+1)*headDim; i++ {
									require.Equal(t, before[i], x[i], "x[%d] is not rotated", i)
								}
							}
						})
					}
				}
			})
		})
	}
	require.Panics(t, func() { RopeNeox(make([]float32, 8), make([]float32, 5), make([]float32, 5), 1, 8) })
	require.Panics(t, func() { RopeNorm(make([]float32, 15), make([]float32, 4), make([]float32, 4), 2, 8) })
}

// rotated is the rotation in f64.
func rotated(x, cos, sin []float32, heads, headDim int, pair func(i, n int) (int, int)) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	for h := range heads {
		for i := range cos {
			lo, hi := pair(i, len(cos))
			a, b := float64(x[h*headDim+lo]), float64(x[h*headDim+hi])
			c, s := float64(cos[i]), float64(sin[i])
			out[h*headDim+lo], out[h*headDim+hi] = a*c-b*s, b*c+a*s
		}
	}
	return out
}
