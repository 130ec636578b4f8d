package main

import "fmt"

const (
	quantArgs = "quantXArgs"
	stepsArgs = "quantStepsArgs"
)

func quantName(planes int, i *isa) string { return fmt.Sprintf("quantXP%d%s", planes, i.name) }

func quantxFile() []byte {
	a := &asm{}
	a.header(`QuantX: float32 rows to int8 blocks, whose steps d are found first.

DI dst, SI src, CX blocks. Values with AVX2: Y0-Y7 values, X8 bias of the byte sums,
X9 d, Y10 64, X12 1.0, Y13 dword order after packing, Y15 bytes of 128.`)
	a.text("")
	for i, v := range []uint64{0x0000000400000000, 0x0000000500000001, 0x0000000600000002, 0x0000000700000003} {
		a.text(fmt.Sprintf("DATA quantOrder<>+%d(SB)/8, $0x%016x", 8*i, v))
	}
	a.text("GLOBL quantOrder<>(SB), RODATA|NOPTR, $32")
	for _, i := range []*isa{avx512, avx2} {
		quantSteps(a, i)
	}
	quantTwo512(a)
	for _, planes := range []int{1, 2} {
		quantValues256(a, planes)
	}
	return a.bytes()
}

// quantSteps writes d = amax/maxQ at the start of every block, 0 if it is not normal,
// and sums up the squares of the steps with the lowest bit set.
func quantSteps(a *asm, i *isa) {
	a.function("quantSteps"+i.name, stepsArgs, 0, "d of every block; the sum of their squares.")
	a.loads(stepsArgs, "DI", "dst", "SI", "src", "CX", "nb", "R10", "stride")
	a.i("VMOVSS", stepsArgs+"_maxQ(AX)", "X11")
	broadcast32(a, i, 0x7fffffff, i.r(14))
	zero(a, avx2, "Y10")
	a.label("block")
	n := 128 / i.bytes
	for j := range n {
		a.i(i.and, mem(i.bytes*j, "SI"), i.r(14), i.r(j))
	}
	a.note("|x| as integers: NaN above all")
	for ; n > 1; n /= 2 {
		for j := range n / 2 {
			a.i("VPMAXSD", i.r(j+n/2), i.r(j), i.r(j))
		}
	}
	if i == avx512 {
		a.i("VEXTRACTI64X4", 1, "Z0", "Y1")
		a.i("VPMAXSD", "Y1", "Y0", "Y0")
	}
	a.i("VEXTRACTI128", 1, "Y0", "X1")
	a.i("VPMAXSD", "X1", "X0", "X0")
	for _, order := range []string{"$0x4e", "$0xb1"} {
		a.i("VPSHUFD", order, "X0", "X1")
		a.i("VPMAXSD", "X1", "X0", "X0")
	}
	a.i("VDIVSS", "X11", "X0", "X0")
	a.i("VMOVD", "X0", "BX")
	a.i("XORL", "DX", "DX")
	a.i("CMPL", "BX", "$0x00800000")
	a.i("CMOVLCS", "DX", "BX")
	a.i("MOVL", "BX", "(DI)")
	a.note("d = amax/maxQ, or 0")
	a.i("MOVL", "BX", "DX")
	a.i("ORL", "$1", "DX")
	a.i("TESTL", "BX", "BX")
	a.i("CMOVLEQ", "BX", "DX")
	a.i("VMOVD", "DX", "X1")
	a.i("VCVTSS2SD", "X1", "X1", "X1")
	a.i("VMULSD", "X1", "X1", "X1")
	a.i("VADDSD", "X1", "X10", "X10")
	a.blank()
	a.i("ADDQ", 128, "SI")
	a.i("ADDQ", "R10", "DI")
	a.i("DECQ", "CX")
	a.i("JNE", "block")
	a.i("VMOVSD", "X10", stepsArgs+"_sum(AX)")
	a.i("VZEROUPPER")
	a.i("RET")
}

// quantLoop emits a kernel around the body of one block with a normal step, whose bits
// are in BX.
func quantLoop(a *asm, planes int, body func()) {
	a.label("block")
	a.i("MOVL", "(DI)", "BX")
	a.i("LEAL", "-0x00800000(BX)", "AX")
	a.i("CMPL", "AX", "$0x7f000000")
	a.i("JCC", "special")
	a.note("d is 0, infinite or NaN")
	body()
	a.label("header")
	quantHeader(a)
	a.blank()
	a.i("ADDQ", 128, "SI")
	a.i("ADDQ", 16+32*planes, "DI")
	a.i("DECQ", "CX")
	a.i("JNE", "block")
	a.i("VZEROUPPER")
	a.i("RET")
	a.label("special")
	a.i("VPXOR", "Y0", "Y0", "Y0")
	for p := range planes {
		a.i("VMOVDQU", "Y0", mem(16+32*p, "DI"))
	}
	a.i("VMOVD", "BX", "X9")
	a.i("JMP", "header")
}

