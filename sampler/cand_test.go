package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBestIndexOfUnsortedList(t *testing.T) {
	c := &Cand{IDs: []int32{9, 4, 7, 2}, Logits: []float32{1, 3, 3, 3}, best: -1}
	require.Equal(t, int32(2), c.id(c.bestIndex()), "ties go to the lowest id, not to the first place")
}

// Rounding may turn two logits into one; the list must then be sorted again.
func TestTemperatureKeepsTiesInOrder(t *testing.T) {
	c := &Cand{}
	require.NoError(t, c.load([]float32{0x1p-40, 0x1p-39, 1}))
	require.NoError(t, topK{k: 3}.Apply(c, Rand{}))
	require.Equal(t, []int32{2, 1, 0}, c.IDs)
	require.NoError(t, temperature{t: 2}.Apply(c, Rand{}))
	require.Equal(t, []float32{0, -0.5, -0.5}, c.Logits)
	require.False(t, c.Sorted)
	c.cut(len(c.leaders(3)))
	require.Equal(t, []int32{2, 0, 1}, c.IDs)
	require.True(t, c.Sorted)
	require.NoError(t, temperature{t: 2}.Apply(c, Rand{}))
	require.True(t, c.Sorted, "ties in order do no harm")
}

// u = 0 and u next to 1 must not reach tokens of zero weight.
func TestDrawEdges(t *testing.T) {
	c := &Cand{Logits: []float32{-inf, 0, 1, -inf, -200, -1000}, best: -1}
	require.Equal(t, int32(1), c.draw(0))
	require.Equal(t, int32(2), c.draw(1-0x1p-53), "token 4 is too light to be reached, token 5 weighs nothing")
}

func TestCeil32(t *testing.T) {
	for _, x := range []float64{0, 1, 0.1, -0.1, 1.0 / 3, -2.0 / 3, 1e-50, -1e-50, -math.MaxFloat32} {
		f := ceil32(x)
		require.GreaterOrEqual(t, float64(f), x)
		require.Less(t, float64(math.Nextafter32(f, -inf)), x)
	}
}

func TestFinite(t *testing.T) {
	for x, want := range map[float64]float32{
		1.5: 1.5, 1e300: math.MaxFloat32, -1e300: -math.MaxFloat32, math.Inf(1): math.MaxFloat32, math.Inf(-1): -inf,
	} {
		require.Equal(t, want, finite(x), "%v", x)
	}
}
