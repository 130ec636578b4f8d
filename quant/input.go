package quant

import (
	"fmt"

	"kvasir/kernels"
)

// Input holds the activations of one matmul, prepared once and read by every
// matrix that shares them (query, key and value; gate and up). Float weights
// read F; quantized weights read X, and BF16 weights H where there is one, which
// Quantize fills.
type Input struct {
	N, Cols int       // rows in use and their length
	Planes  int       // int8 planes of X: 1, or 2 for 15-bit activations; 0 = no X
	Ratio   float32   // > 0 with two planes: only outlier blocks are fine, see kernels.QuantXAdaptive
	F       []float32 // [N][Cols], the caller's memory
	X       []byte    // [N][XBytes]
	H       []byte    // rows rounded to bfloat16, brainBytes apart; nil unless UseBrain was called
}

// NewInput allocates an Input for at most maxN rows of at most maxCols values.
// planes is 0 where no quantized weight is going to read it.
func NewInput(maxN, maxCols, planes int) *Input {
	return &Input{Planes: planes, X: alignedBytes(maxN * xBytes(maxCols, planes))}
}

// UseBrain makes BF16 weights multiply activations that are rounded to bfloat16, of
// at most maxN rows of maxCols values. Worth it where kernels.FastBF16 says so.
func (in *Input) UseBrain(maxN, maxCols int) { in.H = alignedBytes(maxN * brainBytes(maxCols)) }

// xBytes returns the bytes of one quantized row.
func xBytes(cols, planes int) int {
	if planes == 0 {
		return 0
	}
	return kernels.XBytes((cols+kernels.KBlock-1)/kernels.KBlock, planes)
}

// brainBytes returns the distance of rows of H: an odd number of cache lines, so that
// the columns of a tile do not compete for the same places of the cache.
func brainBytes(cols int) int { return ((2*cols+63)/64 | 1) * 64 }

// Set makes in hold n rows of cols values at f, which it keeps. X and H are undefined
// until Quantize. Set does not allocate; it panics when the rows exceed what
// NewInput was sized for.
func (in *Input) Set(f []float32, n, cols int) {
	size, brain := n*xBytes(cols, in.Planes), n*brainBytes(cols)
	if size > cap(in.X) || in.H != nil && brain > cap(in.H) {
		panic(fmt.Sprintf("quant: input of %d rows of %d values needs %d bytes, has %d, and %d, has %d",
			n, cols, size, cap(in.X), brain, cap(in.H)))
	}
	in.N, in.Cols, in.F, in.X = n, cols, f[:n*cols], in.X[:size]
	if in.H != nil {
		in.H = in.H[:brain]
	}
}

// Quantize fills rows [lo, hi) of X and H from F. Cols is a multiple of 32 where
// there is an X. Disjoint ranges may run concurrently; all rows must be done before a
// Mul that reads them.
func (in *Input) Quantize(lo, hi int) {
	stride := xBytes(in.Cols, in.Planes)
	for n := lo; n < hi; n++ {
		x, f := in.X[n*stride:(n+1)*stride], in.F[n*in.Cols:(n+1)*in.Cols]
		if in.H != nil {
			in.round(n, f)
		}
		switch {
		case in.Planes == 0:
		case in.Planes == 2 && in.Ratio > 0:
			kernels.QuantXAdaptive(x, f, in.Ratio)
		default:
			kernels.QuantX(x, f, in.Planes)
		}
	}
}

// round fills row n of H; an odd row ends in a zero, which makes it whole pairs.
func (in *Input) round(n int, f []float32) {
	h := in.H[n*brainBytes(in.Cols):]
	kernels.F32ToBF16(h[:2*len(f)], f)
	clear(h[2*len(f) : 2*(len(f)+len(f)%2)])
}