// quantTwo512 is two planes with AVX-512 and VNNI: Z0, Z1 q and lo, Z2, Z3 hi, Z4-Z7
// spare, Z8 64, X9 d, Z10 all ones if fine, X12 1.0, X13 bytes of 1.
func quantTwo512(a *asm) {
	a.function(quantName(2, avx512), quantArgs, 0, "2 planes.")
	a.loads(quantArgs, "DI", "dst", "SI", "src", "CX", "nb", "R8", "coarse")
	broadcast32(a, avx512, 64, "Z8")
	broadcast32(a, avx512, 0x3f800000, "Z12")
	broadcast32(a, avx512, 0x01010101, "Z13")
	quantLoop(a, 2, func() {
		a.i("ORL", "$1", "BX")
		a.i("XORL", "DX", "DX")
		a.i("CMPQ", "BX", "R8")
		a.i("SETGT", "DX")
		a.i("ANDL", "$-2", "BX")
		a.i("ORL", "DX", "BX")
		a.note("lowest bit of d: fine")
		a.i("NEGL", "DX")
		a.i("VPBROADCASTD", "DX", "Z10")
		a.i("VMOVD", "BX", "X9")
		a.i("VDIVSS", "X9", "X12", "X7")
		a.i("VBROADCASTSS", "X7", "Z7")
		half := func(op string, first, dst int, args ...any) {
			for h := range 2 {
				a.i(op, append(args, avx512.r(first+h), avx512.r(dst+h))...)
			}
		}
		a.i("VMULPS", "(SI)", "Z7", "Z0")
		a.i("VMULPS", "64(SI)", "Z7", "Z1")
		half("VCVTPS2DQ", 0, 0)
		a.note("q = rne(x·(1/d))")
		half("VPADDD", 0, 2, "Z8")
		half("VPSRAD", 2, 2, 7)
		a.note("hi = (q+64)>>7")
		half("VPSLLD", 2, 4, 7)
		a.i("VPSUBD", "Z4", "Z0", "Z0")
		a.i("VPSUBD", "Z5", "Z1", "Z1")
		half("VPANDD", 0, 0, "Z10")
		a.note("lo = q - 128·hi, 0 if coarse")
		for j, r := range []int{2, 3, 0, 1} {
			x := fmt.Sprintf("X%d", r)
			a.i("VPMOVDB", avx512.r(r), x)
			a.i("VMOVDQU", x, mem(16+16*j, "DI"))
		}
		for h := range 2 {
			sum := fmt.Sprintf("X%d", 4+h)
			zero(a, avx512, avx512.r(4+h))
			a.i("VPDPBUSD", fmt.Sprintf("X%d", 2+h), "X13", sum)
			a.i("VPSLLD", 7, sum, sum)
			a.i("VPDPBUSD", fmt.Sprintf("X%d", h), "X13", sum)
		}
		a.i("VPHADDD", "X5", "X4", "X0")
		a.i("VPHADDD", "X0", "X0", "X0")
		a.note("Σq of the halves")
	})
}

// quantValues256 is the AVX2 kernel.
func quantValues256(a *asm, planes int) {
	a.function(quantName(planes, avx2), quantArgs, 0, fmt.Sprintf("%d plane(s).", planes))
	a.loads(quantArgs, "DI", "dst", "SI", "src", "CX", "nb")
	bias := uint32(16 * 128)
	if planes == 2 {
		a.loads(quantArgs, "R8", "coarse")
		broadcast32(a, avx2, 64, "Y10")
		bias *= 129
	}
	a.i("MOVL", "$0x3f800000", "BX")
	a.i("VMOVD", "BX", "X12")
	a.i("VMOVDQU", "quantOrder<>(SB)", "Y13")
	broadcast32(a, avx2, 0x80808080, "Y15")
	broadcast32(a, avx2, bias, "Y8")
	quantLoop(a, planes, func() {
		for j := range 4 {
			a.i("VMOVUPS", mem(32*j, "SI"), avx2.r(j))
		}
		if planes == 2 {
			quantFine(a)
		} else {
			a.i("VMOVD", "BX", "X9")
		}
		quantValues(a, planes)
	})
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

func quantxStubs() []byte {
	s := newStubs()
	for _, i := range []*isa{avx512, avx2} {
		s.declare("quantSteps"+i.name, stepsArgs)
	}
	s.declare(quantName(2, avx512), quantArgs)
	for _, planes := range []int{1, 2} {
		s.declare(quantName(planes, avx2), quantArgs)
	}
	return s.bytes()
}
