//go:build amd64 && !purego

package kernels

// The tiles of attention over half floats in assembly.

func attnScoresF16TileAVX512(s, q *float32, qStride, rows int, k *byte, dim int, scale float32) {
	switch rows {
	case 12:
		attnScoresF16x12AVX512(s, q, qStride, k, dim, scale)
	case 6:
		attnScoresF16x6AVX512(s, q, qStride, k, dim, scale)
	case 4:
		attnScoresF16x4AVX512(s, q, qStride, k, dim, scale)
	case 3:
		attnScoresF16x3AVX512(s, q, qStride, k, dim, scale)
	case 2:
		attnScoresF16x2AVX512(s, q, qStride, k, dim, scale)
	case 1:
		attnScoresF16x1AVX512(s, q, qStride, k, dim, scale)
	}
}

func attnScoresF16TileAVX2(s, q *float32, qStride, rows int, k *byte, dim int, scale float32) {
	switch rows {
	case 3:
		attnScoresF16x3AVX2(s, q, qStride, k, dim, scale)
	case 2:
		attnScoresF16x2AVX2(s, q, qStride, k, dim, scale)
	case 1:
		attnScoresF16x1AVX2(s, q, qStride, k, dim, scale)
	}
}

func attnAccumF16TileAVX512(acc *float32, accStride int, p, c *float32, rows int, v *byte, dim, n int) {
	switch rows {
	case 6:
		attnAccumF16x6AVX512(acc, accStride, p, c, v, dim, n)
	case 4:
		attnAccumF16x4AVX512(acc, accStride, p, c, v, dim, n)
	case 3:
		attnAccumF16x3AVX512(acc, accStride, p, c, v, dim, n)
	case 2:
		attnAccumF16x2AVX512(acc, accStride, p, c, v, dim, n)
	case 1:
		attnAccumF16x1AVX512(acc, accStride, p, c, v, dim, n)
	}
}

func attnAccumF16NarrowAVX512(acc *float32, accStride int, p, c *float32, rows int, v *byte, dim, n, width int) {
	switch rows {
	case 6:
		attnAccumF16x6w16AVX512(acc, accStride, p, c, v, dim, n, width)
	case 4:
		attnAccumF16x4w16AVX512(acc, accStride, p, c, v, dim, n, width)
	case 3:
		attnAccumF16x3w16AVX512(acc, accStride, p, c, v, dim, n, width)
	case 2:
		attnAccumF16x2w16AVX512(acc, accStride, p, c, v, dim, n, width)
	case 1:
		attnAccumF16x1w16AVX512(acc, accStride, p, c, v, dim, n, width)
	}
}

func attnAccumF16TileAVX2(acc *float32, accStride int, p, c *float32, rows int, v *byte, dim, n int) {
	switch rows {
	case 3:
		attnAccumF16x3AVX2(acc, accStride, p, c, v, dim, n)
	case 2:
		attnAccumF16x2AVX2(acc, accStride, p, c, v, dim, n)
	case 1:
		attnAccumF16x1AVX2(acc, accStride, p, c, v, dim, n)
	}
}

//go:noescape
func attnScoresF16x12AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)

//go:noescape
func attnScoresF16x6AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)

//go:noescape
func attnScoresF16x4AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)

//go:noescape
func attnScoresF16x3AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)

//go:noescape
func attnScoresF16x2AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)

//go:noescape
func attnScoresF16x1AVX512(s, q *float32, qStride int, k *byte, dim int, scale float32)

//go:noescape
func attnScoresF16x3AVX2(s, q *float32, qStride int, k *byte, dim int, scale float32)

//go:noescape
func attnScoresF16x2AVX2(s, q *float32, qStride int, k *byte, dim int, scale float32)

//go:noescape
func attnScoresF16x1AVX2(s, q *float32, qStride int, k *byte, dim int, scale float32)

//go:noescape
func attnAccumF16x6AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)

//go:noescape
func attnAccumF16x4AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)

//go:noescape
func attnAccumF16x3AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)

//go:noescape
func attnAccumF16x2AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)

//go:noescape
func attnAccumF16x1AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)

//go:noescape
func attnAccumF16x6w16AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n, width int)

//go:noescape
func attnAccumF16x4w16AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n, width int)

//go:noescape
func attnAccumF16x3w16AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n, width int)

//go:noescape
func attnAccumF16x2w16AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n, width int)

//go:noescape
func attnAccumF16x1w16AVX512(acc *float32, accStride int, p, c *float32, v *byte, dim, n, width int)

//go:noescape
func attnAccumF16x3AVX2(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)

//go:noescape
func attnAccumF16x2AVX2(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)

//go:noescape
func attnAccumF16x1AVX2(acc *float32, accStride int, p, c *float32, v *byte, dim, n int)
