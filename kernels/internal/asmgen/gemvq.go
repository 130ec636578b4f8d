package main

import "fmt"

const gemvArgs = "gemvQArgs"

// gemvVariant is one GEMV kernel.
type gemvVariant struct {
	isa           *isa
	p             packing
	group, planes int
}

func (v gemvVariant) name() string {
	return fmt.Sprintf("gemvQ%sG%dP%d%s", v.p.name(), v.group, v.planes, v.isa.name)
}

// gemvVariants lists the variants in dispatch order: 4·packing + 2·(group 16) + (two planes).
func gemvVariants(i *isa) []gemvVariant {
	var all []gemvVariant
	for _, p := range packings {
		for _, group := range []int{32, 16} {
			for _, planes := range []int{1, 2} {
				all = append(all, gemvVariant{i, p, group, planes})
			}
		}
	}
	return all
}

// prefetchAhead is how far GEMV prefetches its codes, in bytes.
const prefetchAhead = 8192

// xOffset is the place of chunk t's four activations in plane p of a block.
func xOffset(p, t int) int { return 16 + 32*p + 4*t }

func gemvqFile(i *isa) []byte {
	a := &asm{}
	doc := "GemvQ: 16 rows of packed codes times one quantized activation row, added to out.\n\n" +
		"DI codes, SI x, R8 ws, R9 wm, DX out, CX k blocks."
	if i == avx512 {
		doc += "\n\nA lane is a row. VPDPBUSD adds four u·q of a row; nibbles and bit pairs are\n" +
			"multiplied where they stand in the byte and the sums shifted down at the end."
	} else {
		doc += "\n\nA lane is a row, two halves of 8 rows. VPMADDUBSW adds two u·q in int16; as many\n" +
			"steps as cannot overflow are added up before VPMADDWD widens. Codes above 63 are\n" +
			"multiplied as two nibbles."
	}
	a.header(doc)
	if i == avx2 {
		a.text("")
		a.text("DATA gemvOnes<>+0(SB)/8, $0x0001000100010001")
		a.text("DATA gemvOnes<>+8(SB)/8, $0x0001000100010001")
		a.text("DATA gemvOnes<>+16(SB)/8, $0x0001000100010001")
		a.text("DATA gemvOnes<>+24(SB)/8, $0x0001000100010001")
		a.text("GLOBL gemvOnes<>(SB), RODATA|NOPTR, $32")
	}
	for _, v := range gemvVariants(i) {
		if i == avx512 {
			gemv512(a, v)
		} else {
			gemv256(a, v)
		}
	}
	return a.bytes()
}

// gemvFrame emits a kernel around the body of one k block.
func gemvFrame(a *asm, v gemvVariant, m *masks, lut func(), body *asm) {
	i := v.isa
	a.function(v.name(), gemvArgs, 0, fmt.Sprintf("%d-bit codes, groups of %d, %d activation plane(s).", v.p.bits, v.group, v.planes))
	a.loads(gemvArgs, "DI", "codes", "SI", "x", "R8", "ws", "R9", "wm", "DX", "out", "CX", "nb")
	m.prologue(a)
	if v.p.lut {
		a.i("MOVQ", gemvArgs+"_lut(AX)", "BX")
		lut()
	}
	for h := range i.halves() {
		a.i("VMOVUPS", mem(i.bytes*h, "DX"), i.r(h))
	}
	a.label("block")
	for o := 0; o < v.p.blockBytes(); o += 64 {
		a.i("PREFETCHT0", mem(prefetchAhead+o, "DI"))
	}
	a.append(body)
	a.blank()
	a.i("ADDQ", v.p.blockBytes(), "DI")
	a.i("ADDQ", 16+32*v.planes, "SI")
	a.i("ADDQ", 64*32/v.group, "R8")
	a.i("ADDQ", 64*32/v.group, "R9")
	a.i("DECQ", "CX")
	a.i("JNE", "block")
	for h := range i.halves() {
		a.i("VMOVUPS", i.r(h), mem(i.bytes*h, "DX"))
	}
	a.i("VZEROUPPER")
	a.i("RET")
}

// sumOffset is the place of a group's activation sum in the block header.
func sumOffset(group, g int) int {
	if group == 32 {
		return 4
	}
	return 8 + 4*g
}

