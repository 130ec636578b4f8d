package main

import "fmt"

const (
	gemvArgs   = "gemvQArgs"
	packedArgs = "gemvPackedArgs"
)

// gemvVariant is one GEMV kernel.
type gemvVariant struct {
	isa           *isa
	p             packing
	kind          string // of the packed scales; "" takes expanded scales
	min           bool   // weights are ws·u + wm, not ws·(u - zero)
	group, planes int
}

func (v gemvVariant) name() string {
	if v.kind == "" {
		return fmt.Sprintf("gemvQ%s%sG%dP%d%s", v.p.name(), minName(v.min), v.group, v.planes, v.isa.name)
	}
	return fmt.Sprintf("gemvPacked%s%sG%dP%d%s", v.p.name(), v.kind, v.group, v.planes, v.isa.name)
}

func (v gemvVariant) args() string {
	if v.kind == "" {
		return gemvArgs
	}
	return packedArgs
}

// super reports whether the scales come in super-blocks.
func (v gemvVariant) super() bool { return v.kind != "" && v.kind[0] == 'K' }

// minName is the part of a name that says whether weights have a minimum.
func minName(min bool) string {
	if min {
		return "M"
	}
	return "Z"
}

// expandedForms are the combinations of codes, minimum and group that block formats
// use; the order is that of expandedForm in package kernels.
var expandedForms = []struct {
	p     packing
	min   bool
	group int
}{
	{packing{2, false}, false, 32},
	{packing{4, false}, false, 32},
	{packing{4, false}, true, 32},
	{packing{5, false}, false, 32},
	{packing{5, false}, true, 32},
	{packing{8, false}, false, 32},
	{packing{4, true}, false, 32},
	{packing{2, false}, true, 16},
	{packing{3, false}, false, 16},
	{packing{6, false}, false, 16},
	// Panels, where GemmQ is GemvQ column by column.
	{packing{8, false}, false, 16},
	{packing{8, false}, true, 32},
	{packing{8, false}, true, 16},
}

// gemvVariants lists the variants with expanded scales in dispatch order:
// 2·form + (two planes).
func gemvVariants(i *isa) []gemvVariant {
	var all []gemvVariant
	forms := expandedForms
	if i != neon {
		forms = forms[:len(forms)-3]
	}
	for _, f := range forms {
		for _, planes := range []int{1, 2} {
			all = append(all, gemvVariant{i, f.p, "", f.min, f.group, planes})
		}
	}
	return all
}

// packedForms are the combinations of codes and scales that block formats use; the
// order is that of forms in package kernels.
var packedForms = []struct {
	p     packing
	kind  string
	group int
}{
	{packing{4, false}, "D", 32},
	{packing{4, false}, "DM", 32},
	{packing{5, false}, "D", 32},
	{packing{5, false}, "DM", 32},
	{packing{8, false}, "D", 32},
	{packing{4, true}, "D", 32},
	{packing{4, true}, "BF", 32},
	{packing{4, true}, "K", 32},
	{packing{2, false}, "K", 32},
	{packing{4, false}, "KM", 32},
	{packing{5, false}, "KM", 32},
	{packing{2, false}, "KM", 16},
	{packing{3, false}, "K", 16},
	{packing{6, false}, "K", 16},
}

// packedVariants lists the variants with packed scales: 2·form + (two planes).
func packedVariants(i *isa) []gemvVariant {
	var all []gemvVariant
	for _, f := range packedForms {
		for _, planes := range []int{1, 2} {
			all = append(all, gemvVariant{i, f.p, f.kind, f.kind == "DM" || f.kind == "KM", f.group, planes})
		}
	}
	return all
}

// prefetchAhead is how far GEMV prefetches its codes, in bytes; scales are
// prefetched for the same number of blocks.
const prefetchAhead = 3072

// xOffset is the place of chunk t's four activations in plane p of a block.
func xOffset(p, t int) int { return 16 + 32*p + 4*t }

// Offsets in the header of an activation block.
const (
	atD  = 0  // f32 d
	atS  = 4  // f32 d·Σq
	atN  = 8  // int32 -128·Σq
	atN0 = 12 // int32 of the first half
)

// xSum emits -128·Σq of scale group g: load broadcasts the integer at an offset of the
// header, minus subtracts such a broadcast.
func xSum(group, g int, load, minus func(offset int)) {
	switch {
	case group == 32:
		load(atN)
	case g == 0:
		load(atN0)
	default:
		load(atN)
		minus(atN0)
	}
}

func gemvqFile(i *isa, variants []gemvVariant, scales string) []byte {
	a := &asm{}
	doc := "16 rows of packed codes times one quantized activation row, added to out.\n\n" +
		"DI codes, SI x, DX out, " + scales
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
		for o := 0; o < 32; o += 8 {
			a.text(fmt.Sprintf("DATA gemvOnes<>+%d(SB)/8, $0x0001000100010001", o))
		}
		a.text("GLOBL gemvOnes<>(SB), RODATA|NOPTR, $32")
	}
	minus128th(a, "gemv")
	for _, v := range variants {
		if i == avx512 {
			gemv512(a, v)
		} else {
			gemv256(a, v)
		}
	}
	return a.bytes()
}

