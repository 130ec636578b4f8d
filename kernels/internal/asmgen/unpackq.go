package main

import "fmt"

const unpackArgs = "unpackQArgs"

func unpackName(p packing, i *isa) string { return "unpackQ" + p.name() + i.name }

// unpackqFile is UnpackQ for all packings at both levels.
func unpackqFile() []byte {
	a := &asm{}
	a.header("UnpackQ: codes of one row group to bytes.\n\nDI dst, SI codes, CX k blocks.")
	for _, i := range []*isa{avx512, avx2} {
		for _, p := range packings {
			if p.bits != 8 {
				unpackqKernel(a, i, p)
			}
		}
	}
	return a.bytes()
}

func unpackqKernel(a *asm, i *isa, p packing) {
	top := map[*isa]int{avx512: 31, avx2: 15}[i]
	body := &asm{}
	u := &unpacker{
		a: body, isa: i, p: p, m: newMasks(i, top), base: "SI",
		packed: i.r(0), high: i.r(1), lut: i.r(2), temps: []string{i.r(3), i.r(4), i.r(5), i.r(6)},
	}
	for h := range i.halves() {
		u.offset = h * i.bytes
		for t := range 8 {
			r, _ := u.chunk(t)
			if i == avx512 {
				body.i("VPADDB", "Z7", r, r)
			}
			body.i(i.mov, r, mem(64*t+u.offset, "DI"))
		}
	}
	a.function(unpackName(p, i), unpackArgs, 0, fmt.Sprintf("%d-bit codes, %s.", p.bits, i.word))
	a.loads(unpackArgs, "DI", "dst", "SI", "codes", "CX", "nb")
	u.m.prologue(a)
	if i == avx512 {
		a.i("VPBROADCASTB", unpackArgs+"_bias(AX)", "Z7")
	}
	if p.lut {
		a.i("MOVQ", unpackArgs+"_lut(AX)", "BX")
		broadcastTable(a, i, i.r(2))
	}
	a.label("block")
	a.append(body)
	a.blank()
	a.i("ADDQ", p.blockBytes(), "SI")
	a.i("ADDQ", 512, "DI")
	a.i("DECQ", "CX")
	a.i("JNE", "block")
	a.i("VZEROUPPER")
	a.i("RET")
}

// broadcastTable loads the 16 bytes at BX into every 128-bit lane.
func broadcastTable(a *asm, i *isa, reg string) {
	op := "VBROADCASTI128"
	if i == avx512 {
		op = "VBROADCASTI32X4"
	}
	a.i(op, "(BX)", reg)
}

func unpackqStubs() []byte {
	s := newStubs()
	for _, i := range []*isa{avx512, avx2} {
		var names []string
		for _, p := range packings {
			if p.bits == 8 {
				names = append(names, "")
				continue
			}
			n := unpackName(p, i)
			s.declare(n, unpackArgs)
			names = append(names, n)
		}
		s.choose("unpackQ"+i.name, unpackArgs, "unpackQ"+i.name+" runs the variant of a packing.", names)
	}
	return s.bytes()
}
