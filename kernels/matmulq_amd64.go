//go:build amd64 && !purego

package kernels

// Argument structs of the generated assembly: one pointer per call keeps the stubs
// alike and the dispatch a plain switch. Strides are in bytes.

type quantXArgs struct {
	dst    *byte
	src    *float32
	nb     int
	coarse int64
}

type expandArgs struct {
	ws, wm    *float32
	src       *byte
	n         int // k blocks, or super-blocks of the K kinds
	perSuper  int // groups per super-block
	minusZero float32
}

type unpackQArgs struct {
	dst, codes *byte
	nb         int
	lut        *[16]byte
}

type gemvPackedArgs struct {
	out           *float32 // 16 accumulators
	codes, scales *byte
	x             *byte
	n             int // k blocks, or super-blocks of the K kinds
	lut           *[16]byte
	zero          float32
}

type gemmQArgs struct {
	out         *float32 // accumulators
	outStride   int
	panel       *byte
	panelStride int
	ws, wm      *float32
	scaleStride int
	x           *byte
	xStride     int
	nb          int
}

type panelOrArgs struct {
	p  *byte
	n  int // chunks
	or uint64
}

// useVNNI reports whether the integer products run on VPDPBUSD; without it the
// AVX-512 level uses the AVX2 kernels, which give the same bits.
func useVNNI() bool { return level >= AVX512 && hasVNNI }

func quantXAsm(dst []byte, src []float32, nb, planes int, coarse int64) bool {
	if level < AVX2 {
		return false
	}
	for b := 0; b < nb; b += quantPiece {
		a := quantXArgs{dst: &dst[b*xBlock(planes)], src: &src[b*KBlock], nb: min(quantPiece, nb-b), coarse: coarse}
		if planes == 1 {
			quantXP1AVX2(&a)
		} else {
			quantXP2AVX2(&a)
		}
	}
	return true
}

func expandAsm(l *Layout, ws, wm []float32, src []byte, nb int) bool {
	if level < AVX2 {
		return false
	}
	unit := 1 // k blocks per record
	if l.Scale == ScaleK || l.Scale == ScaleKM {
		unit = superBlock
	}
	whole := nb / unit * unit
	for b := 0; b < whole; b += expandPiece {
		o := l.Groups(b) * RowGroup
		a := expandArgs{
			ws: &ws[o], wm: &wm[o], src: &src[l.ScaleBytes(b)],
			n: min(expandPiece, whole-b) / unit, perSuper: 256 / l.Group, minusZero: -l.Zero,
		}
		if level >= AVX512 {
			expandAVX512(&a, int(l.Scale))
		} else {
			expandAVX2(&a, int(l.Scale))
		}
	}
	if whole < nb {
		o := l.Groups(whole) * RowGroup
		expandGeneric(l, ws[o:], wm[o:], src[l.ScaleBytes(whole):], nb-whole)
	}
	return true
}

func unpackQAsm(dst []byte, l *Layout, codes []byte, nb int) bool {
	if level < AVX2 {
		return false
	}
	variant := l.packing()
	for b := 0; b < nb; b += unpackPiece {
		a := unpackQArgs{
			dst: &dst[b*unpackedBlock], codes: &codes[l.CodeBytes(b)],
			nb: min(unpackPiece, nb-b), lut: l.LUT,
		}
		if level >= AVX512 {
			unpackQAVX512(&a, variant)
		} else {
			unpackQAVX2(&a, variant)
		}
	}
	return true
}

// gemvQRun runs a variant of GemvQ and reports whether the level has any.
func gemvQRun(a *gemvQArgs, variant int) bool {
	switch {
	case useVNNI():
		gemvQAVX512(a, variant)
	case level >= AVX2:
		gemvQAVX2(a, variant)
	default:
		return false
	}
	return true
}

// packedForms numbers, as the generator does, the layouts that GemvPacked has
// kernels for, by packing and scale kind, from 1; forms from firstFine on have
// groups of 16, the others of 32.
var packedForms = [7][5]uint8{
	{ScaleK: 9, ScaleKM: 12},
	{ScaleK: 13},
	{ScaleD: 1, ScaleDM: 2, ScaleKM: 10},
	{ScaleD: 3, ScaleDM: 4, ScaleKM: 11},
	{ScaleK: 14},
	{ScaleD: 5},
	{ScaleD: 6, ScaleBF: 7, ScaleK: 8},
}

const firstFine = 12

