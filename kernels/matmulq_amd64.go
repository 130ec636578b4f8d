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

type quantStepsArgs struct {
	dst        *byte
	src        *float32
	nb, stride int
	maxQ       float32
	sum        float64
}

type expandArgs struct {
	ws, wm   *float32
	src      *byte
	n        int // k blocks, or super-blocks of the K kinds
	perSuper int // groups per super-block
}

type unpackQArgs struct {
	dst, codes *byte
	nb         int
	lut        *[16]byte
	bias       int // added to every code; AVX-512 only
}

type gemvPackedArgs struct {
	out           *float32 // 16 accumulators
	codes, scales *byte
	x             *byte
	n             int // k blocks, or super-blocks of the K kinds
	shift         int // of -128·Σq to -Zero·Σq
	lut           *[16]byte
}

type gemmQArgs struct {
	out         *float32 // accumulators at AVX2
	outStride   int
	panel       *byte
	panelStride int
	ws, wm      *float32
	scaleStride int
	x           *byte
	xStride     int
	nb          int
	shift       int // of -128·Σq to -Zero·Σq; AVX2 only
	add         int // AVX-512 only: 0 to store the product, 1 to add it to out
}

type panelOrArgs struct {
	p  *byte
	n  int // chunks
	or uint64
}

// useVNNI reports whether the integer products run on VPDPBUSD; without it the
// AVX-512 level uses the AVX2 kernels, which give the same bits.
func useVNNI() bool { return level >= AVX512 && hasVNNI }

// zeroAt128 reports whether panels without minima have their zero moved to code 128,
// where the activation's n is the whole correction.
func zeroAt128() bool { return useVNNI() }

func quantStepsAsm(dst []byte, src []float32, nb, planes int) (sum float64, ok bool) {
	if level < AVX2 {
		return 0, false
	}
	a := quantStepsArgs{dst: &dst[0], src: &src[0], nb: nb, stride: xBlock(planes), maxQ: maxQ(planes)}
	if level >= AVX512 {
		quantStepsAVX512(&a)
	} else {
		quantStepsAVX2(&a)
	}
	return a.sum, true
}