// minus128th defines the constant that makes Σq of a header's -128·Σq.
func minus128th(a *asm, prefix string) {
	a.text("")
	a.text("DATA " + prefix + "Minus128th<>(SB)/4, $0xbc000000")
	a.text("GLOBL " + prefix + "Minus128th<>(SB), RODATA|NOPTR, $4")
}

func gemvqExpanded(i *isa) []byte {
	return gemvqFile(i, gemvVariants(i), "R8 ws, R9 wm, CX k blocks.")
}

func gemvqPacked(i *isa) []byte {
	return gemvqFile(i, packedVariants(i), "R8 scales, R9 head of a super-block, R10 its k blocks\n"+
		"left, CX k blocks or super-blocks.")
}

// gemvFrame emits a kernel around the body of one k block.
func gemvFrame(a *asm, v gemvVariant, m *masks, lut func(), body *asm) {
	i, args := v.isa, v.args()
	scales := "expanded scales"
	if v.kind != "" {
		scales = "Scale" + v.kind
	}
	a.function(v.name(), args, 0, fmt.Sprintf("%d-bit codes, %s, groups of %d, %d activation plane(s).",
		v.p.bits, scales, v.group, v.planes))
	a.loads(args, "DI", "codes", "SI", "x", "DX", "out", "CX", "n")
	switch {
	case v.kind != "":
		a.loads(args, "R8", "scales")
	case v.min:
		a.loads(args, "R8", "ws", "R9", "wm")
	default:
		a.loads(args, "R8", "ws")
	}
	m.prologue(a)
	if v.p.lut {
		a.i("MOVQ", args+"_lut(AX)", "BX")
		lut()
	}
	if i == avx512 && !v.min {
		a.i("VMOVQ", args+"_shift(AX)", "X13")
	}
	for h := range i.halves() {
		a.i("VMOVUPS", mem(i.bytes*h, "DX"), i.r(h))
	}
	gemvLoop(a, v, body, "SI", "CX")
	for h := range i.halves() {
		a.i("VMOVUPS", i.r(h), mem(i.bytes*h, "DX"))
	}
	a.i("VZEROUPPER")
	a.i("RET")
}

// gemvLoop emits the loop over blocks, in super-blocks of 8 where the scales are; x
// walks the activations, n counts.
func gemvLoop(a *asm, v gemvVariant, body *asm, x, n string) {
	if v.super() {
		a.label("super")
		a.i("MOVQ", "R8", "R9")
		if v.isa == avx512 {
			half(a, "(R9)", "Z11")
			if v.kind == "KM" {
				half(a, "32(R9)", "Z12")
			}
		}
		a.i("ADDQ", 32*len(v.kind), "R8")
		a.i("MOVQ", 8, "R10")
	}
	a.label("block")
	for o := 0; o < v.p.blockBytes(); o += 64 {
		a.i("PREFETCHT0", mem(prefetchAhead+o, "DI"))
	}
	step := v.scaleStep()
	if v.kind != "" {
		a.i("PREFETCHT0", mem(prefetchAhead/v.p.blockBytes()*step, "R8"))
	}
	a.append(body)
	a.blank()
	a.i("ADDQ", v.p.blockBytes(), "DI")
	a.i("ADDQ", 16+32*v.planes, x)
	a.i("ADDQ", step, "R8")
	switch {
	case v.kind == "" && v.min:
		a.i("ADDQ", step, "R9")
	case v.super():
		a.i("DECQ", "R10")
		a.i("JNE", "block")
		a.i("DECQ", n)
		a.i("JNE", "super")
		return
	}
	a.i("DECQ", n)
	a.i("JNE", "block")
}

// scaleStep is how far R8 moves per k block.
func (v gemvVariant) scaleStep() int {
	switch v.kind {
	case "":
		return 64 * 32 / v.group
	case "D", "BF":
		return 32
	case "DM":
		return 64
	}
	return 16 * len(v.kind) * 32 / v.group
}

func gemvqStubs() []byte {
	s := newStubs()
	for _, i := range []*isa{avx512, avx2} {
		gemvChoose(s, "gemvQ"+i.name, "2·form + (two planes)", gemvVariants(i))
		gemvChoose(s, "gemvPacked"+i.name, "2·form + (two planes)", packedVariants(i))
	}
	return s.bytes()
}

func gemvChoose(s *stubs, name, numbering string, variants []gemvVariant) {
	var names []string
	for _, v := range variants {
		s.declare(v.name(), v.args())
		names = append(names, v.name())
	}
	s.choose(name, variants[0].args(), name+" runs variant "+numbering+".", names)
}
