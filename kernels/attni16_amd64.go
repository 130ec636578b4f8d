//go:build amd64 && !purego

package kernels

// Argument structs of the generated kernels; strides are in bytes.

type scoresI16Args struct {
	s       *float32
	q       *byte
	qStride int
	qs      *float32
	k, ks   *byte
	pairs   int
}

type accumI16Args struct {
	acc       *float32
	accStride int
	p         *byte
	ps, c     *float32
	v         *byte
	vStride   int
	pairs     int
	width     int // dims of a narrow tile
}

func quantI16(dst []byte, x []float32, maxNorm, maxAbs float32) float32 {
	if level < AVX2 || len(x)%16 != 0 || len(x) > pieceLen {
		return quantI16Generic(dst, x, maxNorm, maxAbs)
	}
	return quantI16AVX2(&dst[0], &x[0], len(x), maxNorm, maxAbs)
}

func i16KeysToF32(dst []float32, k []byte, dim int) {
	if level < AVX2 || dim%2 != 0 {
		i16KeysToF32Generic(dst, k, dim)
		return
	}
	i16KeysToF32AVX2(&dst[0], &k[0], &k[i16Scales(dim)], dim/2)
}

func attnScoresI16(s []float32, q []byte, qs []float32, rows int, k []byte, dim int) {
	if level < AVX2 {
		attnScoresI16Generic(s, q, qs, rows, k, dim)
		return
	}
	width := 2 * I16Width(dim)
	a := scoresI16Args{qStride: width, k: &k[0], ks: &k[i16Scales(dim)], pairs: width / 4}
	wide := useVNNI()
	for r := 0; r < rows; {
		a.s, a.q, a.qs = &s[r*Slots], &q[r*width], &qs[r]
		if wide {
			n := attnTile512(rows-r, 12)
			scoresI16AVX512(&a, n)
			r += n
		} else {
			n := attnTile512(rows-r, 6)
			scoresI16AVX2(&a, n)
			r += n
		}
	}
}

func attnWeightsI16(w []byte, ws, p []float32, rows int, scales []byte, n int) {
	switch {
	case level >= AVX512:
		attnWeightsI16AVX512(&w[0], &ws[0], &p[0], &scales[0], rows, n)
	case level >= AVX2:
		attnWeightsI16AVX2(&w[0], &ws[0], &p[0], &scales[0], rows, n)
	default:
		attnWeightsI16Generic(w, ws, p, rows, scales, n)
	}
}

// attnAccumI16 walks blocks of dimensions outside, so that a block of V stays in
// the first-level cache for all rows.
func attnAccumI16(acc []float32, accStride int, w []byte, ws, c []float32, rows int, v []byte, dim, pairs int) {
	if level < AVX2 {
		attnAccumI16Generic(acc, accStride, w, ws, c, rows, v, dim, pairs)
		return
	}
	a := accumI16Args{accStride: 4 * accStride, vStride: 4 * dim, pairs: pairs}
	wide, block, narrow := useVNNI(), 16, 8
	if wide {
		block, narrow = 64, 16
	}
	for d := 0; d < dim; {
		step, variant := block, 0
		if dim-d < block {
			step, variant = min(narrow, dim-d), 6
		}
		a.v, a.width = &v[4*d], step
		for r := 0; r < rows; {
			n := attnTile512(rows-r, 6)
			a.acc, a.p, a.ps, a.c = &acc[r*accStride+d], &w[2*r*Slots], &ws[r], &c[r]
			if wide {
				accumI16AVX512(&a, variant+n)
			} else {
				accumI16AVX2(&a, variant+n)
			}
			r += n
		}
		d += step
	}
}

//go:noescape
func quantI16AVX2(dst *byte, x *float32, n int, maxNorm, maxAbs float32) (scale float32)

//go:noescape
func i16KeysToF32AVX2(dst *float32, k, scales *byte, pairs int)

//go:noescape
func attnWeightsI16AVX512(w *byte, ws, p *float32, scales *byte, rows, n int)

//go:noescape
func attnWeightsI16AVX2(w *byte, ws, p *float32, scales *byte, rows, n int)
