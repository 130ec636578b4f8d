package kernels

// GemvPacked is ExpandScales followed by GemvQ, with the same bits, for a product
// that reads its weights once: the scales (l.ScaleBytes(nb) bytes) are expanded in
// registers where they are used, so that codes and scales stream side by side.
func GemvPacked(out []float32, l *Layout, codes, scales, x []byte, nb, planes int) {
	l.check()
	checkPlanes(planes)
	checkLen("GemvPacked", "out", len(out), RowGroup)
	checkLen("GemvPacked", "codes", len(codes), l.CodeBytes(nb))
	checkLen("GemvPacked", "scales", len(scales), l.ScaleBytes(nb))
	checkLen("GemvPacked", "x", len(x), XBytes(nb, planes))
	clear(out[:RowGroup])
	done := gemvPackedAsm(out, l, codes, scales, x, nb, planes)
	if done < nb {
		gemvPieces(out, l, codes[l.CodeBytes(done):], scales[l.ScaleBytes(done):], x[XBytes(done, planes):], nb-done, planes)
	}
}

// gemvPieces adds the product to out, a super-block at a time.
func gemvPieces(out []float32, l *Layout, codes, scales, x []byte, nb, planes int) {
	var scale, minimum [superBlock * KBlock / 16 * RowGroup]float32
	ws, wm := scale[:], []float32(nil)
	if l.hasMin() {
		wm = minimum[:]
	}
	for b := 0; b < nb; b += superBlock {
		n := min(superBlock, nb-b)
		s, c, v := scales[l.ScaleBytes(b):], codes[l.CodeBytes(b):], x[XBytes(b, planes):]
		if !expandAsm(l, ws, wm, s, n) {
			expandGeneric(l, ws, wm, s, n)
		}
		if !gemvQAsm(out, l, c, ws, wm, v, n, planes) {
			gemvQGeneric(out, l, c, ws, wm, v, n, planes)
		}
	}
}
