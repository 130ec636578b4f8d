package kernels

// PackedColumns is the number of activation rows up to which GemmPacked is the
// fastest product of the present level; 0 where it has none.
func PackedColumns() int { return packedColumns() }

// GemmPacked is GemvPacked for cols activation rows, with the same bits:
//
//	acc[16c + r] += Σ_k y·x_c   for c < cols, r < 16
//
// acc is contiguous, so that it stays in the first-level cache. The packed codes of a k
// block are unpacked to registers and multiplied with all columns, then those of the
// next: no panel is written and read, which pays while the columns are few.
func GemmPacked(acc []float32, l *Layout, codes, scales, x []byte, xStride, nb, cols, planes int) {
	l.check()
	checkPlanes(planes)
	checkLen("GemmPacked", "codes", len(codes), l.CodeBytes(nb))
	checkLen("GemmPacked", "scales", len(scales), l.ScaleBytes(nb))
	checkColumns("GemmPacked", len(acc), RowGroup, RowGroup, len(x), xStride, XBytes(nb, planes), cols)
	done := gemmPackedAsm(acc, l, codes, scales, x, xStride, nb, cols, planes)
	if done == nb {
		return
	}
	codes, scales = codes[l.CodeBytes(done):], scales[l.ScaleBytes(done):]
	for c := range cols {
		gemvPieces(acc[c*RowGroup:(c+1)*RowGroup], l, codes, scales, x[c*xStride+XBytes(done, planes):], nb-done, planes)
	}
}
