package main

import "fmt"

const gemmArgs = "gemmQArgs"

// tileCols are the column counts of GEMM tiles, widest first.
var tileCols = []int{6, 4, 2, 1}

// gemm512Variant is one AVX-512 register tile.
type gemm512Variant struct {
	rowGroups, cols int
	min             bool // weights are ws·u + wm, not ws·(u - 128)
	group, planes   int
}

func (v gemm512Variant) name() string {
	return fmt.Sprintf("gemmQ%dx%d%sG%dP%dAVX512", 16*v.rowGroups, v.cols, minName(v.min), v.group, v.planes)
}

// gemm512Variants lists the tiles in dispatch order.
func gemm512Variants() []gemm512Variant {
	var all []gemm512Variant
	for _, rowGroups := range []int{1, 2} {
		for _, cols := range tileCols {
			for _, min := range []bool{false, true} {
				for _, group := range []int{32, 16} {
					for _, planes := range []int{1, 2} {
						all = append(all, gemm512Variant{rowGroups, cols, min, group, planes})
					}
				}
			}
		}
	}
	return all
}

func gemmq512File() []byte {
	a := &asm{}
	a.header(`GemmQ: 16 or 32 rows of byte codes times 1 to 6 quantized activation rows, stored
in out or added to it.

DI, R13 out of columns 0 and 3, R11 bytes per column of out;
SI codes, R10 bytes to the second row group; R8 ws, R9 wm, R15 bytes to their
second row group; DX, BX x of columns 0 and 3, R12 bytes per column of x;
CX k blocks.

A lane is a row. Z0-Z11 integer sums, Z12-Z23 accumulators (two row groups of a
column are neighbours), Z24-Z27 codes or scales, Z28-Z31 activations.`)
	minus128th(a, "gemm")
	for _, v := range gemm512Variants() {
		gemm512(a, v)
	}
	return a.bytes()
}

// colMem addresses offset bytes into column c, given the pointers to columns 0 and
// 3 and the register with the column stride.
func colMem(offset, c int, col0, col3, stride string) string {
	base := col0
	if c >= 3 {
		base = col3
	}
	m := mem(offset, base)
	if c%3 > 0 {
		m += fmt.Sprintf("(%s*%d)", stride, c%3)
	}
	return m
}

// xMem and outMem address a column of x and of out.
func xMem(offset, c int) string   { return colMem(offset, c, "DX", "BX", "R12") }
func outMem(offset, c int) string { return colMem(offset, c, "DI", "R13", "R11") }

// rowMem addresses the stream of row group g at base, stride bytes apart.
func rowMem(offset, g int, base, stride string) string {
	if g == 0 {
		return mem(offset, base)
	}
	return mem(offset, base) + "(" + stride + "*1)"
}

// gemmPrologue loads the arguments that both tile kinds share.
func gemmPrologue(a *asm, name string, frame int, doc string) {
	a.function(name, gemmArgs, frame, doc)
	a.loads(gemmArgs, "DI", "out", "R11", "outStride", "SI", "panel", "R10", "panelStride",
		"R8", "ws", "R9", "wm", "R15", "scaleStride", "DX", "x", "R12", "xStride", "CX", "nb")
	a.i("LEAQ", "(R11)(R11*2)", "R13")
	a.i("ADDQ", "DI", "R13")
	a.i("LEAQ", "(R12)(R12*2)", "BX")
	a.i("ADDQ", "DX", "BX")
}

func gemm512(a *asm, v gemm512Variant) {
	zero := "zero 128"
	if v.min {
		zero = "minima"
	}
	gemmPrologue(a, v.name(), 0, fmt.Sprintf("%d rows, %d column(s), %s, groups of %d, %d activation plane(s).",
		16*v.rowGroups, v.cols, zero, v.group, v.planes))
	acc := func(c, g int) string { return avx512.r(12 + 2*c + g) }
	gemm512Start(a, v, acc)
	a.label("block")
	if v.planes == 2 {
		gemmFine(a, v.cols)
	}
	for k := range 32 / v.group {
		gemm512First(a, v, k)
		if v.planes == 2 {
			gemm512Fine(a, v, k)
		}
		gemm512Scale(a, v, k, acc)
	}
	a.i("ADDQ", 512, "SI")
	a.i("ADDQ", 64*32/v.group, "R8")
	if v.min {
		a.i("ADDQ", 64*32/v.group, "R9")
	}
	a.i("ADDQ", 16+32*v.planes, "DX")
	a.i("ADDQ", 16+32*v.planes, "BX")
	a.i("DECQ", "CX")
	a.i("JNE", "block")
	for c := range v.cols {
		for g := range v.rowGroups {
			a.i("VMOVUPS", acc(c, g), outMem(64*g, c))
		}
	}
	a.i("VZEROUPPER")
	a.i("RET")
}

// gemm512Start sets the accumulators to zero or to out.
func gemm512Start(a *asm, v gemm512Variant, acc func(c, g int) string) {
	for c := range v.cols {
		for g := range v.rowGroups {
			zero(a, avx512, acc(c, g))
		}
	}
	a.i("CMPQ", gemmArgs+"_add(AX)", "$0")
	a.i("JEQ", "block")
	for c := range v.cols {
		for g := range v.rowGroups {
			a.i("VMOVUPS", outMem(64*g, c), acc(c, g))
		}
	}
}

// gemmFine leaves in AX a word whose lowest bit says that the block is fine in some
// column: that plane 1 is not all zeros.
func gemmFine(a *asm, cols int) {
	for c := range cols {
		op := "ORL"
		if c == 0 {
			op = "MOVL"
		}
		a.i(op, xMem(0, c), "AX")
	}
	a.note("lowest bit of d: fine")
}

