//go:build amd64 && !purego

package kernels

// gemmPackedArgs are the arguments of the generated kernels; strides are in bytes.
type gemmPackedArgs struct {
	acc           *float32 // [cols][16]
	codes, scales *byte
	x             *byte
	xStride       int
	cols          int
	n             int // k blocks, or super-blocks of the K kinds
	lut           *[16]byte
	bias          int // from the zero to code 128
}

// packedColumns: with 2 to 8 rows 4-bit weights gain a third to twice against a panel,
// with 32 nothing any more, with 96 the panel is 5 % faster (BenchmarkKernelGemmPacked).
func packedColumns() int {
	if useVNNI() {
		return 32
	}
	return 0
}

// gemmPackedAsm adds the products of the leading k blocks that assembly can do and
// returns their number.
func gemmPackedAsm(acc []float32, l *Layout, codes, scales, x []byte, xStride, nb, cols, planes int) int {
	if !useVNNI() {
		return 0
	}
	unit := 1
	if l.Scale == ScaleK || l.Scale == ScaleKM {
		unit = superBlock
	}
	piece := max(1, gemmPackedPiece/cols/superBlock) * superBlock
	nb = nb / unit * unit
	for b := 0; b < nb; b += piece {
		a := gemmPackedArgs{
			acc: &acc[0], codes: &codes[l.CodeBytes(b)], scales: &scales[l.ScaleBytes(b)],
			x: &x[b*xBlock(planes)], xStride: xStride, cols: cols, n: min(piece, nb-b) / unit,
			lut: l.LUT, bias: int(panelBias(l)),
		}
		gemmPackedAVX512(&a, 2*l.form()+planes-1)
	}
	return nb
}
