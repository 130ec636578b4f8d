package main

import "fmt"

const gemmPackedArgs = "gemmPackedArgs"

// gemmPackedName names the kernel of a form of packed scales.
func gemmPackedName(v gemvVariant) string {
	return fmt.Sprintf("gemmPacked%s%sG%dP%d%s", v.p.name(), v.kind, v.group, v.planes, v.isa.name)
}

func gemmPackedFile() []byte {
	a := &asm{}
	a.header(`GemmPacked: 16 rows of packed codes times quantized activation rows, added to
accumulators of 16 rows a column.

DI codes, R8 scales, R9 head of a super-block, R10 its k blocks left, R11 k blocks or
super-blocks; R13 x of column 0, R12 bytes per column, R15 columns; in a sweep over the
columns SI x, DX accumulators, CX columns left.

A lane is a row. The codes of a k block are unpacked to Z16-Z23 and its scales to
Z24-Z27, once for all columns. Z0 sum or accumulator, Z1, Z2 scaling, Z3-Z5 unpacking,
Z6 table, Z7 distance of the zero from code 128, Z11, Z12 super-block scales.`)
	minus128th(a, "packed")
	for _, v := range packedVariants(avx512) {
		gemmPacked(a, v)
	}
	return a.bytes()
}

func gemmPacked(a *asm, v gemvVariant) {
	body := &asm{}
	m := newMasks(avx512, 31)
	gemmPackedCodes(body, v, m)
	for g := range 32 / v.group {
		gemmPackedScales(body, v, g)
	}
	gemmPackedSweep(body, v)

	a.function(gemmPackedName(v), gemmPackedArgs, 0, fmt.Sprintf("%d-bit codes, Scale%s, groups of %d, %d activation plane(s).",
		v.p.bits, v.kind, v.group, v.planes))
	a.loads(gemmPackedArgs, "DI", "codes", "R8", "scales", "R13", "x", "R12", "xStride", "R15", "cols", "R11", "n")
	m.prologue(a)
	if v.p.lut {
		a.i("MOVQ", gemmPackedArgs+"_lut(AX)", "BX")
		broadcastTable(a, avx512, "Z6")
	}
	if v.biased() {
		a.i("VPBROADCASTB", gemmPackedArgs+"_bias(AX)", "Z7")
	}
	gemvLoop(a, v, body, "R13", "R11")
	a.i("VZEROUPPER")
	a.i("RET")
	if v.planes == 2 {
		gemmPackedFine(a, v)
	}
}

// biased reports whether codes must be moved so that their zero is 128.
func (v gemvVariant) biased() bool { return !v.min && v.p.bits != 8 }

// gemmPackedCodes unpacks a k block to Z16-Z23.
func gemmPackedCodes(a *asm, v gemvVariant, m *masks) {
	u := &unpacker{
		a: a, isa: avx512, p: v.p, m: m, base: "DI", packed: "Z3", high: "Z4", lut: "Z6",
	}
	for t := range 8 {
		r := chunk512(t)
		u.temps = []string{r}
		if v.p.bits == 3 || v.p.bits == 5 || v.p.bits == 6 {
			u.turn, u.temps = 1, []string{r, "Z5"} // the second one for high bits
		}
		u.chunk(t)
		if v.biased() {
			a.i("VPADDB", "Z7", r, r)
		}
	}
}

// chunk512 names the register of a chunk.
func chunk512(t int) string { return avx512.r(16 + t) }

// gemmPackedScales leaves ws of group g in Z24+g and wm in Z26+g.
func gemmPackedScales(a *asm, v gemvVariant, g int) {
	w, m := avx512.r(24+g), avx512.r(26+g)
	switch v.kind {
	case "D":
		half(a, "(R8)", w)
	case "BF":
		brain(a, "(R8)", w)
	case "DM":
		half(a, "(R8)", w)
		half(a, "32(R8)", m)
	case "K":
		a.i("VPMOVSXBD", mem(16*g, "R8"), w)
		a.i("VCVTDQ2PS", w, w)
		a.i("VMULPS", "Z11", w, w)
	case "KM":
		a.i("VPMOVZXBD", mem(32*g, "R8"), w)
		a.i("VPMOVZXBD", mem(32*g+16, "R8"), m)
		a.i("VCVTDQ2PS", w, w)
		a.i("VCVTDQ2PS", m, m)
		a.i("VMULPS", "Z11", w, w)
		a.i("VMULPS", "Z12", m, m)
	}
}

