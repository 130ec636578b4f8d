package main

import (
	"bytes"
	"fmt"
)

// neon is the arm64 instruction set, for names only.
var neon = &isa{name: "NEON"}

// neonGemvFile is GemvQ by SDOT. V0-V3 acc, V4-V7 integer sums (two per plane), V8
// packed codes, V9 high bits, V10-V12 codes, V16 head of x, V17-V20 x, V21, V22
// corrections or s of the groups, V23 shift or -1/128, V24 table, V25 bytes of 128,
// V26-V31 masks. R1 codes, R2 x, R3 out,
// R4 ws, R5 wm, R6 k blocks.
func neonGemvFile() []byte {
	a := &asm{}
	a.armHeader(`16 rows of packed codes times one quantized activation row, added to out.

A quarter of a chunk is four rows; SDOT adds four u·q of a row. Codes that may
exceed 127 are multiplied as u-128; the sum of the activations corrects for that and
for the zero of the codes.`)
	for _, v := range gemvVariants(neon) {
		neonGemv(a, v)
	}
	return a.bytes()
}

// neonUnpack emits the unpacking of one quarter of chunk t.
type neonUnpack struct {
	a     *asm
	p     packing
	masks map[int]int // value to register
	turn  int
}

func (u *neonUnpack) mask(m int) int {
	if _, ok := u.masks[m]; !ok {
		u.masks[m] = 31 - len(u.masks)
	}
	return u.masks[m]
}

func (u *neonUnpack) load(at, qr, reg int) {
	u.a.i("FMOVQ", mem(at+16*qr, "R1"), fmt.Sprint("F", reg))
}

// shifted moves bit from of src to bit to, in dst unless nothing moves.
func (u *neonUnpack) shifted(src, from, to, dst int) int {
	switch {
	case from > to:
		u.a.v("ushr v%d.16b, v%d.16b, #%d", dst, src, from-to)
	case from < to:
		u.a.v("shl v%d.16b, v%d.16b, #%d", dst, src, to-from)
	default:
		return src
	}
	return dst
}

func (u *neonUnpack) chunk(t, qr int) int {
	u.turn ^= 1
	r := 10 + u.turn
	width, per, low := 4, 2, u.p.bits
	if low < 4 {
		width, per = 2, 4
	}
	if low == 8 {
		u.load(64*t, qr, r)
		u.a.v("eor v%d.16b, v%d.16b, v25.16b", r, r)
		return r
	}
	if t%per == 0 {
		u.load(64*(t/per), qr, 8)
	}
	switch {
	case t == 0 && (low == 3 || low == 5):
		u.load(64*(low-1), qr, 9)
	case t%4 == 0 && low == 6:
		u.load(256+64*(t/4), qr, 9)
	}
	src := u.shifted(8, width*(t%per), 0, r)
	if t%per != per-1 { // the top field needs no mask
		u.a.v("and v%d.16b, v%d.16b, v%d.16b", r, src, u.mask(1<<width-1))
	}
	switch {
	case u.p.lut:
		u.a.v("tbl v%d.16b, {v24.16b}, v%d.16b", r, r)
	case low == 3 || low == 5:
		u.a.v("bit v%d.16b, v%d.16b, v%d.16b", r, u.shifted(9, t, width, 12), u.mask(1<<width))
	case low == 6:
		u.a.v("bit v%d.16b, v%d.16b, v%d.16b", r, u.shifted(9, 2*(t%4), 4, 12), u.mask(0x30))
	}
	return r
}

func neonGemv(a *asm, v gemvVariant) {
	u := &neonUnpack{a: &asm{}, p: v.p, masks: map[int]int{}}
	b, signed := u.a, v.p.limit() > 127
	for j := range 1 + 2*v.planes {
		b.i("FMOVQ", mem(16*j, "R2"), fmt.Sprint("F", 16+j))
	}
	neonSums(b, v, signed)
	for qr := range 4 {
		for g := range 32 / v.group {
			neonGroup(u, v, qr, g, signed)
		}
	}
	a.armFunction(v.name(), v.args(), fmt.Sprintf("%d-bit codes, groups of %d, %d activation plane(s).", v.p.bits, v.group, v.planes),
		"R1", "codes", "R2", "x", "R3", "out", "R4", "ws", "R5", "wm", "R6", "n")
	neonConstant(a, v)
	for m := range 256 {
		if r, ok := u.masks[m]; ok {
			neonFill(a, m, r)
		}
	}
	if signed {
		neonFill(a, 128, 25)
	}
	if v.p.lut {
		a.i("MOVD", v.args()+"_lut(R0)", "R7")
		a.i("FMOVQ", "(R7)", "F24")
		a.v("eor v24.16b, v24.16b, v25.16b")
	}
	for j := range 4 {
		a.i("FMOVQ", mem(16*j, "R3"), fmt.Sprint("F", j))
	}
	a.label("block")
	a.append(b)
	a.blank()
	a.i("ADD", v.p.blockBytes(), "R1")
	a.i("ADD", 16+32*v.planes, "R2")
	a.i("ADD", 64*32/v.group, "R4")
	if v.min {
		a.i("ADD", 64*32/v.group, "R5")
	}
	a.i("SUBS", 1, "R6")
	a.i("BNE", "block")
	for j := range 4 {
		a.i("FMOVQ", fmt.Sprint("F", j), mem(16*j, "R3"))
	}
	a.i("RET")
}

