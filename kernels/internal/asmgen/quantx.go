package main

import "fmt"

const quantArgs = "quantXArgs"

func quantName(planes int) string { return fmt.Sprintf("quantXP%dAVX2", planes) }

// quantxFile serves both levels: a block is a few dozen instructions around two
// divisions, so wider registers would change little.
func quantxFile() []byte {
	a := &asm{}
	a.header(`QuantX: float32 rows to int8 blocks.

DI dst, SI src, CX blocks. Y0-Y7 values, X8 bias of the byte sums, X9 d, Y10 64,
X11 largest q, X12 1.0, Y13 dword order after packing, Y14 mask of |x|, Y15 bytes
of 128.`)
	a.text("")
	for i, v := range []uint64{0x0000000400000000, 0x0000000500000001, 0x0000000600000002, 0x0000000700000003} {
		a.text(fmt.Sprintf("DATA quantOrder<>+%d(SB)/8, $0x%016x", 8*i, v))
	}
	a.text("GLOBL quantOrder<>(SB), RODATA|NOPTR, $32")
	for _, planes := range []int{1, 2} {
		quantxKernel(a, planes)
	}
	return a.bytes()
}

func quantxKernel(a *asm, planes int) {
	maxQ, bias := "$0x42fe0000", uint32(16*128) // 127
	if planes == 2 {
		maxQ, bias = "$0x467e0000", 16*128*129 // 16256
	}
	a.function(quantName(planes), quantArgs, 0, fmt.Sprintf("%d plane(s).", planes))
	a.loads(quantArgs, "DI", "dst", "SI", "src", "CX", "nb")
	if planes == 2 {
		a.loads(quantArgs, "R8", "coarse")
	}
	a.i("MOVL", maxQ, "BX")
	a.i("VMOVD", "BX", "X11")
	a.i("MOVL", "$0x3f800000", "BX")
	a.i("VMOVD", "BX", "X12")
	a.i("VMOVDQU", "quantOrder<>(SB)", "Y13")
	broadcast32(a, avx2, 0x7fffffff, "Y14")
	broadcast32(a, avx2, 0x80808080, "Y15")
	broadcast32(a, avx2, bias, "Y8")
	if planes == 2 {
		broadcast32(a, avx2, 64, "Y10")
	}
	a.label("block")
	quantStep(a)
	if planes == 2 {
		quantFine(a)
	}
	quantValues(a, planes)
	a.label("header")
	quantHeader(a)
	a.blank()
	a.i("ADDQ", 128, "SI")
	a.i("ADDQ", 16+32*planes, "DI")
	a.i("DECQ", "CX")
	a.i("JNE", "block")
	a.i("VZEROUPPER")
	a.i("RET")
	quantSpecial(a, planes)
}

// quantStep loads Y0-Y3 and leaves d in X9; special blocks leave the loop.
func quantStep(a *asm) {
	for j := range 4 {
		a.i("VMOVUPS", mem(32*j, "SI"), avx2.r(j))
	}
	for j := range 4 {
		a.i("VPAND", "Y14", avx2.r(j), avx2.r(4+j))
	}
	a.note("|x| as integers: NaN above all")
	a.i("VPMAXSD", "Y5", "Y4", "Y4")
	a.i("VPMAXSD", "Y7", "Y6", "Y6")
	a.i("VPMAXSD", "Y6", "Y4", "Y4")
	a.i("VEXTRACTI128", 1, "Y4", "X5")
	a.i("VPMAXSD", "X5", "X4", "X4")
	a.i("VPSHUFD", "$0x4e", "X4", "X5")
	a.i("VPMAXSD", "X5", "X4", "X4")
	a.i("VPSHUFD", "$0xb1", "X4", "X5")
	a.i("VPMAXSD", "X5", "X4", "X4")
	a.i("VDIVSS", "X11", "X4", "X9")
	a.note("d = amax/maxQ")
	a.i("VMOVD", "X9", "BX")
	a.i("LEAL", "-0x00800000(BX)", "AX")
	a.i("CMPL", "AX", "$0x7f000000")
	a.i("JCC", "special")
	a.note("d is below normal, infinite or NaN")
}

// quantFine marks the block in the lowest bit of d: fine, or coarse if d's bits do
// not exceed R8.
func quantFine(a *asm) {
	a.blank()
	a.i("ORL", "$1", "BX")
	a.i("CMPQ", "BX", "R8")
	a.i("JGT", "marked")
	a.i("DECL", "BX")
	a.label("marked")
	a.i("VMOVD", "BX", "X9")
}

