package quant_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/quant"
)

// TestMulBrain: BF16 weights with rounded activations give the product of the rounded
// values, the same bits for one row and for many, and for every split of the row
// groups; other weights do not mind.
func TestMulBrain(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 1))
	for _, cols := range []int{1, 2, 33, 576} {
		for _, rows := range []int{1, 16, 17, 48, 70} {
			m := randMatrix(t, rng, quant.Formats[quant.BF16], rows, cols)
			p := pack(t, m)
			in := brainInput(rng, 70, cols)
			out := mul(p, in)
			w := make([]float32, cols)
			for r := range rows {
				m.Row(w, r)
				for n := range in.N {
					want, abs := 0.0, 0.0
					for k, v := range w {
						term := float64(v) * float64(roundBrain(in.F[n*cols+k]))
						want, abs = want+term, abs+math.Abs(term)
					}
					require.InDelta(t, want, float64(out[n*rows+r]), 0x1p-24*float64(cols+2)*abs, "%d columns, row %d, input %d", cols, r, n)
				}
			}
			for n := 1; n < in.N; n += 1 + n/2 {
				in.N = n
				requireSameBits(t, out[:n*rows], mul(p, in), "%d rows, %d columns, %d inputs", rows, cols, n)
			}
			parts := make([]float32, in.N*rows)
			s := quant.NewScratch(cols)
			for g := range p.RowGroups() {
				p.Mul(parts, rows, in, g, g+1, s)
			}
			requireSameBits(t, out[:in.N*rows], parts, "%d rows, %d columns: by row group", rows, cols)
		}
	}
	m := randMatrix(t, rng, quant.Formats[quant.F16], 20, 64)
	in := brainInput(rng, 3, 64)
	with := mul(pack(t, m), in)
	in.H = nil
	requireSameBits(t, mul(pack(t, m), in), with, "F16")
}

// brainInput returns n rows of normal values, also rounded.
func brainInput(rng *rand.Rand, n, cols int) *quant.Input {
	in := quant.NewInput(n, cols, 0)
	in.UseBrain(n, cols)
	x := make([]float32, n*cols)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	in.Set(x, n, cols)
	in.Quantize(0, n)
	return in
}

// roundBrain rounds to bfloat16, ties to even.
func roundBrain(x float32) float32 {
	b := math.Float32bits(x)
	return math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
}