func quantXAsm(dst []byte, src []float32, nb, planes int, coarse int64) bool {
	if level < AVX2 {
		return false
	}
	for b := 0; b < nb; b += quantPiece {
		a := quantXArgs{dst: &dst[b*xBlock(planes)], src: &src[b*KBlock], nb: min(quantPiece, nb-b), coarse: coarse}
		switch {
		case planes == 1:
			quantXP1AVX2(&a)
		case useVNNI():
			quantXP2AVX512(&a)
		default:
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
			ws: &ws[o], src: &src[l.ScaleBytes(b)],
			n: min(expandPiece, whole-b) / unit, perSuper: 256 / l.Group,
		}
		if l.hasMin() {
			a.wm = &wm[o]
		}
		if level >= AVX512 {
			expandAVX512(&a, int(l.Scale))
		} else {
			expandAVX2(&a, int(l.Scale))
		}
	}
	if whole < nb {
		o := l.Groups(whole) * RowGroup
		expandGeneric(l, ws[o:], wm[min(o, len(wm)):], src[l.ScaleBytes(whole):], nb-whole)
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
			nb: min(unpackPiece, nb-b), lut: l.LUT, bias: int(panelBias(l)),
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

// gemvPackedAsm adds the products of the leading k blocks that assembly can do and
// returns their number.
func gemvPackedAsm(out []float32, l *Layout, codes, scales, x []byte, nb, planes int) int {
	if level < AVX2 {
		return 0
	}
	variant := 2*l.form() + planes - 1
	unit := 1
	if l.Scale == ScaleK || l.Scale == ScaleKM {
		unit = superBlock
		nb = nb / superBlock * superBlock
	}
	vnni := useVNNI()
	for b := 0; b < nb; b += gemvPiece {
		a := gemvPackedArgs{
			out: &out[0], codes: &codes[l.CodeBytes(b)], scales: &scales[l.ScaleBytes(b)],
			x: &x[b*xBlock(planes)], n: min(gemvPiece, nb-b) / unit, lut: l.LUT, shift: l.zeroShift(),
		}
		if vnni {
			gemvPackedAVX512(&a, variant)
		} else {
			gemvPackedAVX2(&a, variant)
		}
	}
	return nb
}

func gemmQAsm(out []float32, ldo int, p *Panel, x []byte, xStride, cols, planes int) bool {
	if level < AVX2 {
		return false
	}
	t := gemmTiles{out: out, x: x, ldo: ldo, cols: cols, form: formVariant(p.Layout, planes), next: p.Next}
	t.gemmQArgs = gemmQArgs{outStride: 4 * ldo, panelStride: p.Blocks * unpackedBlock, xStride: xStride, shift: p.Layout.zeroShift()}
	perBlock := KBlock / p.Layout.Group * RowGroup // scales
	t.scaleStride = 4 * p.Blocks * perBlock
	if !useVNNI() {
		clearColumns(out, ldo, p.RowGroups*RowGroup, cols)
	}
	for b := 0; b < p.Blocks; b += gemmPiece {
		t.nb, t.x, t.add = min(gemmPiece, p.Blocks-b), x[b*xBlock(planes):], min(b, 1)
		if useVNNI() {
			t.rows(p.Codes[b*unpackedBlock:], p.WS, p.WM, b*perBlock)
			t.run512(p.RowGroups)
			continue
		}
		for g := range p.RowGroups {
			o := b*unpackedBlock + g*t.panelStride
			t.out = out[g*RowGroup:]
			t.run256(p.Codes[o:o+t.nb*unpackedBlock], p.WS, p.WM, (b+g*p.Blocks)*perBlock)
		}
	}
	return true
}

//go:noescape
func prefetch(p *byte, lines int)

// formVariant numbers minimum, group size and planes as the generator does.
func formVariant(l *Layout, planes int) int {
	v := planes - 1
	if l.Group == 16 {
		v += 2
	}
	if l.hasMin() {
		v += 4
	}
	return v
}

// gemmTiles is a product of all columns in tiles.
type gemmTiles struct {
	gemmQArgs
	out             []float32
	x               []byte
	ldo, cols, form int
	next            []byte // still to be prefetched
}

// rows sets the rows that the next tiles multiply; o is the place of their scales.
func (t *gemmTiles) rows(panel []byte, ws, wm []float32, o int) {
	t.panel, t.ws = &panel[0], &ws[o]
	if wm != nil {
		t.wm = &wm[o]
	}
}

// prefetchLines bounds what a tile prefetches: the cache lines that a core can wait for
// at a time.
const prefetchLines = 24

// prefetch asks for the share of next that falls to a tile of n columns.
func (t *gemmTiles) prefetch(n int) {
	size := min(len(t.next), prefetchLines*64, (len(t.next)*n/t.cols+63)&^63)
	if size > 0 {
		prefetch(&t.next[0], (size+63)/64)
		t.next = t.next[size:]
	}
}

// column sets the first column of the next tile, and the first row of out.
func (t *gemmTiles) column(c, r int) {
	t.gemmQArgs.out, t.gemmQArgs.x = &t.out[c*t.ldo+r], &t.x[c*t.xStride]
}

// tileWidths are the column counts of the tiles, widest first.
var tileWidths = [4]int{6, 4, 2, 1}

// run512 runs all columns of one piece.
func (t *gemmTiles) run512(rowGroups int) {
	tile := 0
	for c := 0; c < t.cols; c += tileWidths[tile] {
		for tileWidths[tile] > t.cols-c {
			tile++
		}
		t.column(c, 0)
		t.prefetch(tileWidths[tile])
		gemmQAVX512(&t.gemmQArgs, 32*(rowGroups-1)+8*tile+t.form)
	}
}

// Tiles of run256 by class: the largest code, the rows and the column counts.
var classes256 = [3]struct {
	limit byte
	rows  int
	width [3]int
}{
	{15, 16, [3]int{6, 2, 1}},
	{63, 16, [3]int{4, 2, 1}},
	{255, 8, [3]int{6, 2, 1}},
}

// run256 runs all columns of one row group of one piece.
func (t *gemmTiles) run256(panel []byte, ws, wm []float32, o int) {
	class := panelClass(panel)
	by := &classes256[class]
	tile := 0
	for c := 0; c < t.cols; c += by.width[tile] {
		for by.width[tile] > t.cols-c {
			tile++
		}
		for r := 0; r < RowGroup; r += by.rows {
			t.rows(panel[4*r:], ws, wm, o+r)
			t.column(c, r)
			gemmQAVX2(&t.gemmQArgs, 24*class+8*tile+t.form)
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
