package main

import "fmt"

// gemm256Class is a way to multiply on AVX2, by the largest code in the panel.
type gemm256Class struct {
	limit  int   // largest code
	halves int   // halves of 8 rows per tile
	cols   []int // column counts, widest first
}

// gemm256Classes are ordered as in the dispatch of package kernels.
var gemm256Classes = []gemm256Class{
	{15, 2, []int{6, 2, 1}},
	{63, 2, []int{4, 2, 1}},
	{255, 1, []int{6, 2, 1}},
}

// gemm256Variant is one AVX2 register tile.
type gemm256Variant struct {
	gemm256Class
	n             int // columns
	min           bool
	group, planes int
}

func (v gemm256Variant) name() string {
	return fmt.Sprintf("gemmQ%dx%dU%d%sG%dP%dAVX2", 8*v.halves, v.n, v.limit, minName(v.min), v.group, v.planes)
}

// gemm256Variants lists the tiles in dispatch order.
func gemm256Variants() []gemm256Variant {
	var all []gemm256Variant
	for _, class := range gemm256Classes {
		for _, n := range class.cols {
			for _, min := range []bool{false, true} {
				for _, group := range []int{32, 16} {
					for _, planes := range []int{1, 2} {
						all = append(all, gemm256Variant{class, n, min, group, planes})
					}
				}
			}
		}
	}
	return all
}

func gemmq256File() []byte {
	a := &asm{}
	a.header(`GemmQ: 8 or 16 rows of byte codes times 1 to 6 quantized activation rows, added
to out, which holds the accumulators.

DI, R13 out of columns 0 and 3, R11 bytes per column of out; SI codes; R8 ws, R9 wm;
R10 shift of the sums where there are no minima; DX, BX x of columns 0 and 3, R12 bytes per column of x; CX k blocks.

A lane is a row. Three classes by the largest code of the panel, since VPMADDUBSW
must not saturate:
  U15: 16 rows; Y0-Y11 int16 sums of a whole group (15·2·127·8 < 2¹⁵).
  U63: 16 rows; Y0-Y7 int32 sums; two chunks are added in int16 (63·2·127·2 < 2¹⁵).
  U255: 8 rows; codes split into nibbles, Y0-Y5 and Y6-Y11 their int16 sums.
With two planes the sums of the first wait on the stack.`)
	a.text("")
	for o := 0; o < 32; o += 8 {
		a.text(fmt.Sprintf("DATA gemmOnes<>+%d(SB)/8, $0x0001000100010001", o))
	}
	a.text("GLOBL gemmOnes<>(SB), RODATA|NOPTR, $32")
	for o := 0; o < 32; o += 8 {
		a.text(fmt.Sprintf("DATA gemmNibble<>+%d(SB)/8, $0x0f0f0f0f0f0f0f0f", o))
	}
	a.text("GLOBL gemmNibble<>(SB), RODATA|NOPTR, $32")
	minus128th(a, "gemm")
	for _, v := range gemm256Variants() {
		gemm256(a, v)
	}
	gemm256Or(a)
	return a.bytes()
}

// frame is the stack scratch for the first plane's sums.
func (v gemm256Variant) frame() int {
	if v.planes == 2 && v.limit != 63 {
		return 32 * v.halves * v.n
	}
	return 0
}