// gemvPackedAsm adds the products of the leading k blocks that assembly can do and
// returns their number.
func gemvPackedAsm(out []float32, l *Layout, codes, scales, x []byte, nb, planes int) int {
	form := packedForms[l.packing()][l.Scale]
	if level < AVX2 || form == 0 || (form >= firstFine) != (l.Group == 16) {
		return 0
	}
	unit := 1
	if l.Scale == ScaleK || l.Scale == ScaleKM {
		unit = superBlock
		nb = nb / superBlock * superBlock
	}
	vnni := useVNNI()
	for b := 0; b < nb; b += gemvPiece {
		a := gemvPackedArgs{
			out: &out[0], codes: &codes[l.CodeBytes(b)], scales: &scales[l.ScaleBytes(b)],
			x: &x[b*xBlock(planes)], n: min(gemvPiece, nb-b) / unit, lut: l.LUT, zero: l.Zero,
		}
		if variant := 2*int(form-1) + planes - 1; vnni {
			gemvPackedAVX512(&a, variant)
		} else {
			gemvPackedAVX2(&a, variant)
		}
	}
	return nb
}

func gemmQAsm(out []float32, ldo int, panel []byte, ws, wm []float32, rowGroups int, x []byte, xStride, nb, cols, group, planes int) bool {
	if level < AVX2 {
		return false
	}
	perBlock := KBlock / group * RowGroup // scales
	for b := 0; b < nb; b += gemmPiece {
		a := gemmQArgs{
			out: &out[0], outStride: 4 * ldo,
			panel: &panel[b*unpackedBlock], panelStride: nb * unpackedBlock,
			ws: &ws[b*perBlock], wm: &wm[b*perBlock], scaleStride: 4 * nb * perBlock,
			x: &x[b*xBlock(planes)], xStride: xStride, nb: min(gemmPiece, nb-b),
		}
		variant := formVariant(group, planes)
		if useVNNI() {
			gemmTiles512(a, out, x[b*xBlock(planes):], ldo, xStride, rowGroups, cols, variant)
			continue
		}
		for g := range rowGroups {
			o, s := b*unpackedBlock+g*a.panelStride, (b+g*nb)*perBlock
			a.panel, a.ws, a.wm = &panel[o], &ws[s], &wm[s]
			gemmTiles256(a, out[g*RowGroup:], panel[o:o+a.nb*unpackedBlock], ws[s:], wm[s:], x[b*xBlock(planes):], ldo, xStride, cols, variant)
		}
	}
	return true
}

// tileWidths are the column counts of the tiles, widest first.
var tileWidths = [4]int{6, 4, 2, 1}

// gemmTiles512 runs all columns of one piece.
func gemmTiles512(a gemmQArgs, out []float32, x []byte, ldo, xStride, rowGroups, cols, form int) {
	tile := 0
	for c := 0; c < cols; c += tileWidths[tile] {
		for tileWidths[tile] > cols-c {
			tile++
		}
		a.out, a.x = &out[c*ldo], &x[c*xStride]
		gemmQAVX512(&a, 16*(rowGroups-1)+4*tile+form)
	}
}

// Tiles of gemmTiles256 by class: the largest code, the rows and the column counts.
var classes256 = [3]struct {
	limit byte
	rows  int
	width [3]int
}{
	{15, 16, [3]int{6, 2, 1}},
	{63, 16, [3]int{4, 2, 1}},
	{255, 8, [3]int{6, 2, 1}},
}

// gemmTiles256 runs all columns of one row group of one piece.
func gemmTiles256(a gemmQArgs, out []float32, panel []byte, ws, wm []float32, x []byte, ldo, xStride, cols, form int) {
	class := panelClass(panel)
	t := &classes256[class]
	tile := 0
	for c := 0; c < cols; c += t.width[tile] {
		for t.width[tile] > cols-c {
			tile++
		}
		for r := 0; r < RowGroup; r += t.rows {
			a.out, a.x = &out[c*ldo+r], &x[c*xStride]
			a.panel, a.ws, a.wm = &panel[4*r], &ws[r], &wm[r]
			gemmQAVX2(&a, 12*class+4*tile+form)
		}
	}
}

// panelClass returns the class of the largest code in a panel.
func panelClass(panel []byte) int {
	a := panelOrArgs{p: &panel[0], n: len(panel) / chunkBytes}
	panelOrAVX2(&a)
	or := a.or | a.or>>32
	or |= or >> 16
	or |= or >> 8
	for i := range classes256 {
		if byte(or) <= classes256[i].limit {
			return i
		}
	}
	return len(classes256) - 1
}
