package kernels

import (
	"encoding/binary"
	"math"
)

// Quantized activations. A row is a sequence of k blocks, each
//
//	f32 d, s; int32 n, n0   16-byte header
//	int8 plane[32]          one or two planes, in k order
//
// With q the integer value of an element (plane 0, or 128·plane0 + plane1):
// x ≈ d·q, s = d·Σq, n = -128·Σq, and n0 is n of the first 16 alone.
//
// With two planes the lowest bit of d says whether the block is fine: a coarse
// block's plane 1 is all zeros, and products may skip it.
const (
	xHeader = 16
	// minNormal is the smallest normal float32; a block whose step would be below it
	// is stored as zero, so that no kernel ever multiplies by a subnormal step.
	minNormal = 0x1p-126
)

// maxQ returns the largest |q| with one and two planes.
func maxQ(planes int) float32 {
	if planes == 2 {
		return 127 * 128
	}
	return 127
}

// xBlock returns the size of one activation block.
func xBlock(planes int) int { return xHeader + planes*KBlock }

// XBytes returns the size of a quantized activation row of nb k blocks.
func XBytes(nb, planes int) int { return nb * xBlock(planes) }

// QuantX quantizes src, whose length is a multiple of 32, into XBytes(len(src)/32,
// planes) bytes of dst. Per block, with amax = max|x|:
//
//	planes 1: d = amax/127,   q = rne(x·(1/d))
//	planes 2: d = amax/16256 with its lowest bit set, q = rne(x·(1/d)),
//	          plane0 = (q+64)>>7, plane1 = q-128·plane0; every block is fine
//
// A block with subnormal d is stored as zero. A block with a NaN or an infinity has
// q = 0 and a NaN or infinite d, so every product with it is NaN. All levels write
// the same bytes. dst and src must not overlap.
func QuantX(dst []byte, src []float32, planes int) {
	checkPlanes(planes)
	nb := len(src) / KBlock
	if len(src) != nb*KBlock {
		panic("kernels: QuantX: length is not a multiple of 32")
	}
	checkLen("QuantX", "dst", len(dst), XBytes(nb, planes))
	if nb == 0 {
		return
	}
	quantSteps(dst, src, nb, planes)
	quantX(dst, src, nb, planes, allFine)
}

// QuantXAdaptive is QuantX with two planes in which only the blocks with a large
// step are fine: those with d² > ratio·mean(d²) over the row. The error of a product
// is dominated by these few blocks (outlier channels), so a ratio near 1 takes most
// of the error away while most of plane 1 can be skipped. Coarse blocks have the
// precision of one plane.
func QuantXAdaptive(dst []byte, src []float32, ratio float32) {
	nb := len(src) / KBlock
	if len(src) != nb*KBlock {
		panic("kernels: QuantXAdaptive: length is not a multiple of 32")
	}
	checkLen("QuantXAdaptive", "dst", len(dst), XBytes(nb, 2))
	if nb == 0 {
		return
	}
	sum := quantSteps(dst, src, nb, 2)
	coarse := int64(allFine) // also of a row with NaN or Inf
	if limit := float32(math.Sqrt(float64(ratio) * sum / float64(nb))); limit <= math.MaxFloat32 {
		coarse = int64(math.Float32bits(limit))
	}
	quantX(dst, src, nb, 2, coarse)
}

// allFine is the coarse limit that no block is below.
const allFine = -1

// quantSteps writes the step of every block to its header, without the mark of fine
// blocks, and returns the sum of the squares of the steps that fine blocks would have.
func quantSteps(dst []byte, src []float32, nb, planes int) (sum float64) {
	if sum, ok := quantStepsAsm(dst, src, nb, planes); ok {
		return sum
	}
	size := xBlock(planes)
	for b := range nb {
		d := blockStep(src[b*KBlock:(b+1)*KBlock], maxQ(planes))
		binary.LittleEndian.PutUint32(dst[b*size:], math.Float32bits(d))
		if d != 0 {
			d = math.Float32frombits(math.Float32bits(d) | 1)
		}
		sum += float64(float64(d) * float64(d))
	}
	return sum
}

// blockStep returns amax/maxQ, or 0 if that is not normal.
func blockStep(src []float32, maxQ float32) float32 {
	var amax uint32 // |x| compares as an integer, with NaN above everything
	for _, v := range src {
		amax = max(amax, math.Float32bits(v)&0x7fffffff)
	}
	d := math.Float32frombits(amax) / maxQ
	if d < minNormal {
		return 0
	}
	return d
}

// quantX quantizes nb blocks whose steps quantSteps has written. With two planes,
// blocks whose d, as an integer with the lowest bit set, is at most coarse become coarse.
func quantX(dst []byte, src []float32, nb, planes int, coarse int64) {
	if quantXAsm(dst, src, nb, planes, coarse) {
		return
	}
	size := xBlock(planes)
	for b := range nb {
		quantBlock(dst[b*size:(b+1)*size], src[b*KBlock:(b+1)*KBlock], planes, coarse)
	}
}

// quantBlock writes one activation block from its step on.
func quantBlock(dst []byte, src []float32, planes int, coarse int64) {
	d := xHead(dst).d
	var sum [2]int32
	if finite := d <= math.MaxFloat32; d == 0 || !finite {
		clear(dst[xHeader:])
	} else {
		fine := false
		if planes == 2 {
			bits := math.Float32bits(d) | 1
			if fine = int64(bits) > coarse; !fine {
				bits--
			}
			d = math.Float32frombits(bits)
		}
		sum = quantValues(dst[xHeader:], src, 1/d, planes, fine)
	}
	put := func(i int, v uint32) { binary.LittleEndian.PutUint32(dst[4*i:], v) }
	put(0, math.Float32bits(d))
	put(1, math.Float32bits(float32(d*float32(sum[0]+sum[1]))))
	put(2, uint32(-(sum[0]+sum[1])<<7))
	put(3, uint32(-sum[0]<<7))
}

// quantValues writes the planes and returns Σq of the two halves.
func quantValues(dst []byte, src []float32, inv float32, planes int, fine bool) (sum [2]int32) {
	for i, v := range src {
		q := roundEven(float32(v * inv))
		if planes == 1 {
			dst[i] = byte(q)
			sum[i/16] += q
			continue
		}
		hi := (q + 64) >> 7
		if !fine {
			q = hi << 7
		}
		dst[i] = byte(hi)
		dst[KBlock+i] = byte(q - hi<<7)
		sum[i/16] += q
	}
	return sum
}

// roundEven rounds |v| < 2²² to the nearest integer, ties to even: adding 1.5·2²³
// leaves the integer in the low bits of the sum.
func roundEven(v float32) int32 {
	const magic = 0x1.8p23
	return int32(math.Float32bits(float32(v+magic))) - int32(math.Float32bits(magic))
}

// blockHead is the header of an activation block.
type blockHead struct {
	d, s  float32
	n, n0 int32
}

// xHead decodes the header at the start of x.
func xHead(x []byte) blockHead {
	_ = x[15]
	u := binary.LittleEndian.Uint32
	return blockHead{math.Float32frombits(u(x)), math.Float32frombits(u(x[4:])), int32(u(x[8:])), int32(u(x[12:]))}
}
