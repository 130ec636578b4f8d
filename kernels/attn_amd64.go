//go:build amd64 && !purego

package kernels

func attnSoftmax(s *[Slots]float32, m, l *float32) float32 { return attnSoftmaxGeneric(s, m, l) }
func attnSoftmaxRows(s, m, l, c []float32, rows int)       { attnSoftmaxRowsGeneric(s, m, l, c, rows) }

func attnScores(s, q []float32, qStride, rows int, k []float32, dim int, scale float32) {
	attnScoresGeneric(s, q, qStride, rows, k, dim, scale)
}

func attnAccum(acc []float32, accStride int, p, c []float32, rows int, v []float32, dim, n int) {
	attnAccumGeneric(acc, accStride, p, c, rows, v, dim, n)
}
