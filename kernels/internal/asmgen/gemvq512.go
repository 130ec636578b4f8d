package main

// gemv512 registers: Z0 acc, Z1-Z8 integer sums, Z9-Z14 scaling, Z16 packed codes,
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
		gemvScale512(body, v, g, s.total(v.planes))
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

// gemvScale512 adds the integer sums of group g, corrected and scaled, to the
// accumulator: ws in Z9, wm in Z10 (or its negative, for a negated FMA).
func gemvScale512(a *asm, v gemvVariant, g int, sum string) {
	fma := "VFMADD231PS"
	switch v.kind {
	case "":
		a.i("VMOVUPS", mem(64*g, "R8"), "Z9")
		if v.min {
			a.i("VMOVUPS", mem(64*g, "R9"), "Z10")
		}
	case "D":
		half(a, "(R8)", "Z9")
	case "BF":
		brain(a, "(R8)", "Z9")
	case "DM":
		half(a, "(R8)", "Z9")
		half(a, "32(R8)", "Z10")
	case "K":
		a.i("VPMOVSXBD", mem(16*g, "R8"), "Z9")
		a.i("VCVTDQ2PS", "Z9", "Z9")
		a.i("VMULPS", "Z11", "Z9", "Z9")
	case "KM":
		fma = "VFNMADD231PS"
		a.i("VPMOVZXBD", mem(32*g, "R8"), "Z9")
		a.i("VPMOVZXBD", mem(32*g+16, "R8"), "Z10")
		a.i("VCVTDQ2PS", "Z9", "Z9")
		a.i("VCVTDQ2PS", "Z10", "Z10")
		a.i("VMULPS", "Z11", "Z9", "Z9")
		a.i("VMULPS", "Z12", "Z10", "Z10")
	}
	if !v.min {
		xSum512(a, v.group, g, "Z10")
		a.i("VPSRAD", "X13", "Z10", "Z10")
		a.i("VPADDD", "Z10", sum, sum)
		a.note("isum -= zero·Σq")
	}
	a.i("VCVTDQ2PS", sum, sum)
	a.i("VMULPS.BCST", mem(atD, "SI"), "Z9", "Z9")
	a.note("ws·d")
	a.i("VFMADD231PS", "Z9", sum, "Z0")
	a.note("acc += isum·(ws·d)")
	switch {
	case !v.min:
	case v.group == 32:
		a.i(fma+".BCST", mem(atS, "SI"), "Z10", "Z0")
		a.note("acc += wm·s")
	default:
		xSum512(a, v.group, g, "Z14")
		a.i("VCVTDQ2PS", "Z14", "Z14")
		a.i("VMULPS.BCST", "gemvMinus128th<>(SB)", "Z14", "Z14")
		a.i("VMULPS.BCST", mem(atD, "SI"), "Z14", "Z14")
		a.i(fma, "Z14", "Z10", "Z0")
		a.note("acc += wm·s")
	}
}

// xSum512 leaves -128·Σq of group g in reg.
func xSum512(a *asm, group, g int, reg string) {
	xSum(group, g, func(o int) { a.i("VPBROADCASTD", mem(o, "SI"), reg) },
		func(o int) { a.i("VPSUBD.BCST", mem(o, "SI"), reg, reg) })
}
