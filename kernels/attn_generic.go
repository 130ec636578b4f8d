package kernels

import "math"

// attnScoresGeneric keeps eight slots of a row in registers while it walks the
// dimensions.
func attnScoresGeneric(s, q []float32, qStride, rows int, k []float32, dim int, scale float32) {
	for r := range rows {
		row := q[r*qStride : r*qStride+dim]
		for j := 0; j < Slots; j += 8 {
			var a0, a1, a2, a3, a4, a5, a6, a7 float32
			for d, x := range row {
				t := k[d*Slots+j : d*Slots+j+8 : d*Slots+j+8]
				a0 += float32(x * t[0])
				a1 += float32(x * t[1])
				a2 += float32(x * t[2])
				a3 += float32(x * t[3])
				a4 += float32(x * t[4])
				a5 += float32(x * t[5])
				a6 += float32(x * t[6])
				a7 += float32(x * t[7])
			}
			out := s[r*Slots+j : r*Slots+j+8 : r*Slots+j+8]
			out[0], out[1], out[2], out[3] = a0*scale, a1*scale, a2*scale, a3*scale
			out[4], out[5], out[6], out[7] = a4*scale, a5*scale, a6*scale, a7*scale
		}
	}
}

func attnSoftmaxGeneric(s *[Slots]float32, m, l *float32) float32 {
	top := *m
	for _, v := range s {
		if v > top {
			top = v
		}
	}
	if math.IsInf(float64(top), -1) {
		*s = [Slots]float32{}
		return 1
	}
	c := exp32(*m - top)
	var sum [4]float32
	for j := range s {
		s[j] = exp32(s[j] - top)
		sum[j%4] += s[j]
	}
	*m = top
	*l = float32(*l*c) + ((sum[0] + sum[2]) + (sum[1] + sum[3]))
	return c
}

func attnSoftmaxRowsGeneric(s, m, l, c []float32, rows int) {
	for r := range rows {
		c[r] = attnSoftmaxGeneric((*[Slots]float32)(s[r*Slots:]), &m[r], &l[r])
	}
}

// attnAccumGeneric keeps eight dimensions of a row in registers while it walks
// the slots.
func attnAccumGeneric(acc []float32, accStride int, p, c []float32, rows int, v []float32, dim, n int) {
	for r := range rows {
		w, cr := p[r*Slots:r*Slots+n], c[r]
		out := acc[r*accStride : r*accStride+dim]
		d := 0
		for ; d+8 <= dim; d += 8 {
			o := out[d : d+8 : d+8]
			a0, a1, a2, a3 := o[0]*cr, o[1]*cr, o[2]*cr, o[3]*cr
			a4, a5, a6, a7 := o[4]*cr, o[5]*cr, o[6]*cr, o[7]*cr
			for j, x := range w {
				t := v[j*dim+d : j*dim+d+8 : j*dim+d+8]
				a0 += float32(x * t[0])
				a1 += float32(x * t[1])
				a2 += float32(x * t[2])
				a3 += float32(x * t[3])
				a4 += float32(x * t[4])
				a5 += float32(x * t[5])
				a6 += float32(x * t[6])
				a7 += float32(x * t[7])
			}
			o[0], o[1], o[2], o[3] = a0, a1, a2, a3
			o[4], o[5], o[6], o[7] = a4, a5, a6, a7
		}
		for ; d < dim; d++ {
			a := out[d] * cr
			for j, x := range w {
				a += float32(x * v[j*dim+d])
			}
			out[d] = a
		}
	}
}
