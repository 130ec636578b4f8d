package main

import "fmt"

const expandArgs = "expandArgs"

// scaleKinds are the scale streams in the order of package kernels.
var scaleKinds = []string{"D", "DM", "BF", "K", "KM"}

func expandName(kind string, i *isa) string { return "expand" + kind + i.name }

func expandFile() []byte {
	a := &asm{}
	a.header(`ExpandScales: scale streams to float32.

SI src, DI ws, DX wm, CX records (k blocks, or super-blocks of the K kinds), R8
groups per super-block.`)
	for _, i := range []*isa{avx512, avx2} {
		for _, kind := range scaleKinds {
			if kind[0] == 'K' {
				expandSuper(a, i, kind)
			} else {
				expandBlock(a, i, kind)
			}
		}
	}
	return a.bytes()
}

// half emits the conversion of lanes half floats at src.
func half(a *asm, src, dst string) { a.i("VCVTPH2PS", src, dst) }

// brain emits the conversion of lanes bfloat16 numbers at src.
func brain(a *asm, src, dst string) {
	a.i("VPMOVZXWD", src, dst)
	a.i("VPSLLD", 16, dst, dst)
}

// expandStart emits the prologue.
func expandStart(a *asm, i *isa, kind, doc string) {
	a.function(expandName(kind, i), expandArgs, 0, doc)
	a.loads(expandArgs, "SI", "src", "DI", "ws", "DX", "wm", "CX", "n", "R8", "perSuper")
}

func expandBlock(a *asm, i *isa, kind string) {
	expandStart(a, i, kind, fmt.Sprintf("Kind Scale%s, %s.", kind, i.word))
	size := 32
	if kind == "DM" {
		size = 64
	}
	a.label("block")
	for h := range i.halves() {
		w, m, src := i.r(2*h), i.r(2*h+1), mem(h*i.bytes/2, "SI")
		if kind == "BF" {
			brain(a, src, w)
		} else {
			half(a, src, w)
		}
		if kind == "DM" {
			half(a, mem(32+h*i.bytes/2, "SI"), m)
			a.i("VMOVUPS", m, mem(h*i.bytes, "DX"))
		}
		a.i("VMOVUPS", w, mem(h*i.bytes, "DI"))
	}
	a.i("ADDQ", size, "SI")
	a.i("ADDQ", 64, "DI")
	a.i("ADDQ", 64, "DX")
	a.i("DECQ", "CX")
	a.i("JNE", "block")
	a.i("VZEROUPPER")
	a.i("RET")
}

func expandSuper(a *asm, i *isa, kind string) {
	expandStart(a, i, kind, fmt.Sprintf("Kind Scale%s, %s.", kind, i.word))
	if kind == "KM" {
		broadcast32(a, i, 1<<31, i.r(14))
	}
	d := func(h int) string { return i.r(4 + h) }
	dmin := func(h int) string { return i.r(6 + h) }
	a.label("super")
	for h := range i.halves() {
		half(a, mem(h*i.bytes/2, "SI"), d(h))
		if kind == "KM" {
			half(a, mem(32+h*i.bytes/2, "SI"), dmin(h))
			a.i(i.xor, i.r(14), dmin(h), dmin(h))
			a.note("-dmin")
		}
	}
	a.i("ADDQ", 32*len(kind), "SI")
	a.i("MOVQ", "R8", "R9")
	a.label("group")
	for h := range i.halves() {
		expandScale(a, i, kind, h, d(h), dmin(h))
	}
	a.i("ADDQ", 16*len(kind), "SI")
	a.i("ADDQ", 64, "DI")
	a.i("ADDQ", 64, "DX")
	a.i("DECQ", "R9")
	a.i("JNE", "group")
	a.i("DECQ", "CX")
	a.i("JNE", "super")
	a.i("VZEROUPPER")
	a.i("RET")
}

// expandScale emits one group's half h.
func expandScale(a *asm, i *isa, kind string, h int, d, dmin string) {
	w, m, extend := i.r(2*h), i.r(2*h+1), "VPMOVSXBD"
	if kind == "KM" {
		extend = "VPMOVZXBD"
		a.i(extend, mem(16+h*i.bytes/4, "SI"), m)
		a.i("VCVTDQ2PS", m, m)
		a.i("VMULPS", dmin, m, m)
		a.note("wm = (-dmin)·mn")
	}
	a.i(extend, mem(h*i.bytes/4, "SI"), w)
	a.i("VCVTDQ2PS", w, w)
	a.i("VMULPS", d, w, w)
	a.note("ws = d·sc")
	a.i("VMOVUPS", w, mem(h*i.bytes, "DI"))
	if kind == "KM" {
		a.i("VMOVUPS", m, mem(h*i.bytes, "DX"))
	}
}

func expandStubs() []byte {
	s := newStubs()
	for _, i := range []*isa{avx512, avx2} {
		var names []string
		for _, kind := range scaleKinds {
			s.declare(expandName(kind, i), expandArgs)
			names = append(names, expandName(kind, i))
		}
		s.choose("expand"+i.name, expandArgs, "expand"+i.name+" runs the variant of a scale kind.", names)
	}
	return s.bytes()
}
