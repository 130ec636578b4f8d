//go:build amd64 && !purego

package kernels

// The tiles of attention in assembly, chosen by their number of rows.

func attnScoresTileAVX512(s, q *float32, qStride, rows int, k *float32, dim int, scale float32) {
	switch rows {
	case 12:
		attnScoresx12AVX512(s, q, qStride, k, dim, scale)
	case 6:
		attnScoresx6AVX512(s, q, qStride, k, dim, scale)
	case 4:
		attnScoresx4AVX512(s, q, qStride, k, dim, scale)
	case 3:
		attnScoresx3AVX512(s, q, qStride, k, dim, scale)
	case 2:
		attnScoresx2AVX512(s, q, qStride, k, dim, scale)
	case 1:
		attnScoresx1AVX512(s, q, qStride, k, dim, scale)
	}
}

func attnScoresTileAVX2(s, q *float32, qStride, rows int, k *float32, dim int, scale float32) {
	switch rows {
	case 3:
		attnScoresx3AVX2(s, q, qStride, k, dim, scale)
	case 2:
		attnScoresx2AVX2(s, q, qStride, k, dim, scale)
	case 1:
		attnScoresx1AVX2(s, q, qStride, k, dim, scale)
	}
}

func attnAccumTileAVX512(acc *float32, accStride int, p, c *float32, rows int, v *float32, dim, n int) {
	switch rows {
	case 6:
		attnAccumx6AVX512(acc, accStride, p, c, v, dim, n)
	case 4:
		attnAccumx4AVX512(acc, accStride, p, c, v, dim, n)
	case 3:
		attnAccumx3AVX512(acc, accStride, p, c, v, dim, n)
	case 2:
		attnAccumx2AVX512(acc, accStride, p, c, v, dim, n)
	case 1:
		attnAccumx1AVX512(acc, accStride, p, c, v, dim, n)
	}
}

func attnAccumNarrowAVX512(acc *float32, accStride int, p, c *float32, rows int, v *float32, dim, n, width int) {
	switch rows {
	case 6:
		attnAccumx6w16AVX512(acc, accStride, p, c, v, dim, n, width)
	case 4:
		attnAccumx4w16AVX512(acc, accStride, p, c, v, dim, n, width)
	case 3:
		attnAccumx3w16AVX512(acc, accStride, p, c, v, dim, n, width)
	case 2:
		attnAccumx2w16AVX512(acc, accStride, p, c, v, dim, n, width)
	case 1:
		attnAccumx1w16AVX512(acc, accStride, p, c, v, dim, n, width)
	}
}

func attnAccumTileAVX2(acc *float32, accStride int, p, c *float32, rows int, v *float32, dim, n int) {
	switch rows {
	case 3:
		attnAccumx3AVX2(acc, accStride, p, c, v, dim, n)
	case 2:
		attnAccumx2AVX2(acc, accStride, p, c, v, dim, n)
	case 1:
		attnAccumx1AVX2(acc, accStride, p, c, v, dim, n)
	}
}

func attnAccumNarrowAVX2(acc *float32, accStride int, p, c *float32, rows int, v *float32, dim, n, width int) {
	switch rows {
	case 6:
		attnAccumx6w8AVX2(acc, accStride, p, c, v, dim, n, width)
	case 3:
		attnAccumx3w8AVX2(acc, accStride, p, c, v, dim, n, width)
	case 2:
		attnAccumx2w8AVX2(acc, accStride, p, c, v, dim, n, width)
	case 1:
		attnAccumx1w8AVX2(acc, accStride, p, c, v, dim, n, width)
	}
}

//go:noescape
func attnScoresx12AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)

//go:noescape
func attnScoresx6AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)

//go:noescape
func attnScoresx4AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)

//go:noescape
func attnScoresx3AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)

//go:noescape
func attnScoresx2AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)

//go:noescape
func attnScoresx1AVX512(s, q *float32, qStride int, k *float32, dim int, scale float32)

//go:noescape
func attnScoresx3AVX2(s, q *float32, qStride int, k *float32, dim int, scale float32)

//go:noescape
func attnScoresx2AVX2(s, q *float32, qStride int, k *float32, dim int, scale float32)

//go:noescape
func attnScoresx1AVX2(s, q *float32, qStride int, k *float32, dim int, scale float32)

//go:noescape
func attnAccumx6AVX512(acc *float32, accStride int, p, c *float32, v *float32, dim, n int)

//go:noescape
func attnAccumx4AVX512(acc *float32, accStride int, p, c *float32, v *float32, dim, n int)

//go:noescape
func attnAccumx3AVX512(acc *float32, accStride int, p, c *float32, v *float32, dim, n int)

//go:noescape
func attnAccumx2AVX512(acc *float32, accStride int, p, c *float32, v *float32, dim, n int)

//go:noescape
func attnAccumx1AVX512(acc *float32, accStride int, p, c *float32, v *float32, dim, n int)

//go:noescape
func attnAccumx6w16AVX512(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)

//go:noescape
func attnAccumx4w16AVX512(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)

//go:noescape
func attnAccumx3w16AVX512(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)

//go:noescape
func attnAccumx2w16AVX512(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)

//go:noescape
func attnAccumx1w16AVX512(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)

//go:noescape
func attnAccumx3AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n int)

//go:noescape
func attnAccumx2AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n int)

//go:noescape
func attnAccumx1AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n int)

//go:noescape
func attnAccumx6w8AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)

//go:noescape
func attnAccumx3w8AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)

//go:noescape
func attnAccumx2w8AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)

//go:noescape
func attnAccumx1w8AVX2(acc *float32, accStride int, p, c *float32, v *float32, dim, n, width int)

//go:noescape
func attnSoftmaxRowsAVX512(s, m, l, c *float32, rows int)

//go:noescape
func attnSoftmaxRowsAVX2(s, m, l, c *float32, rows int)

//go:noescape
func attnSoftmaxManyAVX512(s, m, l, c *float32, rows int)

//go:noescape
func attnSoftmaxManyAVX2(s, m, l, c *float32, rows int)