// quantValues rounds, packs and stores the planes; Σq of the two halves is left in
// the low dwords of X0.
func quantValues(a *asm, planes int) {
	a.blank()
	a.i("VDIVSS", "X9", "X12", "X7")
	a.i("VBROADCASTSS", "X7", "Y7")
	for j := range 4 {
		a.i("VMULPS", "Y7", avx2.r(j), avx2.r(j))
	}
	for j := range 4 {
		a.i("VCVTPS2DQ", avx2.r(j), avx2.r(j))
	}
	a.note("q = rne(x·(1/d))")
	if planes == 1 {
		quantPack(a, 0, 16)
		quantSum(a, "Y0")
	} else {
		quantSplit(a)
		a.i("TESTL", "$1", "BX")
		a.i("JNE", "fine")
		for j := range 4 {
			a.i("VPXOR", avx2.r(j), avx2.r(j), avx2.r(j))
		}
		a.note("coarse: lo = 0")
		a.label("fine")
		quantPack(a, 4, 16)
		quantPack(a, 0, 48)
		quantSum(a, "Y4")
		quantSum(a, "Y0")
		a.i("VPSLLD", 7, "Y4", "Y4")
		a.i("VPADDD", "Y4", "Y0", "Y0")
	}
	a.i("VEXTRACTI128", 1, "Y0", "X1")
	a.i("VPUNPCKLDQ", "X1", "X0", "X0")
	a.i("VPSUBD", "X8", "X0", "X0")
	a.note("Σq of the halves")
}

// quantSplit makes the planes hi = (q+64)>>7 in Y4-Y7 and lo = q - 128·hi in Y0-Y3.
func quantSplit(a *asm) {
	for j := range 4 {
		a.i("VPADDD", "Y10", avx2.r(j), avx2.r(4+j))
		a.i("VPSRAD", 7, avx2.r(4+j), avx2.r(4+j))
	}
	a.note("hi = (q+64)>>7")
	for j := range 4 {
		a.i("VPSLLD", 7, avx2.r(4+j), "Y9")
		a.i("VPSUBD", "Y9", avx2.r(j), avx2.r(j))
	}
	a.note("lo = q - 128·hi")
	a.i("VMOVD", "BX", "X9")
}

// quantPack packs the int32 registers first to first+3 into bytes in k order, in
// register first, and stores them at offset.
func quantPack(a *asm, first, offset int) {
	r := func(j int) string { return avx2.r(first + j) }
	a.i("VPACKSSDW", r(1), r(0), r(0))
	a.i("VPACKSSDW", r(3), r(2), r(2))
	a.i("VPACKSSWB", r(2), r(0), r(0))
	a.i("VPERMD", r(0), "Y13", r(0))
	a.i("VMOVDQU", r(0), mem(offset, "DI"))
}

// quantSum replaces the bytes of reg by the sums, plus 16·128, of its 128-bit lanes.
func quantSum(a *asm, reg string) {
	a.i("VPXOR", "Y15", reg, reg)
	a.i("VPXOR", "Y2", "Y2", "Y2")
	a.i("VPSADBW", "Y2", reg, reg)
	a.i("VPSHUFD", "$0x4e", reg, "Y2")
	a.i("VPADDD", "Y2", reg, reg)
}

// quantHeader stores d, d·Σq, -128·Σq and -128·Σq of the first half, with the sums of
// the halves in X0.
func quantHeader(a *asm) {
	a.i("VPHADDD", "X0", "X0", "X1")
	a.i("VPUNPCKLDQ", "X0", "X1", "X0")
	a.note("Σq, first half")
	a.i("VCVTDQ2PS", "X1", "X1")
	a.i("VMULSS", "X9", "X1", "X1")
	a.i("VUNPCKLPS", "X1", "X9", "X1")
	a.note("d, s")
	a.i("VPSLLD", 7, "X0", "X0")
	a.i("VPXOR", "X2", "X2", "X2")
	a.i("VPSUBD", "X0", "X2", "X0")
	a.i("VPUNPCKLQDQ", "X0", "X1", "X0")
	a.i("VMOVDQU", "X0", "(DI)")
	a.note("d, s, n, n0")
}

// quantSpecial stores a block of zeros, with d = 0 unless d is infinite or NaN.
func quantSpecial(a *asm, planes int) {
	a.label("special")
	a.i("VPXOR", "Y0", "Y0", "Y0")
	for p := range planes {
		a.i("VMOVDQU", "Y0", mem(16+32*p, "DI"))
	}
	a.i("CMPL", "BX", "$0x00800000")
	a.i("JCC", "header")
	a.i("VPXOR", "X9", "X9", "X9")
	a.i("JMP", "header")
}

func quantxStubs() []byte {
	s := newStubs()
	for _, planes := range []int{1, 2} {
		s.declare(quantName(planes), quantArgs)
	}
	return s.bytes()
}
