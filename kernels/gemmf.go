package kernels

// GemmF multiplies rowGroups (1 or 2) float row groups with cols ≥ 1 activation rows:
//
//	out[c·ldo + r] = Σ_i w·x[c·xStride + i]   for c < cols, r < 16·rowGroups, stored
//
// panel is [rowGroups][k][16], as UnpackF writes it. Each output is one chain over
// ascending i, so it has the bits that GemvF gives, whatever cols and rowGroups are.
func GemmF(out []float32, ldo int, panel []float32, rowGroups int, x []float32, xStride, k, cols int) {
	checkRowGroups("GemmF", rowGroups, 2)
	checkLen("GemmF", "panel", len(panel), rowGroups*k*RowGroup)
	checkColumns("GemmF", len(out), ldo, rowGroups*RowGroup, len(x), xStride, k, cols)
	for c := range cols {
		clear(out[c*ldo : c*ldo+rowGroups*RowGroup])
	}
	if k == 0 || gemmFAsm(out, ldo, panel, rowGroups, x, xStride, k, cols) {
		return
	}
	gemmFGeneric(out, ldo, panel, rowGroups, x, xStride, k, cols)
}

func gemmFGeneric(out []float32, ldo int, panel []float32, rowGroups int, x []float32, xStride, k, cols int) {
	for g := range rowGroups {
		p := panel[g*k*RowGroup:]
		for c := range cols {
			acc := (*[RowGroup]float32)(out[c*ldo+g*RowGroup:])
			for i, v := range x[c*xStride : c*xStride+k] {
				axpyRow(acc, (*[RowGroup]float32)(p[i*RowGroup:]), v)
			}
		}
	}
}
