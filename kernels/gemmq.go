package kernels

// GemmQ multiplies rowGroups (1 or 2) unpacked row groups with cols ≥ 1 quantized
// activation rows:
//
//	out[c·ldo + r] = Σ_k (ws·u + wm)·x_c   for c < cols, r < 16·rowGroups, stored
//
// panel is rowGroups × the nb·512 bytes that UnpackQ writes; ws and wm are
// [rowGroups][nb·32/group][16]; activation row c is at x[c·xStride:]. Every output
// has the bits that GemvQ gives for it, whatever cols and rowGroups are.
// At the AVX2 level the panel is inspected once per call for its largest code, so
// cols should not be tiny there.
func GemmQ(out []float32, ldo int, panel []byte, ws, wm []float32, rowGroups int, x []byte, xStride, nb, cols, group, planes int) {
	checkGroup(group)
	checkPlanes(planes)
	checkRowGroups("GemmQ", rowGroups, 2)
	scales := rowGroups * nb * KBlock / group * RowGroup
	checkLen("GemmQ", "panel", len(panel), rowGroups*nb*unpackedBlock)
	checkLen("GemmQ", "ws", len(ws), scales)
	checkLen("GemmQ", "wm", len(wm), scales)
	checkColumns("GemmQ", len(out), ldo, rowGroups*RowGroup, len(x), xStride, XBytes(nb, planes), cols)
	for c := range cols {
		clear(out[c*ldo : c*ldo+rowGroups*RowGroup])
	}
	if nb == 0 || gemmQAsm(out, ldo, panel, ws, wm, rowGroups, x, xStride, nb, cols, group, planes) {
		return
	}
	gemmQGeneric(out, ldo, panel, ws, wm, rowGroups, x, xStride, nb, cols, group, planes)
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

func gemmQGeneric(out []float32, ldo int, panel []byte, ws, wm []float32, rowGroups int, x []byte, xStride, nb, cols, group, planes int) {
	xSize, perBlock := xBlock(planes), KBlock/group*RowGroup
	for g := range rowGroups {
		p := panel[g*nb*unpackedBlock:]
		gws, gwm := ws[g*nb*perBlock:], wm[g*nb*perBlock:]
		for c := range cols {
			acc := (*[RowGroup]float32)(out[c*ldo+g*RowGroup:])
			col := x[c*xStride:]
			for b := range nb {
				o := b * perBlock
				dotBlock(acc, (*[unpackedBlock]byte)(p[b*unpackedBlock:]), gws[o:o+perBlock], gwm[o:o+perBlock],
					col[b*xSize:(b+1)*xSize])
			}
		}
	}
}
