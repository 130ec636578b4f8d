package main

import "fmt"

const (
	scoresI16Args = "scoresI16Args"
	accumI16Args  = "accumI16Args"
)

// attnRows are the rows of the tiles of attention over 16-bit integers.
func attnRows(i *isa, accum bool) []int {
	if i == avx512 && !accum {
		return []int{12, 6, 4, 3, 2, 1}
	}
	return []int{6, 4, 3, 2, 1}
}

func scoresI16Name(rows int, i *isa) string { return fmt.Sprintf("scoresI16x%d%s", rows, i.name) }

func accumI16Name(rows int, narrow bool, i *isa) string {
	if narrow {
		return fmt.Sprintf("accumI16x%dNarrow%s", rows, i.name)
	}
	return fmt.Sprintf("accumI16x%d%s", rows, i.name)
}

func attnI16File(i *isa) []byte {
	a := &asm{}
	a.header(`Attention over 16-bit integers: exact int32 sums of products of pairs, scaled at
the end with separate roundings, so that every level gives the same bits.

Scores: DI s, SI, R8, R9 q of rows 0, 4 and 8, R10 bytes per row of q, DX K tile
([pair of dims][slot][2]), BX slot scales, R12 row scales, CX pairs.
Accumulation: DI, R8 acc of rows 0 and 3, R9 bytes per row, SI p ([row][slot]), DX V
tile ([pair of slots][dim][2]), R11 bytes per pair, R10 c, R12 row scales, CX pairs.`)
	for _, rows := range attnRows(i, false) {
		scoresI16(a, i, rows)
	}
	for _, narrow := range []bool{false, true} {
		for _, rows := range attnRows(i, true) {
			accumI16(a, i, rows, narrow)
		}
	}
	return a.bytes()
}

// dotI16 adds the products of the 16-bit pairs of x and y to acc.
func dotI16(a *asm, i *isa, x, y, acc, tmp string) {
	if i == avx512 {
		a.i("VPDPWSSD", x, y, acc)
		return
	}
	a.i("VPMADDWD", x, y, tmp)
	a.i("VPADDD", tmp, acc, acc)
}

// qMem is the address of row r of q.
func qMem(r int) string {
	return []string{"(SI)", "(SI)(R10*1)", "(SI)(R10*2)", "(SI)(R11*1)",
		"(R8)", "(R8)(R10*1)", "(R8)(R10*2)", "(R8)(R11*1)",
		"(R9)", "(R9)(R10*1)", "(R9)(R10*2)", "(R9)(R11*1)"}[r]
}

// scoresI16 emits a tile: two registers of slots per row, so all slots at once with
// AVX-512 and one half after the other with AVX2.
func scoresI16(a *asm, i *isa, rows int) {
	acc := func(r, h int) string { return i.r(2*r + h) }
	k := func(h int) string { return i.r(2*rows + h) }
	q, tmp := i.r(2*rows+2), i.r(2*rows+3)
	a.function(scoresI16Name(rows, i), scoresI16Args, 0, fmt.Sprintf("%d row(s).", rows))
	a.loads(scoresI16Args, "DI", "s", "R10", "qStride", "R12", "qs", "BX", "ks")
	if i == avx2 {
		a.i("XORL", "R13", "R13")
		a.label("half")
	}
	a.loads(scoresI16Args, "SI", "q", "DX", "k", "CX", "pairs")
	if i == avx2 {
		a.i("ADDQ", "R13", "DX")
	}
	if rows > 3 {
		a.i("LEAQ", "(R10)(R10*2)", "R11")
		a.i("LEAQ", "(SI)(R10*4)", "R8")
	}
	if rows > 8 {
		a.i("LEAQ", "(R8)(R10*4)", "R9")
	}
	for n := range 2 * rows {
		zero(a, i, i.r(n))
	}
	a.label("pair")
	for h := range 2 {
		a.i(i.mov, mem(i.bytes*h, "DX"), k(h))
	}
	for r := range rows {
		a.i("VPBROADCASTD", qMem(r), q)
		for h := range 2 {
			dotI16(a, i, k(h), q, acc(r, h), tmp)
		}
	}
	a.i("ADDQ", 128, "DX")
	for n, reg := range []string{"SI", "R8", "R9"} {
		if rows > 4*n {
			a.i("ADDQ", 4, reg)
		}
	}
	a.i("DECQ", "CX")
	a.i("JNE", "pair")
	scoresI16End(a, i, rows)
}

// scoresI16End scales and stores the sums.
func scoresI16End(a *asm, i *isa, rows int) {
	q := i.r(2*rows + 2)
	for h := range 2 {
		a.i("VMOVUPS", mem(i.bytes*h, "BX"), i.r(2*rows+h))
	}
	for r := range rows {
		a.i("VBROADCASTSS", mem(4*r, "R12"), q)
		for h := range 2 {
			acc := i.r(2*r + h)
			a.i("VCVTDQ2PS", acc, acc)
			a.i("VMULPS", i.r(2*rows+h), acc, acc)
			a.i("VMULPS", q, acc, acc)
			a.i("VMOVUPS", acc, mem(128*r+i.bytes*h, "DI"))
		}
	}
	if i == avx2 {
		a.i("ADDQ", 64, "DI")
		a.i("ADDQ", 64, "BX")
		a.i("ADDQ", 64, "R13")
		a.i("CMPQ", "R13", "$128")
		a.i("JNE", "half")
	}
	a.i("VZEROUPPER")
	a.i("RET")
}