// gemv512 registers: Z0 acc, Z1-Z8 integer sums, Z9-Z12 scaling, Z16 packed codes,
// Z17 high bits, Z18-Z23 codes, Z25 table, Z26-Z31 masks.
func gemv512(a *asm, v gemvVariant) {
	body := &asm{}
	u := &unpacker{
		a: body, isa: v.isa, p: v.p, m: newMasks(v.isa, 31), base: "DI", inPlace: true,
		packed: "Z16", high: "Z17", lut: "Z25", temps: []string{"Z18", "Z19", "Z20", "Z21", "Z22", "Z23"},
	}
	chunks := v.group / 4
	for g := range 32 / v.group {
		body.blank()
		s := &sums512{a: body, next: 1, regs: map[[2]int]string{}}
		for t := g * chunks; t < (g+1)*chunks; t++ {
			r, shift := u.chunk(t)
			key := shift
			if v.p.bits == 8 {
				key = 100 * (t % 2) // two chains for latency
			}
			for p := range v.planes {
				acc := s.get(p, key)
				body.i("VPDPBUSD.BCST", mem(xOffset(p, t), "SI"), r, acc)
			}
		}
		total := s.total(v.planes)
		body.i("VBROADCASTSS", "(SI)", "Z9")
		body.i("VCVTDQ2PS", total, total)
		body.i("VMULPS", mem(64*g, "R8"), "Z9", "Z9")
		body.note("ws·d")
		body.i("VMOVUPS", mem(64*g, "R9"), "Z10")
		body.i("VFMADD231PS", "Z9", total, "Z0")
		body.note("acc += isum·(ws·d)")
		body.i("VFMADD231PS.BCST", mem(sumOffset(v.group, g), "SI"), "Z10", "Z0")
		body.note("acc += wm·s")
	}
	gemvFrame(a, v, u.m, func() { broadcastTable(a, v.isa, "Z25") }, body)
}

// sums512 hands out the integer accumulators of a group by plane and shift.
type sums512 struct {
	a     *asm
	next  int
	order [][2]int
	regs  map[[2]int]string
}

// get returns the accumulator, cleared at its first use.
func (s *sums512) get(plane, shift int) string {
	k := [2]int{plane, shift}
	if r, ok := s.regs[k]; ok {
		return r
	}
	r := avx512.r(s.next)
	s.next++
	s.regs[k] = r
	s.order = append(s.order, k)
	zero(s.a, avx512, r)
	return r
}

// total adds the accumulators up: shifts undone, plane 0 times 128.
func (s *sums512) total(planes int) string {
	var plane [2]string
	for _, k := range s.order {
		r := s.regs[k]
		if k[1] > 0 && k[1] < 100 {
			s.a.i("VPSRAD", k[1], r, r)
		}
		if sum := plane[k[0]]; sum == "" {
			plane[k[0]] = r
		} else {
			s.a.i("VPADDD", r, sum, sum)
		}
	}
	if planes == 2 {
		s.a.i("VPSLLD", 7, plane[0], plane[0])
		s.a.i("VPADDD", plane[1], plane[0], plane[0])
	}
	return plane[0]
}

// steps is how many VPMADDUBSW results with codes up to limit fit an int16 sum.
func steps(limit int) int {
	switch {
	case limit <= 15:
		return 8
	case limit <= 31:
		return 4
	case limit <= 63:
		return 2
	}
	panic("codes too large for VPMADDUBSW")
}

// gemv256 registers: Y0, Y1 acc, Y2 packed codes, Y3 high bits, Y4-Y5 codes, Y6
// product, Y7-Y8 int16 sums, Y9-Y10 int32 sums of the planes (or the sums of the
// high nibbles), Y11 spare, Y12 down to masks from Y15.
func gemv256(a *asm, v gemvVariant) {
	body := &asm{}
	k := &gemv256Body{a: body, v: v, u: &unpacker{
		a: body, isa: v.isa, p: v.p, m: newMasks(v.isa, 15), base: "DI",
		packed: "Y2", high: "Y3", temps: []string{"Y4", "Y5"},
	}}
	for h := range 2 {
		k.u.offset = 32 * h
		for g := range 32 / v.group {
			body.blank()
			k.group(h, g)
		}
	}
	gemvFrame(a, v, k.u.m, func() { splitTable(a, k.u.m.get(15)) }, body)
}

// splitTable loads the table at BX as its low nibbles (Y11) and high nibbles (Y12).
func splitTable(a *asm, mask string) {
	a.i("VBROADCASTI128", "(BX)", "Y11")
	a.i("VPSRLW", 4, "Y11", "Y12")
	a.i("VPAND", mask, "Y11", "Y11")
	a.i("VPAND", mask, "Y12", "Y12")
}

// gemv256Body emits the parts of an AVX2 GEMV block.
type gemv256Body struct {
	a *asm
	v gemvVariant
	u *unpacker
}

