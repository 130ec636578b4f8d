package kernels

import (
	"encoding/binary"
	"math"
)

// FastBF16 reports whether products of bfloat16 weights with bfloat16 activations
// (GemmBF16) are worth their rounding here: VDPBF16PS does twice the work of a float32
// multiply-add. Intel's cores have the instruction at half the rate instead, so
// the bit alone does not decide; nor may a measurement, which could come out
// differently at the next start and change results.
func FastBF16() bool { return level >= AVX512 && hasBF16 && amdProcessor }

// GemmBF16 multiplies rowGroups (1 or 2) bfloat16 row groups with cols ≥ 1 activation
// rows that have been rounded to bfloat16:
//
//	out[c·ldo + r] = Σ_i w·x[c·xStride + 2i]   for c < cols, r < 16·rowGroups, stored
//
// Row group g is at w[g·wStride:], [pairs][16][2] as [Float.GroupBytes] has it; an
// activation row is 2·pairs bfloat16 numbers. Each output is one chain over ascending
// pairs, and within a pair the odd element is added before the even one, each with one
// rounding, to nearest even; subnormal inputs and results count as 0. Where the
// processor has the instruction, all levels give the same bits, whatever cols and
// rowGroups are.
func GemmBF16(out []float32, ldo int, w []byte, rowGroups, wStride int, x []byte, xStride, pairs, cols int) {
	checkRowGroups("GemmBF16", rowGroups, 2)
	if rowGroups > 1 {
		checkLen("GemmBF16", "wStride", wStride, 0)
	}
	checkLen("GemmBF16", "w", len(w), (rowGroups-1)*wStride+pairs*4*RowGroup)
	checkColumns("GemmBF16", len(out), ldo, rowGroups*RowGroup, len(x), xStride, 4*pairs, cols)
	for c := range cols {
		clear(out[c*ldo : c*ldo+rowGroups*RowGroup])
	}
	if pairs == 0 || gemmBF16Asm(out, ldo, w, rowGroups, wStride, x, xStride, pairs, cols) {
		return
	}
	gemmBF16Generic(out, ldo, w, rowGroups, wStride, x, xStride, pairs, cols)
}

func gemmBF16Generic(out []float32, ldo int, w []byte, rowGroups, wStride int, x []byte, xStride, pairs, cols int) {
	for g := range rowGroups {
		for c := range cols {
			acc := (*[RowGroup]float32)(out[c*ldo+g*RowGroup:])
			for i := range pairs {
				even, odd := brainPair(x[c*xStride+4*i:])
				src := w[g*wStride+4*RowGroup*i:]
				for r := range acc {
					we, wo := brainPair(src[4*r:])
					acc[r] = flush(fma32(we, even, flush(fma32(wo, odd, acc[r]))))
				}
			}
		}
	}
}

// brainPair reads two bfloat16 numbers, subnormal ones as 0.
func brainPair(b []byte) (even, odd float32) {
	v := binary.LittleEndian.Uint32(b)
	return flush(math.Float32frombits(v << 16)), flush(math.Float32frombits(v &^ 0xffff))
}

// fma32 is a·b + c with one rounding, for a and b of at most 12 significant bits: the
// product is then exact in float64, and the sum is rounded to odd before it is
// rounded to float32.
func fma32(a, b, c float32) float32 {
	p, q := float64(a)*float64(b), float64(c)
	s := p + q
	if t := s - p; s-s == 0 { // error of the sum (Knuth's two-sum)
		if e := (p - (s - t)) + (q - t); e != 0 && math.Float64bits(s)&1 == 0 {
			if (e > 0) == (s > 0) {
				s = math.Float64frombits(math.Float64bits(s) + 1)
			} else {
				s = math.Float64frombits(math.Float64bits(s) - 1)
			}
		}
	}
	return float32(s)
}

// flush returns x, or 0 with its sign where x is subnormal.
func flush(x float32) float32 {
	if b := math.Float32bits(x); b&0x7f800000 == 0 {
		return math.Float32frombits(b & 0x80000000)
	}
	return x
}
