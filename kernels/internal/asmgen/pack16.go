package main

import "fmt"

const pack16Args = "pack16Args"

// pack16Forms are the block formats in the order of package kernels, from 1: where the
// codes begin in a block, its size, and what the codes are.
var pack16Forms = []struct {
	name        string
	at, size    int
	words       int // of codes
	nibbles     bool
	min, scales bool
}{
	{"Words", 0, 4, 1, false, false, false},
	{"Bytes", 2, 34, 8, false, false, true},
	{"Nibbles", 2, 18, 4, true, false, true},
	{"NibblesMin", 4, 20, 4, true, true, true},
}

func pack16Name(i int) string { return "pack16" + pack16Forms[i].name + "AVX512" }

func pack16File() []byte {
	a := &asm{}
	a.header(`Pack16: blocks of 16 rows side by side.

SI src, DI codes, DX scales, CX blocks. Z0 offsets of the rows, Z31 mask. A gather
takes the same word of all rows.`)
	a.text("")
	for i := range 8 {
		a.text(fmt.Sprintf("DATA pack16Lanes<>+%d(SB)/8, $0x%08x%08x", 8*i, 2*i+1, 2*i))
	}
	a.text("GLOBL pack16Lanes<>(SB), RODATA|NOPTR, $64")
	for i := range pack16Forms {
		pack16(a, i)
	}
	return a.bytes()
}

func pack16(a *asm, form int) {
	f := pack16Forms[form]
	gather := func(at int, reg string) {
		a.i("KXNORW", "K1", "K1", "K1")
		a.i("VPGATHERDD", mem(at, "SI")+"(Z0*1)", "K1", reg)
	}
	a.function(pack16Name(form), pack16Args, 0, fmt.Sprintf("Blocks of %d bytes.", f.size))
	a.loads(pack16Args, "SI", "src", "DI", "codes", "DX", "scales", "CX", "n")
	a.i("VPBROADCASTD", pack16Args+"_stride(AX)", "Z0")
	a.i("VPMULLD", "pack16Lanes<>(SB)", "Z0", "Z0")
	switch {
	case f.nibbles:
		broadcast32(a, avx512, 0x0f0f0f0f, "Z31")
	case f.scales:
		broadcast32(a, avx512, 0x80808080, "Z31")
	}
	a.label("block")
	if f.scales {
		gather(0, "Z9")
		a.i("VPMOVDW", "Z9", "(DX)")
		a.note("d")
		if f.min {
			a.i("VPSRLD", 16, "Z9", "Z9")
			a.i("VPMOVDW", "Z9", "32(DX)")
			a.note("m")
			a.i("ADDQ", 64, "DX")
		} else {
			a.i("ADDQ", 32, "DX")
		}
	}
	for w := range f.words {
		gather(f.at+4*w, avx512.r(1+w))
	}
	if f.nibbles {
		pack16Nibbles(a)
	} else {
		for w := range f.words {
			if f.scales {
				a.i("VPXORD", "Z31", avx512.r(1+w), avx512.r(1+w))
			}
			a.i("VMOVDQU32", avx512.r(1+w), mem(64*w, "DI"))
		}
	}
	a.i("ADDQ", f.size, "SI")
	a.i("ADDQ", 64*f.words, "DI")
	a.i("DECQ", "CX")
	a.i("JNE", "block")
	a.i("VZEROUPPER")
	a.i("RET")
}

// pack16Nibbles stores the codes of Z1-Z4, whose low nibbles are the values 0-15 and
// high nibbles 16-31 of a block, in the order of Codes4.
func pack16Nibbles(a *asm) {
	for h := range 2 {
		even, odd := avx512.r(1+2*h), avx512.r(2+2*h)
		a.i("VPSLLD", 4, odd, "Z10")
		a.i("VPTERNLOGD", "$0xd8", "Z31", even, "Z10")
		a.note("low nibbles of both")
		a.i("VPSRLD", 4, even, "Z11")
		a.i("VPTERNLOGD", "$0xe4", "Z31", odd, "Z11")
		a.note("high nibbles of both")
		a.i("VMOVDQU32", "Z10", mem(64*h, "DI"))
		a.i("VMOVDQU32", "Z11", mem(128+64*h, "DI"))
	}
}

func pack16Stubs() []byte {
	s := newStubs()
	var names []string
	for i := range pack16Forms {
		s.declare(pack16Name(i), pack16Args)
		names = append(names, pack16Name(i))
	}
	s.choose("pack16AVX512", pack16Args, "pack16AVX512 runs the variant of a form, from 0.", names)
	return s.bytes()
}