func gemm256(a *asm, v gemm256Variant) {
	gemmPrologue(a, v.name(), v.frame(), fmt.Sprintf("%d rows, %d column(s), codes up to %d, groups of %d, %d activation plane(s).",
		8*v.halves, v.n, v.limit, v.group, v.planes))
	if !v.min {
		a.i("LEAQ", gemmArgs+"_shift(AX)", "R10")
	}
	a.label("block")
	if v.planes == 2 {
		gemmFine(a, v.n)
	}
	for k := range 32 / v.group {
		gemm256Plane(a, v, k, 0)
		if v.planes == 2 {
			if v.limit == 63 {
				for i := range 2 * v.n {
					a.i("VPSLLD", 7, avx2.r(i), avx2.r(i))
				}
			}
			label := skipCoarse(a, k)
			gemm256Plane(a, v, k, 1)
			a.label(label)
		}
		gemm256Scale(a, v, k)
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
	a.i("VZEROUPPER")
	a.i("RET")
}

// gemm256Plane emits the integer sums of scale group k and plane p.
func gemm256Plane(a *asm, v gemm256Variant, k, p int) {
	switch v.limit {
	case 15:
		gemm256Dots15(a, v, k, p)
	case 63:
		gemm256Dots63(a, v, k, p)
	default:
		gemm256Dots255(a, v, k, p)
	}
	gemm256Widen(a, v, p)
}

// chunksOf returns the chunk numbers of scale group k.
func chunksOf(group, k int) (from, to int) { return k * group / 4, (k + 1) * group / 4 }

func gemm256Dots15(a *asm, v gemm256Variant, k, p int) {
	from, to := chunksOf(v.group, k)
	for t := from; t < to; t++ {
		a.i("VMOVDQU", mem(64*t, "SI"), "Y12")
		a.note("chunk %d", t)
		a.i("VMOVDQU", mem(64*t+32, "SI"), "Y13")
		for c := range v.n {
			a.i("VPBROADCASTD", xMem(xOffset(p, t), c), "Y14")
			for h, codes := range []string{"Y12", "Y13"} {
				sum := avx2.r(2*c + h)
				if t == from {
					a.i("VPMADDUBSW", "Y14", codes, sum)
					continue
				}
				tmp := avx2.r(15 - h) // the second half overwrites the activations
				a.i("VPMADDUBSW", "Y14", codes, tmp)
				a.i("VPADDW", tmp, sum, sum)
			}
		}
	}
}

func gemm256Dots63(a *asm, v gemm256Variant, k, p int) {
	from, to := chunksOf(v.group, k)
	for t := from; t < to; t += 2 {
		for i := range 4 { // Y8, Y9 chunk t; Y10, Y11 chunk t+1
			a.i("VMOVDQU", mem(64*t+32*i, "SI"), avx2.r(8+i))
		}
		a.note("chunks %d, %d", t, t+1)
		for c := range v.n {
			a.i("VPBROADCASTD", xMem(xOffset(p, t), c), "Y12")
			a.i("VPBROADCASTD", xMem(xOffset(p, t+1), c), "Y13")
			for h := range 2 {
				sum := avx2.r(2*c + h)
				a.i("VPMADDUBSW", "Y12", avx2.r(8+h), "Y14")
				a.i("VPMADDUBSW", "Y13", avx2.r(10+h), "Y15")
				a.i("VPADDW", "Y15", "Y14", "Y14")
				if t == from && p == 0 {
					a.i("VPMADDWD", "gemmOnes<>(SB)", "Y14", sum)
					continue
				}
				a.i("VPMADDWD", "gemmOnes<>(SB)", "Y14", "Y14")
				a.i("VPADDD", "Y14", sum, sum)
			}
		}
	}
}

func gemm256Dots255(a *asm, v gemm256Variant, k, p int) {
	from, to := chunksOf(v.group, k)
	for t := from; t < to; t++ {
		a.i("VMOVDQU", mem(64*t, "SI"), "Y12")
		a.note("chunk %d", t)
		a.i("VPSRLW", 4, "Y12", "Y13")
		a.i("VPAND", "gemmNibble<>(SB)", "Y12", "Y12")
		a.i("VPAND", "gemmNibble<>(SB)", "Y13", "Y13")
		for c := range v.n {
			a.i("VPBROADCASTD", xMem(xOffset(p, t), c), "Y14")
			for j, codes := range []string{"Y12", "Y13"} {
				sum := avx2.r(c + 6*j)
				if t == from {
					a.i("VPMADDUBSW", "Y14", codes, sum)
					continue
				}
				tmp := avx2.r(15 - j)
				a.i("VPMADDUBSW", "Y14", codes, tmp)
				a.i("VPADDW", tmp, sum, sum)
			}
		}
	}
}

// gemm256Widen turns plane p's sums into int32 sums of the value, in the register
// of each (column, half).
func gemm256Widen(a *asm, v gemm256Variant, p int) {
	if v.limit == 63 {
		return
	}
	for i := range v.halves * v.n {
		sum := avx2.r(i)
		a.i("VPMADDWD", "gemmOnes<>(SB)", sum, sum)
		if v.limit == 255 {
			hi := avx2.r(i + 6)
			a.i("VPMADDWD", "gemmOnes<>(SB)", hi, hi)
			a.i("VPSLLD", 4, hi, hi)
			a.i("VPADDD", hi, sum, sum)
		}
		at := fmt.Sprintf("sums-%d(SP)", v.frame()-32*i)
		switch {
		case v.planes == 2 && p == 0:
			a.i("VPSLLD", 7, sum, sum)
			a.i("VMOVDQU", sum, at)
		case p == 1:
			a.i("VPADDD", at, sum, sum)
		}
	}
}

// gemm256Scale emits acc = fma(isum, ws·d, acc), with isum corrected by zero·Σq where
// there are no minima, and acc = fma(wm, s, acc) where there are, in memory.
func gemm256Scale(a *asm, v gemm256Variant, k int) {
	for c := range v.n {
		a.i("VBROADCASTSS", xMem(atD, c), "Y12")
		gemm256Sum(a, v, k, c)
		for h := range v.halves {
			sum, out := avx2.r(v.halves*c+h), outMem(32*h, c)
			if !v.min {
				a.i("VPADDD", "Y13", sum, sum)
			}
			a.i("VMULPS", mem(64*k+32*h, "R8"), "Y12", "Y14")
			a.i("VMOVUPS", out, "Y15")
			a.i("VCVTDQ2PS", sum, sum)
			a.i("VFMADD231PS", "Y14", sum, "Y15")
			if v.min {
				a.i("VFMADD231PS", mem(64*k+32*h, "R9"), "Y13", "Y15")
			}
			a.i("VMOVUPS", "Y15", out)
		}
	}
}

// gemm256Sum leaves in Y13 what the group of column c adds: -zero·Σq, or s = d·Σq where
// there are minima; d is in Y12.
func gemm256Sum(a *asm, v gemm256Variant, k, c int) {
	if v.min && v.group == 32 {
		a.i("VBROADCASTSS", xMem(atS, c), "Y13")
		return
	}
	xSum(v.group, k, func(o int) { a.i("VPBROADCASTD", xMem(o, c), "Y13") }, func(o int) {
		a.i("VPBROADCASTD", xMem(o, c), "Y14")
		a.i("VPSUBD", "Y14", "Y13", "Y13")
	})
	if !v.min {
		a.i("VPSRAD", "(R10)", "Y13", "Y13")
		return
	}
	a.i("VCVTDQ2PS", "Y13", "Y13")
	a.i("VBROADCASTSS", "gemmMinus128th<>(SB)", "Y14")
	a.i("VMULPS", "Y14", "Y13", "Y13")
	a.i("VMULPS", "Y12", "Y13", "Y13")
}

// gemm256Or is the inspection of a panel.
func gemm256Or(a *asm) {
	a.function("panelOrAVX2", "panelOrArgs", 0, "or = the OR of n·64 bytes at p, folded to 8 bytes.")
	a.loads("panelOrArgs", "SI", "p", "CX", "n")
	zero(a, avx2, "Y0")
	zero(a, avx2, "Y1")
	a.label("chunk")
	a.i("VPOR", "(SI)", "Y0", "Y0")
	a.i("VPOR", "32(SI)", "Y1", "Y1")
	a.i("ADDQ", 64, "SI")
	a.i("DECQ", "CX")
	a.i("JNE", "chunk")
	a.i("VPOR", "Y1", "Y0", "Y0")
	a.i("VEXTRACTI128", 1, "Y0", "X1")
	a.i("VPOR", "X1", "X0", "X0")
	a.i("VPSRLDQ", 8, "X0", "X1")
	a.i("VPOR", "X1", "X0", "X0")
	a.i("VMOVQ", "X0", "panelOrArgs_or(AX)")
	a.i("VZEROUPPER")
	a.i("RET")
}

func gemmqStubs() []byte {
	s := newStubs()
	var names []string
	for _, v := range gemm512Variants() {
		s.declare(v.name(), gemmArgs)
		names = append(names, v.name())
	}
	s.choose("gemmQAVX512", gemmArgs,
		"gemmQAVX512 runs variant 32·(rowGroups-1) + 8·tile + 4·(minima) + 2·(groups of 16) + (two\n"+
			"planes);\n"+
			"the tiles 0 to 3 have 6, 4, 2 and 1 columns.", names)
	names = nil
	for _, v := range gemm256Variants() {
		s.declare(v.name(), gemmArgs)
		names = append(names, v.name())
	}
	s.choose("gemmQAVX2", gemmArgs,
		"gemmQAVX2 runs variant 24·class + 8·tile + 4·(minima) + 2·(groups of 16) + (two planes); classes 0\n"+
			"to 2 take codes up to 15, 63 and 255, tiles 0 to 2 have 6 (4 in class 1), 2 and 1 columns.", names)
	s.declare("panelOrAVX2", "panelOrArgs")
	return s.bytes()
}
