package sampler

import (
	"slices"

	"kvasir/kernels"
)

// Temperatures between these leave float32 distances in range.
const vectorCold, vectorHot = 1e-3, 1e3

const (
	// longList is the least length of a list whose weights are computed with vector
	// arithmetic, in float32; those of shorter ones are float64.
	longList = 4096
	// pieceLen is how many weights are computed at a time, and summed in float32
	// before they go to a float64 sum.
	pieceLen = 1024
)

// long reports whether the list is worth vector arithmetic.
func (c *Cand) long() bool { return len(c.Logits) >= longList }

// vector is the memory that the weights of a piece are computed in.
type vector struct {
	ones, shift, down, weight [pieceLen]float32
	shifted                   float32 // what shift is filled with
}

// vector returns the list's vector, made on first need.
func (c *Cand) vector() *vector {
	if c.mem.vector == nil {
		c.mem.vector = new(vector)
		for i := range c.mem.vector.ones {
			c.mem.vector.ones[i] = 1
		}
	}
	return c.mem.vector
}

// weigh returns down = (x - m)·scale and weight = exp(down) for at most pieceLen
// logits. Both are valid until the next call. Masked logits have weight 0.
func (v *vector) weigh(x []float32, m, scale float32) (down, weight []float32) {
	down, weight = v.down[:len(x)], v.weight[:len(x)]
	v.subtract(down, x, m, scale)
	kernels.Exp(weight, down)
	return down, weight
}

// subtract sets dst = (x - m)·scale for at most pieceLen logits; dst may be x.
func (v *vector) subtract(dst, x []float32, m, scale float32) {
	if v.shifted != -m {
		for i := range v.shift {
			v.shift[i] = -m
		}
		v.shifted = -m
	}
	kernels.Add(dst, x, v.shift[:])
	if scale != 1 {
		kernels.Scale(dst, dst, scale)
	}
}

// sum returns the sum of a piece of weights.
func (v *vector) sum(weight []float32) float64 { return float64(kernels.Dot(weight, v.ones[:])) }

// divideLong is divide for a long list that is not sorted. Every logit, and so every
// largest one of a block, goes through the same two roundings.
func (c *Cand) divideLong(t float64) {
	v, m, dst := c.vector(), c.top(), c.Logits
	if !c.owned {
		c.mem.dense = slices.Grow(c.mem.dense[:0], len(c.Logits))[:len(c.Logits)]
		dst, c.owned = c.mem.dense, true
	}
	for lo := 0; lo < len(dst); lo += pieceLen {
		hi := min(lo+pieceLen, len(dst))
		v.subtract(dst[lo:hi], c.Logits[lo:hi], m, float32(1/t))
	}
	for lo := 0; lo < len(c.tops); lo += pieceLen {
		piece := c.tops[lo:min(lo+pieceLen, len(c.tops))]
		v.subtract(piece, piece, m, float32(1/t))
	}
	c.Logits = dst
}

// drawLong is draw for a long list: the sums of pieces tell where to look.
func (c *Cand) drawLong(u float64) int32 {
	v, m := c.vector(), c.top()
	sums, total := c.mem.weights[:0], 0.0
	for lo := 0; lo < len(c.Logits); lo += pieceLen {
		_, weight := v.weigh(c.Logits[lo:min(lo+pieceLen, len(c.Logits))], m, 1)
		z := v.sum(weight)
		sums = append(sums, z)
		total += z
	}
	c.mem.weights = sums
	goal, run, at := u*total, 0.0, 0
	for p, z := range sums {
		if z == 0 {
			continue
		}
		if at = p; run+z >= goal {
			break
		}
		run += z
	}
	lo := at * pieceLen
	_, weight := v.weigh(c.Logits[lo:min(lo+pieceLen, len(c.Logits))], m, 1)
	last := 0
	for i, w := range weight {
		if w == 0 {
			continue
		}
		run += float64(w)
		if last = i; run >= goal {
			break
		}
	}
	return c.id(lo + last)
}
