//go:build !amd64 || purego

package kernels

func attnScoresF16(s, q []float32, qStride, rows int, k []byte, dim int, scale float32) {
	attnScoresF16Generic(s, q, qStride, rows, k, dim, scale)
}

func attnAccumF16(acc []float32, accStride int, p, c []float32, rows int, v []byte, dim, n int) {
	attnAccumF16Generic(acc, accStride, p, c, rows, v, dim, n)
}
