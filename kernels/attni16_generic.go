package kernels

import (
	"encoding/binary"
	"math"
)

// quantI16Generic sums squares in 16 lanes, folded to one by halves.
func quantI16Generic(dst []byte, x []float32, maxNorm, maxAbs float32) float32 {
	var sum [16]float32
	var top float32
	for i, v := range x {
		sum[i%16] += float32(v * v)
		top = max(top, float32(math.Abs(float64(v))))
	}
	for half := 8; half > 0; half /= 2 {
		for i := range half {
			sum[i] += sum[i+half]
		}
	}
	scale := max(float32(math.Sqrt(float64(sum[0])))/maxNorm, top/maxAbs)
	inv := float32(0)
	if scale < minNormal {
		scale = 0
	} else {
		inv = 1 / scale
	}
	for i, v := range x {
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(roundI16(v*inv)))
	}
	return scale
}

// roundI16 rounds to even; a NaN becomes the least number.
func roundI16(v float32) int16 {
	if v != v {
		return math.MinInt16
	}
	return int16(max(math.MinInt16, min(math.MaxInt16, math.RoundToEven(float64(v)))))
}

func i16KeysToF32Generic(dst []float32, k []byte, dim int) {
	scales := k[i16Scales(dim):]
	for d := range dim {
		row := dst[d*Slots : (d+1)*Slots]
		for j := range row {
			row[j] = i16At(k, (d/2*Slots+j)*2+d%2) * f32At(scales, j)
		}
	}
}

// attnScoresI16Generic walks the pairs of dims with the sums of all slots in a
// small array.
func attnScoresI16Generic(s []float32, q []byte, qs []float32, rows int, k []byte, dim int) {
	pairs := I16Width(dim) / 2
	scales := k[i16Scales(dim):]
	for r := range rows {
		var sum [Slots]int32
		row := q[r*4*pairs : (r+1)*4*pairs]
		for t := range pairs {
			x := binary.LittleEndian.Uint32(row[4*t:])
			addPairsI16(sum[:], k[t*4*Slots:(t+1)*4*Slots], x)
		}
		for j, v := range sum {
			s[r*Slots+j] = float32(float32(v)*f32At(scales, j)) * qs[r]
		}
	}
}

// addPairsI16 adds the dot products of the pairs in tile with the pair x.
func addPairsI16(sum []int32, tile []byte, x uint32) {
	x0, x1 := int32(int16(x)), int32(x)>>16
	for j := range sum {
		y := binary.LittleEndian.Uint32(tile[4*j:])
		sum[j] += x0*int32(int16(y)) + x1*(int32(y)>>16)
	}
}

func attnWeightsI16Generic(w []byte, ws, p []float32, rows int, scales []byte, n int) {
	for r := range rows {
		var t [Slots]float32
		top := float32(weightFloor)
		for j := range n {
			t[j] = p[r*Slots+j] * f32At(scales, j)
			top = max(top, t[j])
		}
		ws[r] = top * (1.0 / weightMax)
		inv := weightMax / top
		for j, v := range t {
			binary.LittleEndian.PutUint16(w[2*(r*Slots+j):], uint16(roundI16(v*inv)))
		}
	}
}

// attnAccumI16Generic sums up to 64 dims at a time.
func attnAccumI16Generic(acc []float32, accStride int, w []byte, ws, c []float32, rows int, v []byte, dim, pairs int) {
	const block = 64
	for d := 0; d < dim; d += block {
		n := min(block, dim-d)
		for r := range rows {
			var sum [block]int32
			for t := range pairs {
				x := binary.LittleEndian.Uint32(w[2*r*Slots+4*t:])
				addPairsI16(sum[:n], v[4*(t*dim+d):], x)
			}
			out := acc[r*accStride+d : r*accStride+d+n]
			for i := range out {
				out[i] = float32(out[i]*c[r]) + float32(float32(sum[i])*ws[r])
			}
		}
	}
}