func neonFill(a *asm, b, reg int) {
	a.i("MOVD", b, "R7")
	a.v("dup v%d.16b, w7", reg)
}

// neonConstant sets V23: where there are no minima how far -128·Σq is shifted left
// (to the right, so not above 0), else -1/128 if groups of 16 need their own sums.
func neonConstant(a *asm, v gemvVariant) {
	switch {
	case !v.min:
		a.i("MOVD", v.args()+"_shift(R0)", "R7")
		a.i("NEG", "R7", "R7")
	case v.group == 16:
		a.i("MOVD", "$0xbc000000", "R7")
	default:
		return
	}
	a.v("dup v23.4s, w7")
}

// neonSums leaves per group in V21 and V22 what corrects its integer sums (-zero·Σq,
// and 128·Σq where codes are signed) or, with minima in groups of 16, in V21 and V22 the
// corrections and in V13 and V14 the sums s.
func neonSums(b *asm, v gemvVariant, signed bool) {
	if v.min && !signed && v.group == 32 {
		return
	}
	b.v("dup v21.4s, v16.s[%d]", map[int]int{32: atN, 16: atN0}[v.group]/4)
	if v.group == 16 {
		b.v("dup v22.4s, v16.s[%d]", atN/4)
		b.v("sub v22.4s, v22.4s, v21.4s")
	}
	for g := range 32 / v.group {
		n, s := 21+g, 13+g
		switch {
		case v.min && v.group == 16:
			b.v("scvtf v%d.4s, v%d.4s", s, n)
			b.v("fmul v%d.4s, v%d.4s, v23.s[0]", s, s)
			b.v("fmul v%d.4s, v%d.4s, v16.s[0]", s, s)
		case !v.min && signed:
			b.v("sshl v15.4s, v%d.4s, v23.4s", n)
			b.v("sub v%d.4s, v%d.4s, v15.4s", n, n)
		case !v.min:
			b.v("sshl v%d.4s, v%d.4s, v23.4s", n, n)
		}
	}
}

// neonGroup adds the product of four rows with one group of a block.
func neonGroup(u *neonUnpack, v gemvVariant, qr, g int, signed bool) {
	b, chunks := u.a, v.group/4
	b.blank()
	for j := range 2 * v.planes {
		b.v("eor v%d.16b, v%d.16b, v%d.16b", 4+j, 4+j, 4+j)
	}
	for t := g * chunks; t < (g+1)*chunks; t++ {
		r := u.chunk(t, qr)
		for p := range v.planes {
			b.v("sdot v%d.4s, v%d.16b, v%d.4b[%d]", 4+2*p+t%2, r, 17+2*p+t/4, t%4)
		}
	}
	for p := range v.planes {
		b.v("add v%d.4s, v%d.4s, v%d.4s", 4+2*p, 4+2*p, 5+2*p)
	}
	if v.planes == 2 {
		b.v("shl v4.4s, v4.4s, #7")
		b.v("add v4.4s, v4.4s, v6.4s")
	}
	switch {
	case signed:
		b.v("sub v4.4s, v4.4s, v%d.4s", 21+g)
	case !v.min:
		b.v("add v4.4s, v4.4s, v%d.4s", 21+g)
	}
	b.i("FMOVQ", mem(64*g+16*qr, "R4"), "F12")
	b.v("scvtf v4.4s, v4.4s")
	b.v("fmul v12.4s, v12.4s, v16.s[0]")
	b.v("fmla v%d.4s, v4.4s, v12.4s", qr)
	if !v.min {
		return
	}
	b.i("FMOVQ", mem(64*g+16*qr, "R5"), "F12")
	if v.group == 32 {
		b.v("fmla v%d.4s, v12.4s, v16.s[%d]", qr, atS/4)
	} else {
		b.v("fmla v%d.4s, v12.4s, v%d.4s", qr, 13+g)
	}
}

// neonPeakFile holds the instruction peaks: 12 independent chains.
func neonPeakFile() []byte {
	a := &asm{}
	a.armHeader("Instruction peaks.")
	for _, k := range [][2]string{{"peakDotNEON", "sdot v%d.4s, v30.16b, v31.16b"}, {"peakFMANEON", "fmla v%d.4s, v30.4s, v31.4s"}} {
		a.armFunction(k[0], "peakArgs", "12 operations a turn.", "R1", "n")
		a.label("turn")
		for j := range 12 {
			a.v(k[1], j)
		}
		a.i("SUBS", 1, "R1")
		a.i("BNE", "turn")
		a.i("RET")
	}
	return a.bytes()
}

func neonStubs() []byte {
	s := newStubs()
	gemvChoose(s, "gemvQNEON", "2·form + (two planes)", gemvVariants(neon))
	s.WriteString("\n// peakArgs are the arguments of the instruction peaks.\ntype peakArgs struct{ n int }\n")
	s.declare("peakDotNEON", "peakArgs")
	s.declare("peakFMANEON", "peakArgs")
	return bytes.Replace(s.bytes(), []byte("//go:build amd64"), []byte("//go:build arm64"), 1)
}
