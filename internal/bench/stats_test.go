package bench

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatistics(t *testing.T) {
	x := []float64{2, 4, 4, 4, 5, 5, 7, 9} // the textbook example: population deviation 2
	require.Equal(t, 5.0, Mean(x))
	require.InDelta(t, 2*math.Sqrt(8.0/7), StdDev(x), 1e-12)
	require.Equal(t, 4.5, Median(x))
	require.Equal(t, []float64{2, 4, 4, 4, 5, 5, 7, 9}, x, "unchanged")

	// Quartiles of 1…10 and 1…5 by R's quantile(type=7).
	ten := []float64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}
	for p, want := range map[float64]float64{0: 1, 0.25: 3.25, 0.5: 5.5, 0.75: 7.75, 0.9: 9.1, 1: 10} {
		require.InDelta(t, want, Quantile(ten, p), 1e-12, "p %v", p)
	}
	require.Equal(t, 2.0, Quantile([]float64{1, 2, 3, 4, 5}, 0.25))

	require.Zero(t, Mean(nil))
	require.Zero(t, StdDev([]float64{3}))
	require.True(t, math.IsNaN(Median(nil)))
	require.Equal(t, 3.0, Median([]float64{3}))
}

// A drift that is linear in time leaves the ratio of a unit a b b a alone to second
// order, and a constant factor comes out as it is.
func TestPairRatio(t *testing.T) {
	require.InDelta(t, 2, PairRatio([2]float64{10, 40}, [2]float64{10, 10}), 1e-12)
	require.InDelta(t, 0.5, PairRatio([2]float64{10, 10}, [2]float64{10, 40}), 1e-12)
	speed := func(at float64) float64 { return 1 - 0.1*at } // slows down by 10 % a leg
	a, b := [2]float64{3 * speed(0), 3 * speed(3)}, [2]float64{speed(1), speed(2)}
	require.InDelta(t, 3, PairRatio(a, b), 0.05)
}

func TestMedianInterval(t *testing.T) {
	lo, hi := MedianInterval([]float64{3, 3, 3})
	require.Equal(t, []float64{3, 3}, []float64{lo, hi})
	five := []float64{1.2, 1.5, 1.1, 1.4, 1.3}
	lo, hi = MedianInterval(five)
	require.Equal(t, 1.1, lo)
	require.Equal(t, 1.5, hi)
	again, _ := MedianInterval(five)
	require.Equal(t, lo, again)
	lo, _ = MedianInterval(nil)
	require.True(t, math.IsNaN(lo))

	// The interval covers the median of the distribution about as often as it says.
	rng := rand.New(rand.NewPCG(3, 4))
	const trials = 60
	covered := 0
	for range trials {
		x := make([]float64, 25)
		for i := range x {
			x[i] = math.Exp(rng.NormFloat64()) // median 1
		}
		if lo, hi := MedianInterval(x); lo <= 1 && 1 <= hi {
			covered++
		}
	}
	require.GreaterOrEqual(t, covered, trials*85/100)
}