// gemmPackedSweep runs the columns of a k block.
func gemmPackedSweep(a *asm, v gemvVariant) {
	a.i("MOVQ", "R13", "SI")
	a.i("MOVQ", gemmPackedArgs+"_acc(AX)", "DX")
	a.i("MOVQ", "R15", "CX")
	a.label("column")
	for g := range 32 / v.group {
		zero(a, avx512, "Z0")
		gemmPackedDots(a, v, g, 0)
		if v.planes == 2 {
			a.i("VPSLLD", 7, "Z0", "Z0")
			a.i("TESTB", "$1", "(SI)")
			a.i("JNE", fmt.Sprintf("fine%d", g))
			a.label(fmt.Sprintf("sum%d", g))
		}
		gemmPackedAdd(a, v, g)
	}
	a.i("ADDQ", "R12", "SI")
	a.i("ADDQ", 64, "DX")
	a.i("DECQ", "CX")
	a.i("JNE", "column")
}

// gemmPackedDots adds the integer products of group g and a plane to Z0.
func gemmPackedDots(a *asm, v gemvVariant, g, plane int) {
	for t := g * v.group / 4; t < (g+1)*v.group/4; t++ {
		a.i("VPDPBUSD.BCST", mem(xOffset(plane, t), "SI"), chunk512(t), "Z0")
	}
}

// gemmPackedFine holds the products of plane 1, out of the way of coarse blocks.
func gemmPackedFine(a *asm, v gemvVariant) {
	for g := range 32 / v.group {
		a.label(fmt.Sprintf("fine%d", g))
		gemmPackedDots(a, v, g, 1)
		a.i("JMP", fmt.Sprintf("sum%d", g))
	}
}

// gemmPackedAdd adds the sum of group g, corrected and scaled, to the accumulator.
func gemmPackedAdd(a *asm, v gemvVariant, g int) {
	if !v.min {
		xSum(v.group, g, func(o int) { a.i("VPADDD.BCST", mem(o, "SI"), "Z0", "Z0") },
			func(o int) { a.i("VPSUBD.BCST", mem(o, "SI"), "Z0", "Z0") })
	}
	a.i("VCVTDQ2PS", "Z0", "Z0")
	a.i("VMULPS.BCST", mem(atD, "SI"), avx512.r(24+g), "Z1")
	a.note("ws·d")
	a.i("VFMADD213PS", "(DX)", "Z1", "Z0")
	a.note("acc += isum·(ws·d)")
	fma := "VFMADD231PS"
	if v.kind == "KM" {
		fma = "VFNMADD231PS"
	}
	switch {
	case !v.min:
	case v.group == 32:
		a.i(fma+".BCST", mem(atS, "SI"), avx512.r(26+g), "Z0")
		a.note("acc += wm·s")
	default:
		xSum512(a, v.group, g, "Z2")
		a.i("VCVTDQ2PS", "Z2", "Z2")
		a.i("VMULPS.BCST", "packedMinus128th<>(SB)", "Z2", "Z2")
		a.i("VMULPS.BCST", mem(atD, "SI"), "Z2", "Z2")
		a.i(fma, "Z2", avx512.r(26+g), "Z0")
		a.note("acc += wm·s")
	}
	a.i("VMOVUPS", "Z0", "(DX)")
}

func gemmPackedStubs() []byte {
	s := newStubs()
	var names []string
	for _, v := range packedVariants(avx512) {
		s.declare(gemmPackedName(v), gemmPackedArgs)
		names = append(names, gemmPackedName(v))
	}
	s.choose("gemmPackedAVX512", gemmPackedArgs, "gemmPackedAVX512 runs variant 2·form + (two planes).", names)
	return s.bytes()
}