// group emits one scale group of half h.
func (k *gemv256Body) group(h, g int) {
	v, a := k.v, k.a
	chunks := v.group / 4
	wide := v.p.limit() > 63
	n := 8
	if !wide {
		n = steps(v.p.limit())
	}
	for t := g * chunks; t < (g+1)*chunks; t++ {
		first := t%n == 0 || t == g*chunks
		parts := k.codes(t, wide)
		for p := range v.planes {
			a.i("VPBROADCASTD", mem(xOffset(p, t), "SI"), "Y6")
			for j, r := range parts {
				k.product(r, avx2.r(7+p+2*j), first, j == len(parts)-1)
			}
		}
		if !wide && (t+1)%n == 0 && v.group/4 > n {
			k.widen(t/n*n == g*chunks)
		}
	}
	k.finish(h, g, wide, n)
}

// codes unpacks chunk t of the half; wide codes come as low and high nibbles.
func (k *gemv256Body) codes(t int, wide bool) []string {
	r, _ := k.u.chunk(t)
	switch {
	case !wide:
		return []string{r}
	case k.v.p.lut:
		hi := k.u.temp()
		k.a.i("VPSHUFB", r, "Y12", hi)
		k.a.i("VPSHUFB", r, "Y11", r)
		return []string{r, hi}
	}
	hi, m := k.u.temp(), k.u.m.get(15)
	k.a.i("VPSRLW", 4, r, hi)
	k.a.i("VPAND", m, r, r)
	k.a.i("VPAND", m, hi, hi)
	return []string{r, hi}
}

// product adds codes times the activations in Y6 to an int16 sum. last allows the
// activations to be overwritten.
func (k *gemv256Body) product(codes, sum string, first, last bool) {
	if first {
		k.a.i("VPMADDUBSW", "Y6", codes, sum)
		return
	}
	tmp := "Y6"
	if !last {
		tmp = "Y13"
	}
	k.a.i("VPMADDUBSW", "Y6", codes, tmp)
	k.a.i("VPADDW", tmp, sum, sum)
}

// widen moves the int16 sums of the planes to the int32 sums.
func (k *gemv256Body) widen(first bool) {
	for p := range k.v.planes {
		s16, s32 := avx2.r(7+p), avx2.r(9+p)
		if first {
			k.a.i("VPMADDWD", "gemvOnes<>(SB)", s16, s32)
			continue
		}
		k.a.i("VPMADDWD", "gemvOnes<>(SB)", s16, s16)
		k.a.i("VPADDD", s16, s32, s32)
	}
}

// finish makes the group's integer sum and adds it, scaled, to the accumulator.
func (k *gemv256Body) finish(h, g int, wide bool, n int) {
	v, a := k.v, k.a
	base := 7
	switch {
	case wide:
		for p := range v.planes {
			lo, hi := avx2.r(7+p), avx2.r(9+p)
			a.i("VPMADDWD", "gemvOnes<>(SB)", lo, lo)
			a.i("VPMADDWD", "gemvOnes<>(SB)", hi, hi)
			a.i("VPSLLD", 4, hi, hi)
			a.i("VPADDD", hi, lo, lo)
		}
	case v.group/4 > n:
		base = 9
	default:
		for p := range v.planes {
			a.i("VPMADDWD", "gemvOnes<>(SB)", avx2.r(7+p), avx2.r(7+p))
		}
	}
	sum := avx2.r(base)
	if v.planes == 2 {
		a.i("VPSLLD", 7, sum, sum)
		a.i("VPADDD", avx2.r(base+1), sum, sum)
	}
	acc := avx2.r(h)
	a.i("VBROADCASTSS", "(SI)", "Y6")
	a.i("VCVTDQ2PS", sum, sum)
	a.i("VMULPS", mem(64*g+32*h, "R8"), "Y6", "Y6")
	a.note("ws·d")
	a.i("VFMADD231PS", "Y6", sum, acc)
	a.note("acc += isum·(ws·d)")
	a.i("VBROADCASTSS", mem(sumOffset(v.group, g), "SI"), "Y6")
	a.i("VFMADD231PS", mem(64*g+32*h, "R9"), "Y6", acc)
	a.note("acc += wm·s")
}

func gemvqStubs() []byte {
	s := newStubs()
	for _, i := range []*isa{avx512, avx2} {
		var names []string
		for _, v := range gemvVariants(i) {
			s.declare(v.name(), gemvArgs)
			names = append(names, v.name())
		}
		s.choose("gemvQ"+i.name, gemvArgs, "gemvQ"+i.name+" runs variant 4·packing + 2·(groups of 16) + (two planes).", names)
	}
	return s.bytes()
}
