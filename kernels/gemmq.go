package kernels

// Panel is one or two row groups of weights, unpacked, as GemmQ multiplies them.
type Panel struct {
	Layout    *Layout
	RowGroups int // 1 or 2
	Blocks    int // k blocks
	// Codes are RowGroups × the Blocks·512 bytes that UnpackQ writes for the layout at
	// the same level.
	Codes []byte
	// WS and WM are [RowGroups][Layout.Groups(Blocks)][16]; WM is not read where the
	// layout has no minima, and may be nil.
	WS, WM []float32
	// Next is memory that will be read after the product and that GemmQ brings towards
	// the cache meanwhile. It may be nil and has no influence on results.
	Next []byte
}

// GemmQ multiplies a panel with cols ≥ 1 quantized activation rows:
//
//	out[c·ldo + r] = Σ_k y·x_c   for c < cols, r < 16·RowGroups, stored
//
// Activation row c is at x[c·xStride:]. Every output has the bits that GemvQ gives for
// it, whatever cols and RowGroups are. At the AVX2 level the panel is inspected once per
// call for its largest code, so cols should not be tiny there.
func GemmQ(out []float32, ldo int, p *Panel, x []byte, xStride, cols, planes int) {
	p.Layout.check()
	checkPlanes(planes)
	checkRowGroups("GemmQ", p.RowGroups, 2)
	checkLen("GemmQ", "panel", len(p.Codes), p.RowGroups*p.Blocks*unpackedBlock)
	checkScales("GemmQ", p.Layout, p.WS, p.WM, p.RowGroups*p.Layout.Groups(p.Blocks)*RowGroup)
	checkColumns("GemmQ", len(out), ldo, p.RowGroups*RowGroup, len(x), xStride, XBytes(p.Blocks, planes), cols)
	if p.Blocks > 0 && gemmQAsm(out, ldo, p, x, xStride, cols, planes) {
		return
	}
	clearColumns(out, ldo, p.RowGroups*RowGroup, cols)
	gemmQGeneric(out, ldo, p, x, xStride, cols, planes)
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

func gemmQGeneric(out []float32, ldo int, p *Panel, x []byte, xStride, cols, planes int) {
	xSize, perBlock, zero := xBlock(planes), KBlock/p.Layout.Group*RowGroup, int32(p.Layout.Zero)
	wm := p.WM
	if !p.Layout.hasMin() {
		wm = nil
	}
	for g := range p.RowGroups {
		for c := range cols {
			acc := (*[RowGroup]float32)(out[c*ldo+g*RowGroup:])
			col := x[c*xStride:]
			for i := range p.Blocks {
				b := g*p.Blocks + i
				dotBlock(acc, (*[unpackedBlock]byte)(p.Codes[b*unpackedBlock:]), zero,
					blockScales(p.WS, b, perBlock), blockScales(wm, b, perBlock), col[i*xSize:(i+1)*xSize])
			}
		}
	}
}
