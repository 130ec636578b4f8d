package kernels

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGemvPacked holds it to the bits of ExpandScales and GemvQ for every layout.
func TestGemvPacked(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(21, 7))
		for _, l := range testLayouts() {
			for _, planes := range []int{1, 2} {
				for _, nb := range []int{1, 2, 7, 8, 9, 16, 24, 72, gemvPiece + 8} {
					testGemvPacked(t, newProduct(t, rng, l, nb, planes, 1))
				}
			}
		}
	})
}

func testGemvPacked(t *testing.T, p *product) {
	want, got := make([]float32, RowGroup), guarded[float32](t, RowGroup, 2)
	GemvQ(want, p.l, p.codes, p.ws, p.wm, p.x, p.nb, p.planes)
	fillPattern(got)
	GemvPacked(got, p.l, p.codes, p.scales, p.x, p.nb, p.planes)
	require.Equal(t, want, got, "%s kind %d planes %d nb %d", layoutName(p.l), p.l.Scale, p.planes, p.nb)
	for _, v := range want {
		require.False(t, v != v, "the test compares NaN")
	}
}
