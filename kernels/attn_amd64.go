//go:build amd64 && !purego

package kernels

// attnTiles512 gives the rows of the next tile for 1 to 11 rows left: 6, 4, 3, 2
// and 1 are there, and even tiles keep the multiply-adds busier than a wide one
// with a narrow rest.
var attnTiles512 = [...]int{1: 1, 2: 2, 3: 3, 4: 4, 5: 3, 6: 6, 7: 4, 8: 4, 9: 6, 10: 6, 11: 4}

// attnTile512 returns the rows of the next tile, at most widest (6 or 12).
func attnTile512(rows, widest int) int {
	if rows >= len(attnTiles512) {
		return widest
	}
	return attnTiles512[rows]
}

// attnTile2 returns the rows of the next tile at AVX2, which has 3, 2 and 1.
func attnTile2(rows int) int {
	if rows == 4 {
		return 2
	}
	return min(rows, 3)
}

func attnScores(s, q []float32, qStride, rows int, k []float32, dim int, scale float32) {
	switch {
	case level >= AVX512:
		for r := 0; r < rows; {
			n := attnTile512(rows-r, 12)
			attnScoresTileAVX512(&s[r*Slots], &q[r*qStride], qStride, n, &k[0], dim, scale)
			r += n
		}
	case level >= AVX2:
		for r := 0; r < rows; {
			n := attnTile2(rows - r)
			attnScoresTileAVX2(&s[r*Slots], &q[r*qStride], qStride, n, &k[0], dim, scale)
			r += n
		}
	default:
		attnScoresGeneric(s, q, qStride, rows, k, dim, scale)
	}
}

// attnAccum walks blocks of dimensions outside, so that a block of V stays in the
// first-level cache for all rows.
func attnAccum(acc []float32, accStride int, p, c []float32, rows int, v []float32, dim, n int) {
	switch {
	case level >= AVX512:
		d := 0
		for ; d+64 <= dim; d += 64 {
			for r := 0; r < rows; {
				t := attnTile512(rows-r, 6)
				attnAccumTileAVX512(&acc[r*accStride+d], accStride, &p[r*Slots], &c[r], t, &v[d], dim, n)
				r += t
			}
		}
		for ; d < dim; d += 16 {
			for r := 0; r < rows; {
				t := attnTile512(rows-r, 6)
				attnAccumNarrowAVX512(&acc[r*accStride+d], accStride, &p[r*Slots], &c[r], t, &v[d], dim, n, min(16, dim-d))
				r += t
			}
		}
	case level >= AVX2:
		d := 0
		for ; d+32 <= dim; d += 32 {
			for r := 0; r < rows; {
				t := attnTile2(rows - r)
				attnAccumTileAVX2(&acc[r*accStride+d], accStride, &p[r*Slots], &c[r], t, &v[d], dim, n)
				r += t
			}
		}
		for ; d < dim; d += 8 {
			for r := 0; r < rows; {
				t := attnTile2(rows - r)
				if rows-r >= 6 {
					t = 6
				}
				attnAccumNarrowAVX2(&acc[r*accStride+d], accStride, &p[r*Slots], &c[r], t, &v[d], dim, n, min(8, dim-d))
				r += t
			}
		}
	default:
		attnAccumGeneric(acc, accStride, p, c, rows, v, dim, n)
	}
}

func attnSoftmax(s *[Slots]float32, m, l *float32) float32 {
	var c float32
	switch {
	case level >= AVX512:
		attnSoftmaxRowsAVX512(&s[0], m, l, &c, 1)
	case level >= AVX2:
		attnSoftmaxRowsAVX2(&s[0], m, l, &c, 1)
	default:
		c = attnSoftmaxGeneric(s, m, l)
	}
	return c
}

// manyRows is the number of rows from which passes over all rows beat one row at
// a time.
const manyRows = 6

func attnSoftmaxRows(s, m, l, c []float32, rows int) {
	switch {
	case level >= AVX512 && rows >= manyRows:
		attnSoftmaxManyAVX512(&s[0], &m[0], &l[0], &c[0], rows)
	case level >= AVX512:
		attnSoftmaxRowsAVX512(&s[0], &m[0], &l[0], &c[0], rows)
	case level >= AVX2 && rows >= manyRows:
		attnSoftmaxManyAVX2(&s[0], &m[0], &l[0], &c[0], rows)
	case level >= AVX2:
		attnSoftmaxRowsAVX2(&s[0], &m[0], &l[0], &c[0], rows)
	default:
		attnSoftmaxRowsGeneric(s, m, l, c, rows)
	}
}
