//go:build !amd64 || purego

package kernels

func quantI16(dst []byte, x []float32, maxNorm, maxAbs float32) float32 {
	return quantI16Generic(dst, x, maxNorm, maxAbs)
}

func i16KeysToF32(dst []float32, k []byte, dim int) { i16KeysToF32Generic(dst, k, dim) }

func attnScoresI16(s []float32, q []byte, qs []float32, rows int, k []byte, dim int) {
	attnScoresI16Generic(s, q, qs, rows, k, dim)
}

func attnWeightsI16(w []byte, ws, p []float32, rows int, scales []byte, n int) {
	attnWeightsI16Generic(w, ws, p, rows, scales, n)
}

func attnAccumI16(acc []float32, accStride int, w []byte, ws, c []float32, rows int, v []byte, dim, pairs int) {
	attnAccumI16Generic(acc, accStride, w, ws, c, rows, v, dim, pairs)
}
