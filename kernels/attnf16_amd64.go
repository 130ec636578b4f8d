//go:build amd64 && !purego

package kernels

// An accumulator is the same chain of fused multiply-adds in a lane of either
// width, so the width may follow the number of rows without showing in results.

func attnScoresF16(s, q []float32, qStride, rows int, k []byte, dim int, scale float32) {
	switch {
	case level >= AVX512 && !splitZMM:
		for r := 0; r < rows; {
			n := attnTile512(rows-r, 12)
			attnScoresF16TileAVX512(&s[r*Slots], &q[r*qStride], qStride, n, &k[0], dim, scale)
			r += n
		}
	case level >= AVX2:
		for r := 0; r < rows; {
			n := attnTile2(rows - r)
			attnScoresF16TileAVX2(&s[r*Slots], &q[r*qStride], qStride, n, &k[0], dim, scale)
			r += n
		}
	default:
		attnScoresF16Generic(s, q, qStride, rows, k, dim, scale)
	}
}

func attnAccumF16(acc []float32, accStride int, p, c []float32, rows int, v []byte, dim, n int) {
	switch {
	case level >= AVX512 && (!splitZMM || rows > 3 || dim%32 != 0):
		d := 0
		for ; d+64 <= dim; d += 64 {
			for r := 0; r < rows; {
				t := attnTile512(rows-r, 6)
				attnAccumF16TileAVX512(&acc[r*accStride+d], accStride, &p[r*Slots], &c[r], t, &v[2*d], dim, n)
				r += t
			}
		}
		for ; d < dim; d += 16 {
			for r := 0; r < rows; {
				t := attnTile512(rows-r, 6)
				attnAccumF16NarrowAVX512(&acc[r*accStride+d], accStride, &p[r*Slots], &c[r], t, &v[2*d], dim, n, min(16, dim-d))
				r += t
			}
		}
	case level >= AVX2:
		d := 0
		for ; d+32 <= dim; d += 32 {
			for r := 0; r < rows; {
				t := attnTile2(rows - r)
				attnAccumF16TileAVX2(&acc[r*accStride+d], accStride, &p[r*Slots], &c[r], t, &v[2*d], dim, n)
				r += t
			}
		}
		if d < dim {
			attnAccumConverted(acc[d:], accStride, p, c, rows, v[2*d:], dim, n, dim-d)
		}
	default:
		attnAccumF16Generic(acc, accStride, p, c, rows, v, dim, n)
	}
}