// skipCoarse jumps over the products of plane 1 in scale group k to the label that
// it returns, unless the block is fine.
func skipCoarse(a *asm, k int) string {
	label := fmt.Sprintf("coarse%d", k)
	a.i("TESTL", "$1", "AX")
	a.i("JEQ", label)
	return label
}

// sum512 names the integer sum of column c and row group g.
func sum512(c, g int) string { return avx512.r(2*c + g) }

// gemm512First emits the integer products of scale group k and plane 0.
func gemm512First(a *asm, v gemm512Variant, k int) {
	for c := range v.cols {
		for g := range v.rowGroups {
			zero(a, avx512, sum512(c, g))
		}
	}
	gemm512Dots(a, v, k, 0, 0, v.cols)
}

// gemm512Fine makes the sums of plane 0 stand for 128 times as much and adds the
// products of plane 1 of scale group k, unless no column is fine.
func gemm512Fine(a *asm, v gemm512Variant, k int) {
	for c := range v.cols {
		for g := range v.rowGroups {
			a.i("VPSLLD", 7, sum512(c, g), sum512(c, g))
		}
	}
	coarse := skipCoarse(a, k)
	if v.cols <= 2 {
		gemm512Dots(a, v, k, 1, 0, v.cols)
	} else {
		gemm512Some(a, v, k)
	}
	a.label(coarse)
}

// gemm512Some adds plane 1: to all columns when more than half are fine, else to
// those that are.
func gemm512Some(a *asm, v gemm512Variant, k int) {
	all, end := fmt.Sprintf("all%d", k), fmt.Sprintf("added%d", k)
	a.i("XORL", "R14", "R14")
	for c := range v.cols {
		a.i("MOVL", xMem(0, c), "AX")
		a.i("ANDL", "$1", "AX")
		a.i("ADDL", "AX", "R14")
	}
	a.note("fine columns")
	a.i("MOVL", "$1", "AX")
	a.note("for the next scale group")
	a.i("CMPL", "R14", v.cols/2)
	a.i("JGT", all)
	for c := range v.cols {
		next := fmt.Sprintf("next%d_%d", k, c)
		a.i("TESTB", "$1", xMem(0, c))
		a.i("JEQ", next)
		gemm512Dots(a, v, k, 1, c, c+1)
		a.label(next)
	}
	a.i("JMP", end)
	a.label(all)
	gemm512Dots(a, v, k, 1, 0, v.cols)
	a.label(end)
}

// gemm512Dots adds the integer products of scale group k, plane p and columns
// [from, to) to their sums.
func gemm512Dots(a *asm, v gemm512Variant, k, p, from, to int) {
	for t := k * v.group / 4; t < (k+1)*v.group/4; t++ {
		for g := range v.rowGroups {
			a.i("VMOVDQU32", rowMem(64*t, g, "SI", "R10"), avx512.r(24+g))
			a.note("chunk %d", t)
		}
		for c := from; c < to; c++ {
			x := xMem(xOffset(p, t), c)
			if v.rowGroups == 1 {
				a.i("VPDPBUSD.BCST", x, "Z24", sum512(c, 0))
				continue
			}
			q := avx512.r(28 + c%4)
			a.i("VPBROADCASTD", x, q)
			a.i("VPDPBUSD", q, "Z24", sum512(c, 0))
			a.i("VPDPBUSD", q, "Z25", sum512(c, 1))
		}
	}
}

// gemm512Scale emits acc = fma(isum, ws·d, acc), with isum corrected where codes have
// their zero at 128, and acc = fma(wm, s, acc) where there are minima.
func gemm512Scale(a *asm, v gemm512Variant, k int, acc func(c, g int) string) {
	for g := range v.rowGroups {
		a.i("VMOVUPS", rowMem(64*k, g, "R8", "R15"), avx512.r(24+g))
		a.note("ws")
		if v.min {
			a.i("VMOVUPS", rowMem(64*k, g, "R9", "R15"), avx512.r(26+g))
			a.note("wm")
		}
	}
	for c := range v.cols {
		a.i("VBROADCASTSS", xMem(atD, c), "Z28")
		gemm512Sum(a, v, k, c)
		for g := range v.rowGroups {
			sum, scale := sum512(c, g), avx512.r(30+g)
			if !v.min {
				a.i("VPADDD", "Z29", sum, sum)
			}
			a.i("VCVTDQ2PS", sum, sum)
			a.i("VMULPS", avx512.r(24+g), "Z28", scale)
			a.i("VFMADD231PS", scale, sum, acc(c, g))
		}
		for g := range v.rowGroups {
			if v.min {
				a.i("VFMADD231PS", "Z29", avx512.r(26+g), acc(c, g))
			}
		}
	}
}

// gemm512Sum leaves in Z29 what the group of column c adds: -128·Σq, or s = d·Σq where
// there are minima.
func gemm512Sum(a *asm, v gemm512Variant, k, c int) {
	if v.min && v.group == 32 {
		a.i("VBROADCASTSS", xMem(atS, c), "Z29")
		return
	}
	xSum(v.group, k, func(o int) { a.i("VPBROADCASTD", xMem(o, c), "Z29") },
		func(o int) { a.i("VPSUBD.BCST", xMem(o, c), "Z29", "Z29") })
	if v.min {
		a.i("VCVTDQ2PS", "Z29", "Z29")
		a.i("VMULPS.BCST", "gemmMinus128th<>(SB)", "Z29", "Z29")
		a.i("VMULPS", "Z28", "Z29", "Z29")
	}
}
