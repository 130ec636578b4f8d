package kernels

import "fmt"

// Slots is the number of cache slots in a tile of attention: K tiles are
// [dim][Slots] (dimension-major), V tiles are [Slots][dim].
const Slots = 32

// attnPiece bounds the multiply-adds of one call into assembly.
const attnPiece = 1 << 19

// AttnScores computes the scores of rows query vectors against one K tile:
//
//	s[r*32+j] = scale · Σ_d q[r*qStride+d] · k[d*32+j]    (fused, d ascending)
//
// s holds rows·32 elements, k dim·32. dim is any positive number; multiples of 2
// up to 1024 are tested. The result of a row does not depend on the other rows
// nor on their number.
func AttnScores(s []float32, q []float32, qStride, rows int, k []float32, dim int, scale float32) {
	if rows <= 0 {
		return
	}
	if dim <= 0 || len(s) < rows*Slots || len(k) < dim*Slots || len(q) < (rows-1)*qStride+dim {
		panic(fmt.Sprintf("kernels: scores of %d rows of %d: s %d, q %d (stride %d), k %d",
			rows, dim, len(s), len(q), qStride, len(k)))
	}
	step := max(attnPiece/(dim*Slots), 1)
	for r := 0; r < rows; r += step {
		n := min(step, rows-r)
		attnScores(s[r*Slots:], q[r*qStride:], qStride, n, k, dim, scale)
	}
}

// AttnSoftmax is one step of the online softmax (Milakov and Gimelshein, 2018,
// algorithm 3) for one row of 32 scores. s holds scores, masked ones -Inf, and
// becomes the unnormalised weights; m is the running maximum (-Inf at first), l
// the running sum:
//
//	M = max(m, max s); c = e^(m-M); s[j] = e^(s[j]-M); l = l·c + Σ s[j]; m = M
//
// It returns c, the factor for what was accumulated before: 1 when the maximum
// did not change, 0 when m was -Inf. When every score so far is -Inf, s becomes
// zeros, c is 1, and m and l stay. The sum runs in a fixed order.
func AttnSoftmax(s []float32, m, l *float32) (c float32) {
	return attnSoftmax((*[Slots]float32)(s), m, l)
}

// AttnSoftmaxRows applies AttnSoftmax to rows consecutive rows of s with the
// running values m[r] and l[r], and stores the factors in c[r]: the same results
// in one call.
func AttnSoftmaxRows(s, m, l, c []float32, rows int) {
	if rows <= 0 {
		return
	}
	if len(s) < rows*Slots || len(m) < rows || len(l) < rows || len(c) < rows {
		panic(fmt.Sprintf("kernels: softmax of %d rows: s %d, m %d, l %d, c %d", rows, len(s), len(m), len(l), len(c)))
	}
	const step = 256
	for r := 0; r < rows; r += step {
		n := min(step, rows-r)
		attnSoftmaxRows(s[r*Slots:], m[r:], l[r:], c[r:], n)
	}
}

// AttnAccum adds the values of the first n slots of one V tile, weighted by p, to
// the accumulators of rows rows:
//
//	acc[r*accStride+d] = acc·c[r] + Σ_{j<n} p[r*32+j] · v[j*dim+d]  (fused, j ascending)
//
// The product with c[r] is rounded before the first addition. p holds rows·32
// elements, v n·dim, n is 0 to 32, dim as in AttnScores. The result of a row does
// not depend on the other rows nor on their number.
func AttnAccum(acc []float32, accStride int, p []float32, c []float32, rows int, v []float32, dim int, n int) {
	if rows <= 0 {
		return
	}
	if dim <= 0 || n < 0 || n > Slots || len(p) < rows*Slots || len(c) < rows || len(v) < n*dim ||
		len(acc) < (rows-1)*accStride+dim {
		panic(fmt.Sprintf("kernels: accumulate %d rows of %d over %d slots: acc %d (stride %d), p %d, c %d, v %d",
			rows, dim, n, len(acc), accStride, len(p), len(c), len(v)))
	}
	if n == 0 {
		for r := range rows {
			scale(acc[r*accStride:r*accStride+dim], acc[r*accStride:], c[r])
		}
		return
	}
	step := max(attnPiece/(dim*Slots), 1)
	for r := 0; r < rows; r += step {
		m := min(step, rows-r)
		attnAccum(acc[r*accStride:], accStride, p[r*Slots:], c[r:], m, v, dim, n)
	}
}
