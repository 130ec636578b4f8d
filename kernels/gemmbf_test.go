package kernels

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// brains returns n bfloat16 numbers of widely different size, some of them zero,
// subnormal or nearly so.
func brains(rng *rand.Rand, n int, spread float64) []byte {
	b := make([]byte, 2*n)
	for i := range n {
		v := uint16(math.Float32bits(float32(rng.NormFloat64()*math.Exp2(spread*rng.NormFloat64()))) >> 16)
		switch rng.IntN(50) {
		case 0:
			v &= 0x8000
		case 1:
			v &= 0x80ff
		}
		binary.LittleEndian.PutUint16(b[2*i:], v)
	}
	return b
}

// TestGemmBF16 holds every level and every number of columns and row groups to the
// bits of the Go twin.
func TestGemmBF16(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(19, 1))
		for cols := 1; cols <= 25; cols++ {
			for _, pairs := range []int{1, 2, 3, 31, 64} {
				testGemmBF16(t, rng, pairs, cols, float64(cols%4)*5)
			}
		}
		testGemmBF16(t, rng, gemmBFPiece+3, 3, 2)
	})
}

func testGemmBF16(t *testing.T, rng *rand.Rand, pairs, cols int, spread float64) {
	wStride, xStride := 4*RowGroup*pairs+2*(cols%3), 4*pairs+2*(cols%5)
	w := guardedCopy(t, brains(rng, wStride/2+2*RowGroup*pairs, spread), cols)
	x := guardedCopy(t, brains(rng, (cols-1)*xStride/2+2*pairs, spread), 2)
	for rowGroups := 1; rowGroups <= 2; rowGroups++ {
		rows := rowGroups * RowGroup
		ldo := rows + 1
		got := guarded[float32](t, (cols-1)*ldo+rows, 3)
		fillPattern(got)
		want := make([]float32, len(got))
		copy(want, got)
		for c := range cols {
			clear(want[c*ldo : c*ldo+rows])
		}
		gemmBF16Generic(want, ldo, w, rowGroups, wStride, x, xStride, pairs, cols)
		GemmBF16(got, ldo, w, rowGroups, wStride, x, xStride, pairs, cols)
		for i := range got {
			require.True(t, sameFloat(want[i], got[i]), "pairs %d cols %d row groups %d element %d: want %v, got %v",
				pairs, cols, rowGroups, i, want[i], got[i])
		}
	}
}

// TestFma32 compares it with exact arithmetic, near ties too.
func TestFma32(t *testing.T) {
	rng := rand.New(rand.NewPCG(20, 1))
	brain := func(spread float64) float32 {
		v := rng.NormFloat64() * math.Exp2(spread*rng.NormFloat64())
		return math.Float32frombits(math.Float32bits(float32(v)) &^ 0xffff)
	}
	for i := range 20000 {
		spread := float64(i % 5 * 4)
		a, b, c := brain(spread), brain(spread), float32(rng.NormFloat64()*math.Exp2(spread))
		if i%3 == 0 { // a product half a unit, or a little off it, below c's last place
			a, b = 1.5, c*0x1p-25
			b = math.Float32frombits(math.Float32bits(b) &^ 0xffff)
		}
		x := new(big.Float).SetPrec(2000)
		x.Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b)))
		x.SetPrec(2000).Add(x, big.NewFloat(float64(c)))
		want, _ := x.Float32()
		require.Equal(t, want, fma32(a, b, c), "%v·%v + %v", a, b, c)
	}
	require.True(t, math.IsNaN(float64(fma32(float32(math.Inf(1)), 0, 1))))
	require.Equal(t, float32(math.Inf(-1)), fma32(1, 1, float32(math.Inf(-1))))
}
