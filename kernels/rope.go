package kernels

import "fmt"

// RopeNeox rotates the first n = 2·len(cos) dimensions of each head in place, in
// the pairs (i, i+n/2) by the angle whose cosine and sine stand at i (Su et al.,
// RoFormer, 2021, in the split-half arrangement of GPT-NeoX). x holds heads
// consecutive vectors of headDim; sin is at least as long as cos, and n is at
// most headDim. Dimensions beyond n are left alone.
func RopeNeox(x []float32, cos, sin []float32, heads, headDim int) {
	if checkRope(x, cos, sin, heads, headDim) {
		ropeNeox(x[:heads*headDim], cos, sin[:len(cos)], headDim)
	}
}

// RopeNorm is RopeNeox with the pairs (2i, 2i+1), the arrangement of the original
// paper.
func RopeNorm(x []float32, cos, sin []float32, heads, headDim int) {
	if checkRope(x, cos, sin, heads, headDim) {
		ropeNorm(x[:heads*headDim], cos, sin[:len(cos)], headDim)
	}
}

// checkRope panics when the shapes do not fit and reports whether there is
// anything to rotate.
func checkRope(x, cos, sin []float32, heads, headDim int) bool {
	if heads < 0 || len(x) < heads*headDim || len(sin) < len(cos) || 2*len(cos) > headDim {
		panic(fmt.Sprintf("kernels: rope over %d values: %d heads of %d, %d cosines, %d sines",
			len(x), heads, headDim, len(cos), len(sin)))
	}
	return heads > 0 && len(cos) > 0
}

func ropeNeoxGeneric(x, cos, sin []float32, headDim int) {
	n := len(cos)
	sin = sin[:n]
	for ; len(x) >= headDim; x = x[headDim:] {
		lo, hi := x[:n], x[n:2*n]
		for i, c := range cos {
			s, a, b := sin[i], lo[i], hi[i]
			lo[i] = float32(a*c) - float32(b*s)
			hi[i] = float32(b*c) + float32(a*s)
		}
	}
}

func ropeNormGeneric(x, cos, sin []float32, headDim int) {
	n := len(cos)
	sin = sin[:n]
	for ; len(x) >= headDim; x = x[headDim:] {
		h := x[:2*n]
		for i, c := range cos {
			s, a, b := sin[i], h[2*i], h[2*i+1]
			h[2*i] = float32(a*c) - float32(b*s)
			h[2*i+1] = float32(b*c) + float32(a*s)
		}
	}
}
