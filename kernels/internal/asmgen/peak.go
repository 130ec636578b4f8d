package main

import "fmt"

const peakArgs = "peakArgs"

// peaks are the instructions that bound the matrix products, per level.
var peaks = []struct {
	name string
	isa  *isa
	emit func(a *asm, acc string)
}{
	{"peakDot", avx512, func(a *asm, acc string) { a.i("VPDPBUSD", "Z30", "Z31", acc) }},
	{"peakFMA", avx512, func(a *asm, acc string) { a.i("VFMADD231PS", "Z30", "Z31", acc) }},
	{"peakDot", avx2, func(a *asm, acc string) {
		a.i("VPMADDUBSW", "Y14", "Y15", "Y13")
		a.i("VPADDW", "Y13", acc, acc)
	}},
	{"peakFMA", avx2, func(a *asm, acc string) { a.i("VFMADD231PS", "Y14", "Y15", acc) }},
}

func peakFile() []byte {
	a := &asm{}
	a.header("Instruction peaks that the benchmarks compare the products with: n rounds of 12\nindependent dot or FMA steps on zeroed registers.")
	for _, p := range peaks {
		a.function(p.name+p.isa.name, peakArgs, 0, "12·n steps.")
		a.loads(peakArgs, "CX", "n")
		for r := range 12 {
			zero(a, p.isa, p.isa.r(r))
		}
		for r := 12; r < 16; r++ {
			zero(a, p.isa, p.isa.r(r+(p.isa.bytes-32)/2))
		}
		a.label("round")
		for r := range 12 {
			p.emit(a, p.isa.r(r))
		}
		a.i("DECQ", "CX")
		a.i("JNE", "round")
		a.i("VZEROUPPER")
		a.i("RET")
	}
	return a.bytes()
}

func peakStubs() []byte {
	s := newStubs()
	fmt.Fprintf(s, "\n// peakArgs are the arguments of the instruction peaks.\ntype %s struct{ n int }\n", peakArgs)
	for _, p := range peaks {
		s.declare(p.name+p.isa.name, peakArgs)
	}
	return s.bytes()
}
