package kernels

import "fmt"

// AttnScoresF16 is AttnScores over a K tile of little-endian half floats, dim·64
// bytes of it: bit for bit what AttnScores gives for the converted tile. It saves
// the conversion where a tile serves few rows, as in decoding.
func AttnScoresF16(s []float32, q []float32, qStride, rows int, k []byte, dim int, scale float32) {
	if rows <= 0 {
		return
	}
	if dim <= 0 || len(s) < rows*Slots || len(k) < 2*dim*Slots || len(q) < (rows-1)*qStride+dim {
		panic(fmt.Sprintf("kernels: scores of %d rows of %d: s %d, q %d (stride %d), k %d bytes",
			rows, dim, len(s), len(q), qStride, len(k)))
	}
	step := max(attnPiece/(dim*Slots), 1)
	for r := 0; r < rows; r += step {
		n := min(step, rows-r)
		attnScoresF16(s[r*Slots:], q[r*qStride:], qStride, n, k, dim, scale)
	}
}

// AttnAccumF16 is AttnAccum over a V tile of little-endian half floats, n·dim·2
// bytes of it: bit for bit what AttnAccum gives for the converted tile.
func AttnAccumF16(acc []float32, accStride int, p []float32, c []float32, rows int, v []byte, dim int, n int) {
	if rows <= 0 {
		return
	}
	if dim <= 0 || n < 0 || n > Slots || len(p) < rows*Slots || len(c) < rows || len(v) < 2*n*dim ||
		len(acc) < (rows-1)*accStride+dim {
		panic(fmt.Sprintf("kernels: accumulate %d rows of %d over %d slots: acc %d (stride %d), p %d, c %d, v %d bytes",
			rows, dim, n, len(acc), accStride, len(p), len(c), len(v)))
	}
	if n == 0 {
		AttnAccum(acc, accStride, p, c, rows, nil, dim, 0)
		return
	}
	step := max(attnPiece/(dim*Slots), 1)
	for r := 0; r < rows; r += step {
		m := min(step, rows-r)
		attnAccumF16(acc[r*accStride:], accStride, p[r*Slots:], c[r:], m, v, dim, n)
	}
}

// halfBlock is the number of dimensions that the twins convert at a time.
const halfBlock = 64

// attnScoresF16Generic converts blocks of dimensions and carries the sums of
// attnScoresGeneric from block to block in s: a product with 1 does not round.
func attnScoresF16Generic(s, q []float32, qStride, rows int, k []byte, dim int, scale float32) {
	var block [halfBlock * Slots]float32
	clear(s[:rows*Slots])
	for d := 0; d < dim; d += halfBlock {
		n := min(halfBlock, dim-d)
		part := block[:n*Slots]
		f16ToF32Generic(part, k[2*d*Slots:])
		for r := range rows {
			addScoresGeneric(s[r*Slots:(r+1)*Slots], q[r*qStride+d:r*qStride+d+n], part)
		}
	}
	scaleGeneric(s[:rows*Slots], s, scale)
}

// addScoresGeneric adds the products of a part of one query with its part of a K
// tile to the sums in s, in the order of attnScoresGeneric.
func addScoresGeneric(s, q, k []float32) {
	for d, x := range q {
		row := k[d*Slots : (d+1)*Slots]
		for j, v := range row {
			s[j] += float32(x * v)
		}
	}
}

// attnAccumF16Generic converts blocks of dimensions of all slots.
func attnAccumF16Generic(acc []float32, accStride int, p, c []float32, rows int, v []byte, dim, n int) {
	for d := 0; d < dim; d += halfBlock {
		attnAccumConverted(acc[d:], accStride, p, c, rows, v[2*d:], dim, n, min(halfBlock, dim-d))
	}
}

// attnAccumConverted converts width (≤ halfBlock) columns of a V tile whose rows
// are dim wide, and accumulates them.
func attnAccumConverted(acc []float32, accStride int, p, c []float32, rows int, v []byte, dim, n, width int) {
	var block [halfBlock * Slots]float32
	for j := range n {
		f16ToF32(block[j*width:(j+1)*width], v[2*j*dim:2*j*dim+2*width])
	}
	attnAccum(acc, accStride, p, c, rows, block[:n*width], width, n)
}
