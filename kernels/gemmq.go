package kernels

// GemmQ multiplies rowGroups (1 or 2) unpacked row groups with cols ≥ 1 quantized
// activation rows:
//
//	out[c·ldo + r] = Σ_k y·x_c   for c < cols, r < 16·rowGroups, stored
//
// panel is rowGroups × the nb·512 bytes that UnpackQ writes for l at the same level; ws
// and wm are [rowGroups][l.Groups(nb)][16], wm nil where l has no minima; activation
// row c is at x[c·xStride:]. Every output has the bits that GemvQ gives for it,
// whatever cols and rowGroups are.
// At the AVX2 level the panel is inspected once per call for its largest code, so
// cols should not be tiny there.
func GemmQ(out []float32, ldo int, l *Layout, panel []byte, ws, wm []float32, rowGroups int, x []byte, xStride, nb, cols, planes int) {
	l.check()
	checkPlanes(planes)
	checkRowGroups("GemmQ", rowGroups, 2)
	checkLen("GemmQ", "panel", len(panel), rowGroups*nb*unpackedBlock)
	checkScales("GemmQ", l, ws, wm, rowGroups*l.Groups(nb)*RowGroup)
	checkColumns("GemmQ", len(out), ldo, rowGroups*RowGroup, len(x), xStride, XBytes(nb, planes), cols)
	if nb > 0 && gemmQAsm(out, ldo, l, panel, ws, wm, rowGroups, x, xStride, nb, cols, planes) {
		return
	}
	clearColumns(out, ldo, rowGroups*RowGroup, cols)
	gemmQGeneric(out, ldo, l, panel, ws, wm, rowGroups, x, xStride, nb, cols, planes)
}

// checkRowGroups panics unless 1 ≤ n ≤ limit.
func checkRowGroups(op string, n, limit int) {
	if n < 1 || n > limit {
		panicShort(op, "rowGroups", n, limit)
	}
}

// checkColumns panics when cols columns of rows outputs or of width inputs do not
// fit, or would overlap in out.
func checkColumns(op string, out, ldo, rows, x, xStride, width, cols int) {
	checkLen(op, "cols", cols, 1)
	if cols > 1 {
		checkLen(op, "ldo", ldo, rows)
		checkLen(op, "xStride", xStride, 0)
	}
	checkLen(op, "out", out, (cols-1)*ldo+rows)
	checkLen(op, "x", x, (cols-1)*xStride+width)
}

// clearColumns zeroes cols columns of rows outputs.
func clearColumns(out []float32, ldo, rows, cols int) {
	for c := range cols {
		clear(out[c*ldo : c*ldo+rows])
	}
}

func gemmQGeneric(out []float32, ldo int, l *Layout, panel []byte, ws, wm []float32, rowGroups int, x []byte, xStride, nb, cols, planes int) {
	xSize, perBlock, zero := xBlock(planes), KBlock/l.Group*RowGroup, int32(l.Zero)
	for g := range rowGroups {
		p := panel[g*nb*unpackedBlock:]
		for c := range cols {
			acc := (*[RowGroup]float32)(out[c*ldo+g*RowGroup:])
			col := x[c*xStride:]
			for b := range nb {
				dotBlock(acc, (*[unpackedBlock]byte)(p[b*unpackedBlock:]), zero,
					blockScales(ws, g*nb+b, perBlock), blockScales(wm, g*nb+b, perBlock), col[b*xSize:(b+1)*xSize])
			}
		}
	}
}
