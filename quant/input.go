package quant

import (
	"fmt"

	"kvasir/kernels"
)

// Input holds the activations of one matmul, prepared once and read by every
// matrix that shares them (query, key and value; gate and up). Float weights
// read F; quantized weights read X, which Quantize fills.
type Input struct {
	N, Cols int       // rows in use and their length
	Planes  int       // int8 planes of X: 1, or 2 for 15-bit activations
	Ratio   float32   // > 0 with two planes: only outlier blocks are fine, see kernels.QuantXAdaptive
	F       []float32 // [N][Cols], the caller's memory
	X       []byte    // [N][XBytes]
}

// NewInput allocates an Input for at most maxN rows of at most maxCols values.
func NewInput(maxN, maxCols, planes int) *Input {
	return &Input{Planes: planes, X: alignedBytes(maxN * xBytes(maxCols, planes))}
}

// xBytes returns the bytes of one quantized row.
func xBytes(cols, planes int) int {
	return kernels.XBytes((cols+kernels.KBlock-1)/kernels.KBlock, planes)
}

// Set makes in hold n rows of cols values at f, which it keeps. X is undefined
// until Quantize. Set does not allocate; it panics when the rows exceed what
// NewInput was sized for.
func (in *Input) Set(f []float32, n, cols int) {
	size := n * xBytes(cols, in.Planes)
	if size > cap(in.X) {
		panic(fmt.Sprintf("quant: input of %d rows of %d values needs %d bytes, has %d", n, cols, size, cap(in.X)))
	}
	in.N, in.Cols, in.F, in.X = n, cols, f[:n*cols], in.X[:size]
}

// Quantize fills rows [lo, hi) of X from F. Cols is a multiple of 32. Disjoint
// ranges may run concurrently; all rows must be done before a quantized Mul.
func (in *Input) Quantize(lo, hi int) {
	stride := xBytes(in.Cols, in.Planes)
	for n := lo; n < hi; n++ {
		x, f := in.X[n*stride:(n+1)*stride], in.F[n*in.Cols:(n+1)*in.Cols]
		if in.Planes == 2 && in.Ratio > 0 {
			kernels.QuantXAdaptive(x, f, in.Ratio)
		} else {
			kernels.QuantX(x, f, in.Planes)
		}
	}
}
