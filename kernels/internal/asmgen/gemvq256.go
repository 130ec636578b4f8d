package main

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
	gemvScale256(a, v, h, g, sum)
}

// gemvScale256 adds the integer sums of half h of group g, corrected and scaled, to the
// accumulator: ws in Y4, wm in Y5 (or its negative, for a negated FMA).
func gemvScale256(a *asm, v gemvVariant, h, g int, sum string) {
	fma := "VFMADD231PS"
	if !v.min {
		xSum256(a, v.group, g, "Y5", "Y6")
		a.i("VPSRAD", v.args()+"_shift(AX)", "Y5", "Y5")
		a.i("VPADDD", "Y5", sum, sum)
		a.note("isum -= zero·Σq")
	}
	switch v.kind {
	case "":
		a.i("VMOVUPS", mem(64*g+32*h, "R8"), "Y4")
		if v.min {
			a.i("VMOVUPS", mem(64*g+32*h, "R9"), "Y5")
		}
	case "D":
		half(a, mem(16*h, "R8"), "Y4")
	case "BF":
		brain(a, mem(16*h, "R8"), "Y4")
	case "DM":
		half(a, mem(16*h, "R8"), "Y4")
		half(a, mem(16*h+32, "R8"), "Y5")
	case "K", "KM":
		if v.min {
			fma = "VFNMADD231PS"
		}
		gemvSuper256(a, v, h, g)
	}
	a.i("VBROADCASTSS", mem(atD, "SI"), "Y6")
	a.i("VCVTDQ2PS", sum, sum)
	a.i("VMULPS", "Y6", "Y4", "Y4")
	a.note("ws·d")
	a.i("VFMADD231PS", "Y4", sum, avx2.r(h))
	a.note("acc += isum·(ws·d)")
	switch {
	case !v.min:
		return
	case v.group == 32:
		a.i("VBROADCASTSS", mem(atS, "SI"), "Y6")
	default:
		gemvSum256(a, v, g)
	}
	a.i(fma, "Y6", "Y5", avx2.r(h))
	a.note("acc += wm·s")
}

// gemvSum256 leaves s of group g, where d is in Y6, in Y6; it uses Y4 and sum registers.
func gemvSum256(a *asm, v gemvVariant, g int) {
	xSum256(a, v.group, g, "Y4", "Y7")
	a.i("VCVTDQ2PS", "Y4", "Y4")
	a.i("VBROADCASTSS", "gemvMinus128th<>(SB)", "Y7")
	a.i("VMULPS", "Y7", "Y4", "Y4")
	a.i("VMULPS", "Y4", "Y6", "Y6")
}

// xSum256 leaves -128·Σq of group g in reg.
func xSum256(a *asm, group, g int, reg, tmp string) {
	xSum(group, g, func(o int) { a.i("VPBROADCASTD", mem(o, "SI"), reg) },
		func(o int) {
			a.i("VPBROADCASTD", mem(o, "SI"), tmp)
			a.i("VPSUBD", tmp, reg, reg)
		})
}

// gemvSuper256 makes the scales of a K kind; the super-block's head is at R9.
func gemvSuper256(a *asm, v gemvVariant, h, g int) {
	extend, at := "VPMOVSXBD", 16*g+8*h
	if v.kind == "KM" {
		extend, at = "VPMOVZXBD", 32*g+8*h
	}
	half(a, mem(16*h, "R9"), "Y5")
	a.i(extend, mem(at, "R8"), "Y4")
	a.i("VCVTDQ2PS", "Y4", "Y4")
	a.i("VMULPS", "Y5", "Y4", "Y4")
	if v.kind == "K" {
		return
	}
	half(a, mem(32+16*h, "R9"), "Y6")
	a.i(extend, mem(at+16, "R8"), "Y5")
	a.i("VCVTDQ2PS", "Y5", "Y5")
	a.i("VMULPS", "Y6", "Y5", "Y5")
}