// accMem is the address of row r of the accumulators.
func accMem(r, offset int) string {
	base := []string{"(DI)", "(DI)(R9*1)", "(DI)(R9*2)", "(R8)", "(R8)(R9*1)", "(R8)(R9*2)"}[r]
	if offset == 0 {
		return base
	}
	return fmt.Sprint(offset, base)
}

// accumI16 emits a tile of rows by 64 (AVX-512) or 16 (AVX2) dims, or by one
// register of dims of which the first width count.
func accumI16(a *asm, i *isa, rows int, narrow bool) {
	n := 4
	if i == avx2 {
		n = 2
	}
	doc := fmt.Sprintf("%d row(s) by %d dims.", rows, n*i.bytes/4)
	if narrow {
		n, doc = 1, fmt.Sprintf("%d row(s) by up to %d dims.", rows, i.bytes/4)
	}
	acc := func(r, h int) string { return i.r(n*r + h) }
	v := func(h int) string { return i.r(n*rows + h) }
	p, tmp := i.r(n*rows+n), i.r(n*rows+n+1)
	a.function(accumI16Name(rows, narrow, i), accumI16Args, 0, doc)
	if narrow {
		accumI16Mask(a, i)
	}
	a.loads(accumI16Args, "DI", "acc", "R9", "accStride", "SI", "p", "DX", "v", "R11", "vStride",
		"R10", "c", "R12", "ps", "CX", "pairs")
	if rows > 3 {
		a.i("LEAQ", "(R9)(R9*2)", "R8")
		a.i("ADDQ", "DI", "R8")
	}
	for j := range n * rows {
		zero(a, i, i.r(j))
	}
	a.label("pair")
	for h := range n {
		loadWidth(a, i, narrow, mem(i.bytes*h, "DX"), v(h))
	}
	for r := range rows {
		a.i("VPBROADCASTD", mem(64*r, "SI"), p)
		for h := range n {
			dotI16(a, i, v(h), p, acc(r, h), tmp)
		}
	}
	a.i("ADDQ", "R11", "DX")
	a.i("ADDQ", 4, "SI")
	a.i("DECQ", "CX")
	a.i("JNE", "pair")
	for r := range rows {
		a.i("VBROADCASTSS", mem(4*r, "R12"), p)
		a.i("VBROADCASTSS", mem(4*r, "R10"), tmp)
		for h := range n {
			a.i("VCVTDQ2PS", acc(r, h), acc(r, h))
			a.i("VMULPS", p, acc(r, h), acc(r, h))
			accumI16Store(a, i, narrow, accMem(r, i.bytes*h), acc(r, h), tmp, v(h))
		}
	}
	a.i("VZEROUPPER")
	a.i("RET")
}

// accumI16Store adds c times what is at dst to sum and stores it.
func accumI16Store(a *asm, i *isa, narrow bool, dst, sum, c, old string) {
	if !narrow {
		a.i("VMULPS", dst, c, old)
		a.i("VADDPS", old, sum, sum)
		a.i("VMOVUPS", sum, dst)
		return
	}
	loadWidth(a, i, true, dst, old)
	a.i("VMULPS", old, c, old)
	a.i("VADDPS", old, sum, sum)
	if i == avx512 {
		a.i("VMOVUPS", sum, "K1", dst)
	} else {
		a.i("VMASKMOVPS", sum, "Y15", dst)
	}
}

// loadWidth loads a register, in a narrow tile only the lanes that count.
func loadWidth(a *asm, i *isa, narrow bool, src, dst string) {
	switch {
	case !narrow:
		a.i(i.mov, src, dst)
	case i == avx512:
		a.i("VMOVDQU32.Z", src, "K1", dst)
	default:
		a.i("VPMASKMOVD", src, "Y15", dst)
	}
}

// accumI16Mask makes K1 or Y15 the mask of the first width lanes.
func accumI16Mask(a *asm, i *isa) {
	a.loads(accumI16Args, "CX", "width")
	if i == avx512 {
		a.i("MOVL", "$1", "BX")
		a.i("SHLL", "CX", "BX")
		a.i("DECL", "BX")
		a.i("KMOVW", "BX", "K1")
		return
	}
	a.i("LEAQ", "·tailMask+32(SB)", "BX")
	a.i("SHLQ", 2, "CX")
	a.i("SUBQ", "CX", "BX")
	a.i("VMOVDQU", "(BX)", "Y15")
}

func attnI16Stubs() []byte {
	s := newStubs()
	for _, i := range []*isa{avx512, avx2} {
		scores, accum := make([]string, 13), make([]string, 13)
		for _, rows := range attnRows(i, false) {
			scores[rows] = scoresI16Name(rows, i)
			s.declare(scores[rows], scoresI16Args)
		}
		for _, narrow := range []bool{false, true} {
			for _, rows := range attnRows(i, true) {
				n := rows
				if narrow {
					n += 6
				}
				accum[n] = accumI16Name(rows, narrow, i)
				s.declare(accum[n], accumI16Args)
			}
		}
		s.choose("scoresI16"+i.name, scoresI16Args, "scoresI16"+i.name+" runs the tile of a number of rows.", scores)
		s.choose("accumI16"+i.name, accumI16Args, "accumI16"+i.name+" runs the tile of a number of rows, 6 more for the narrow ones.", accum)
	}
	return s.bytes()
}
