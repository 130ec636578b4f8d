package kernels

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGemmPacked holds it to the bits of GemvPacked, column by column, for every
// layout, and to adding to what is there.
func TestGemmPacked(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(23, 7))
		for _, l := range testLayouts() {
			for _, planes := range []int{1, 2} {
				for i, nb := range []int{1, 7, 8, 9, 16, 72} {
					testGemmPacked(t, newProduct(t, rng, l, nb, planes, 1+i*3))
				}
			}
		}
		testGemmPacked(t, newProduct(t, rng, testLayouts()[0], gemmPackedPiece/64+8, 2, 67))
	})
}

func testGemmPacked(t *testing.T, p *product) {
	got := guarded[float32](t, p.cols*RowGroup, 2)
	GemmPacked(got, p.l, p.codes, p.scales, p.x, p.xStride, p.nb, p.cols, p.planes)
	want := make([]float32, RowGroup)
	for c := range p.cols {
		GemvPacked(want, p.l, p.codes, p.scales, p.x[c*p.xStride:], p.nb, p.planes)
		require.Equal(t, want, got[c*RowGroup:][:RowGroup], "%s kind %d planes %d nb %d column %d of %d",
			layoutName(p.l), p.l.Scale, p.planes, p.nb, c, p.cols)
	}
	// In two parts, at a super-block.
	if half := p.nb / 2 / superBlock * superBlock; half > 0 {
		parts := make([]float32, len(got))
		GemmPacked(parts, p.l, p.codes, p.scales, p.x, p.xStride, half, p.cols, p.planes)
		GemmPacked(parts, p.l, p.codes[p.l.CodeBytes(half):], p.scales[p.l.ScaleBytes(half):],
			p.x[XBytes(half, p.planes):], p.xStride, p.nb-half, p.cols, p.planes)
		require.Equal(t, got, parts)
	}
}
