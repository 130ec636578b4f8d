package main

import "fmt"

const gemmBFArgs = "gemmBFArgs"

// brainCols are the column counts of the bfloat16 tiles, widest first.
var brainCols = []int{12, 8, 4, 2, 1}

func gemmBFName(cols, rowGroups int) string {
	return fmt.Sprintf("gemmBF16x%dx%dAVX512", 16*rowGroups, cols)
}

func matmulbfFile() []byte {
	a := &asm{}
	a.header(`GemmBF16: 16 or 32 rows of bfloat16 pairs times 1 to 12 activation rows, added to
out.

SI weights, R10 bytes to the second row group; DX, BX, R8, R9 x of columns 0, 3, 6
and 9, R12 bytes per column of x; DI out, R11 bytes per column; CX pairs.

A lane is a row. VDPBF16PS adds the product of the odd element, then that of the even
one. Z0-Z23 accumulators (two row groups of a column are neighbours), Z24-Z27
activations, Z28, Z29 weights. The Go assembler lacks the instruction: its bytes are
written out, with the operands, in the order of the assembler, beside them.`)
	for rowGroups := 1; rowGroups <= 2; rowGroups++ {
		for _, cols := range brainCols {
			gemmBF(a, rowGroups, cols)
		}
	}
	return a.bytes()
}

// dotBF emits VDPBF16PS z[x], z[w], z[acc]: EVEX.512.F3.0F38.W0 52.
func dotBF(a *asm, x, w, acc int) {
	inverted := func(reg, bit int) int { return 1 - reg>>bit&1 }
	p0 := inverted(acc, 3)<<7 | inverted(x, 4)<<6 | inverted(x, 3)<<5 | inverted(acc, 4)<<4 | 2
	p1 := (15-w&15)<<3 | 4 | 2
	p2 := 0x40 | inverted(w, 4)<<3
	modrm := 0xc0 | acc&7<<3 | x&7
	a.i(fmt.Sprintf("LONG $0x%02x%02x%02x62; WORD $0x%02x52", p2, p1, p0, modrm))
	a.note("VDPBF16PS Z%d, Z%d, Z%d", x, w, acc)
}

// brainX addresses column c of x.
func brainX(c int) string {
	m := "(" + []string{"DX", "BX", "R8", "R9"}[c/3] + ")"
	if c%3 > 0 {
		m += fmt.Sprintf("(R12*%d)", c%3)
	}
	return m
}

// gemmBF emits one tile.
func gemmBF(a *asm, rowGroups, cols int) {
	acc := func(c, g int) int { return 2*c + g }
	a.function(gemmBFName(cols, rowGroups), gemmBFArgs, 0, fmt.Sprintf("%d rows, %d column(s).", 16*rowGroups, cols))
	a.loads(gemmBFArgs, "DI", "out", "R11", "outStride", "SI", "w", "R10", "wStride",
		"DX", "x", "R12", "xStride", "CX", "n")
	bases := []string{"DX", "BX", "R8", "R9"}[:(cols+2)/3]
	for i := 1; i < len(bases); i++ {
		a.i("LEAQ", "("+bases[i-1]+")(R12*2)", bases[i])
		a.i("ADDQ", "R12", bases[i])
	}
	a.i("MOVQ", "DI", "AX")
	for c := range cols {
		for g := range rowGroups {
			a.i("VMOVUPS", mem(64*g, "AX"), avx512.r(acc(c, g)))
		}
		a.i("ADDQ", "R11", "AX")
	}
	a.label("pair")
	for g := range rowGroups {
		if cols <= 4 { // bound by memory
			a.i("PREFETCHT0", rowMem(prefetchAhead, g, "SI", "R10"))
		}
		a.i("VMOVDQU32", rowMem(0, g, "SI", "R10"), avx512.r(28+g))
	}
	for c := range cols {
		x := 24 + c%4
		a.i("VPBROADCASTD", brainX(c), avx512.r(x))
		for g := range rowGroups {
			dotBF(a, x, 28+g, acc(c, g))
		}
	}
	a.i("ADDQ", 64, "SI")
	for _, b := range bases {
		a.i("ADDQ", 4, b)
	}
	a.i("DECQ", "CX")
	a.i("JNE", "pair")
	for c := range cols {
		for g := range rowGroups {
			a.i("VMOVUPS", avx512.r(acc(c, g)), mem(64*g, "DI"))
		}
		if c+1 < cols {
			a.i("ADDQ", "R11", "DI")
		}
	}
	a.i("VZEROUPPER")
	a.i("RET")
}

func matmulbfStubs() []byte {
	s := newStubs()
	var names []string
	for rowGroups := 1; rowGroups <= 2; rowGroups++ {
		for _, cols := range brainCols {
			names = append(names, gemmBFName(cols, rowGroups))
			s.declare(gemmBFName(cols, rowGroups), gemmBFArgs)
		}
	}
	s.choose("gemmBFAVX512", gemmBFArgs, "gemmBFAVX512 runs variant 5·(rowGroups-1) + tile; tiles have 12, 8, 4, 2 and 1 columns.", names)
	return s.bytes()
}
