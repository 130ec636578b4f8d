package kernels

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Attention over 16-bit integers. A vector is stored as int16 codes times one f32
// scale of its own. Tiles hold pairs, as the dot products of pairs want them:
//
//	K tile  int16 [pair of dims][Slots][2], then f32 scale[Slots]
//	V tile  int16 [pair of slots][dim][2], then f32 scale[Slots]
//
// An odd dim is padded with a zero. Sums of products are exact in int32: a key and
// a query are scaled to a norm of at most 46300, so that their product stays below
// 2³¹ (Cauchy and Schwarz); a value to 14 bits and a weight to 12, times 32 slots.
// Everything else is rounded step by step, without fused operations: all levels
// give the same bits.
const (
	keyNorm   = 46300 // 46300 and the rounding of up to 4096 dims stay below √2³¹
	keyMax    = math.MaxInt16
	valueMax  = 1<<14 - 1
	weightMax = 1 << 12
	// weightFloor is the least largest weight of a block that is scaled up to
	// weightMax: the step of smaller ones would not be a normal number.
	weightFloor = 1e-30
)

// I16Width is the number of codes that a vector of dim values takes.
func I16Width(dim int) int { return dim + dim&1 }

// I16RowBytes is the size of one encoded vector: its codes, then its scale.
func I16RowBytes(dim int) int { return 2*I16Width(dim) + 4 }

// i16Scales is where the scales of a tile begin.
func i16Scales(dim int) int { return 2 * Slots * I16Width(dim) }

// EncodeKeyI16 writes the codes of a key or query x, I16Width(len(x)) of them,
// little-endian, to dst, and returns their scale: x ≈ scale·code with
//
//	scale = max(|x|₂/46300, max|x|/32767), code = rne(x·(1/scale))
//
// A vector whose scale would be subnormal becomes zeros with scale 0; one with a
// NaN or an infinity has such a scale.
func EncodeKeyI16(dst []byte, x []float32) float32 { return encodeI16(dst, x, keyNorm, keyMax) }

// EncodeValueI16 is EncodeKeyI16 for a value: scale = max|x|/16383.
func EncodeValueI16(dst []byte, x []float32) float32 {
	return encodeI16(dst, x, float32(math.Inf(1)), valueMax)
}

func encodeI16(dst []byte, x []float32, maxNorm, maxAbs float32) float32 {
	if n := I16Width(len(x)); n > len(x) {
		binary.LittleEndian.PutUint16(dst[2*len(x):2*n], 0)
	}
	checkLen("EncodeI16", "dst", len(dst), 2*len(x))
	if len(x) == 0 {
		return 0
	}
	return quantI16(dst, x, maxNorm, maxAbs)
}

// AttnScoresI16 computes the scores of rows queries against one K tile:
//
//	s[r*32+j] = float32(Σ_d q[r][d]·k[j][d]) · scale[j] · qs[r]
//
// q holds rows of I16Width(dim) codes, qs their scales times whatever else is to
// multiply the scores. The result of a row does not depend on the other rows.
func AttnScoresI16(s []float32, q []byte, qs []float32, rows int, k []byte, dim int) {
	if rows <= 0 {
		return
	}
	width := 2 * I16Width(dim)
	if dim <= 0 || len(s) < rows*Slots || len(q) < rows*width || len(qs) < rows || len(k) < Slots*I16RowBytes(dim) {
		panic(fmt.Sprintf("kernels: scores of %d rows of %d: s %d, q %d bytes, qs %d, k %d bytes",
			rows, dim, len(s), len(q), len(qs), len(k)))
	}
	step := max(2*attnPiece/(dim*Slots), 1)
	for r := 0; r < rows; r += step {
		n := min(step, rows-r)
		attnScoresI16(s[r*Slots:], q[r*width:], qs[r:], n, k, dim)
	}
}

// AttnWeightsI16 quantizes the weights p of rows rows of 32 slots for
// AttnAccumI16. Each is first multiplied by the scale of its value in the V tile v
// (slots from n on, finite in p, count as 0), then, with t the largest of a row:
//
//	w[r][j] = rne(p[r][j]·scale[j]·(4096/t)), ws[r] = t/4096, t at least 1e-30
//
// w takes rows·64 bytes, little-endian. A NaN among the products makes ws NaN.
func AttnWeightsI16(w []byte, ws, p []float32, rows int, v []byte, dim, n int) {
	if rows <= 0 {
		return
	}
	if dim <= 0 || n < 0 || n > Slots || len(w) < 2*rows*Slots || len(ws) < rows || len(p) < rows*Slots ||
		len(v) < Slots*I16RowBytes(dim) {
		panic(fmt.Sprintf("kernels: weights of %d rows, %d slots of %d: w %d bytes, ws %d, p %d, v %d bytes",
			rows, n, dim, len(w), len(ws), len(p), len(v)))
	}
	const step = 256
	for r := 0; r < rows; r += step {
		m := min(step, rows-r)
		attnWeightsI16(w[2*r*Slots:], ws[r:], p[r*Slots:], m, v[i16Scales(dim):], n)
	}
}

// AttnAccumI16 adds the values of the first n slots of one V tile to the
// accumulators of rows rows:
//
//	acc[r*accStride+d] = acc·c[r] + float32(Σ_{j<n} w[r][j]·v[j][d])·ws[r]
//
// with w and ws of AttnWeightsI16, whose n must be the same. Each operation is
// rounded. The result of a row does not depend on the other rows.
func AttnAccumI16(acc []float32, accStride int, w []byte, ws, c []float32, rows int, v []byte, dim, n int) {
	if rows <= 0 {
		return
	}
	if dim <= 0 || n < 0 || n > Slots || len(w) < 2*rows*Slots || len(ws) < rows || len(c) < rows ||
		len(v) < Slots*I16RowBytes(dim) || len(acc) < (rows-1)*accStride+dim {
		panic(fmt.Sprintf("kernels: accumulate %d rows of %d over %d slots: acc %d (stride %d), w %d bytes, ws %d, c %d, v %d bytes",
			rows, dim, n, len(acc), accStride, len(w), len(ws), len(c), len(v)))
	}
	if n == 0 {
		for r := range rows {
			scale(acc[r*accStride:r*accStride+dim], acc[r*accStride:], c[r])
		}
		return
	}
	step := max(2*attnPiece/(dim*Slots), 1)
	for r := 0; r < rows; r += step {
		m := min(step, rows-r)
		attnAccumI16(acc[r*accStride:], accStride, w[2*r*Slots:], ws[r:], c[r:], m, v, dim, (n+1)/2)
	}
}

// I16KeysToF32 decodes a K tile to f32 [dim][Slots].
func I16KeysToF32(dst []float32, k []byte, dim int) {
	if dim <= 0 || len(dst) < dim*Slots || len(k) < Slots*I16RowBytes(dim) {
		panic(fmt.Sprintf("kernels: decode keys of %d: dst %d, k %d bytes", dim, len(dst), len(k)))
	}
	i16KeysToF32(dst, k, dim)
}

func i16At(b []byte, i int) float32 {
	return float32(int16(binary.LittleEndian.Uint16(b[2*i:])))
}

func f32At(b []byte, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
}
