//go:build amd64 && !purego

package kernels

// gemmBFArgs are the arguments of the generated bfloat16 tiles; strides are in bytes.
type gemmBFArgs struct {
	out       *float32 // accumulators
	outStride int
	w         *byte
	wStride   int
	x         *byte
	xStride   int
	n         int // pairs
}

// amdProcessor: the vendor whose bfloat16 products run at full rate.
var amdProcessor = hostAMD()

// brainWidths are the column counts of the bfloat16 tiles, widest first.
var brainWidths = [5]int{12, 8, 4, 2, 1}

func gemmBF16Asm(out []float32, ldo int, w []byte, rowGroups, wStride int, x []byte, xStride, pairs, cols int) bool {
	if level < AVX512 || !hasBF16 {
		return false
	}
	for i := 0; i < pairs; i += gemmBFPiece {
		a := gemmBFArgs{
			outStride: 4 * ldo, w: &w[i*4*RowGroup], wStride: wStride, xStride: xStride,
			n: min(gemmBFPiece, pairs-i),
		}
		tile := 0
		for c := 0; c < cols; c += brainWidths[tile] {
			for brainWidths[tile] > cols-c {
				tile++
			}
			a.out, a.x = &out[c*ldo], &x[c*xStride+4*i]
			gemmBFAVX512(&a, len(brainWidths)*(rowGroups-1)+tile)
		}
	}
	return true
}
