package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// armForm is the encoding of one form of an arm64 vector instruction: registers
// stand at bits 0, 5 and 16 in the order of the text. The Go assembler knows few of
// them, so they are written as words with the text as a comment.
type armForm struct {
	base    uint32
	left    int  // element bits of a left shift: bits+n at bit 16
	right   int  // element bits of a right shift: 2·bits-n at bit 16
	element bool // 32-bit lane of a multiplication by element
	lane    bool // 32-bit lane of a copy
}

// armForms are the forms by text without numbers.
var armForms = map[string]armForm{
	"fmla v.4s,v.4s,v.4s":     {base: 0x4e20cc00},
	"add v.4s,v.4s,v.4s":      {base: 0x4ea08400},
	"sub v.4s,v.4s,v.4s":      {base: 0x6ea08400},
	"addp v.4s,v.4s,v.4s":     {base: 0x4ea0bc00},
	"and v.16b,v.16b,v.16b":   {base: 0x4e201c00},
	"eor v.16b,v.16b,v.16b":   {base: 0x6e201c00},
	"bit v.16b,v.16b,v.16b":   {base: 0x6ea01c00},
	"fmla v.4s,v.4s,v.s[]":    {base: 0x4f801000, element: true},
	"fmul v.4s,v.4s,v.s[]":    {base: 0x4f809000, element: true},
	"sdot v.4s,v.16b,v.16b":   {base: 0x4e809400},
	"sdot v.4s,v.16b,v.4b[]":  {base: 0x4f80e000, element: true},
	"scvtf v.4s,v.4s":         {base: 0x4e21d800},
	"shl v.4s,v.4s,#":         {base: 0x4f005400, left: 32},
	"ushr v.16b,v.16b,#":      {base: 0x6f000400, right: 8},
	"shl v.16b,v.16b,#":       {base: 0x4f005400, left: 8},
	"dup v.16b,w":             {base: 0x4e010c00},
	"dup v.4s,w":              {base: 0x4e040c00},
	"dup v.4s,v.s[]":          {base: 0x4e040400, lane: true},
	"sshl v.4s,v.4s,v.4s":     {base: 0x4ea04400},
	"tbl v.16b,{v.16b},v.16b": {base: 0x4e000000},
}

var armNumber = regexp.MustCompile(`([vw#])(\d+)|\[(\d+)\]`)

// armWord encodes an instruction in ARM's notation.
func armWord(text string) uint32 {
	op, args, _ := strings.Cut(text, " ")
	var regs []uint32
	imm, lane := uint32(0), uint32(0)
	shape := armNumber.ReplaceAllStringFunc(strings.ReplaceAll(args, " ", ""), func(s string) string {
		m := armNumber.FindStringSubmatch(s)
		n, err := strconv.ParseUint(m[2]+m[3], 10, 32)
		switch {
		case err != nil:
			panic(err)
		case m[1] == "#":
			imm = uint32(n)
		case m[3] != "":
			lane = uint32(n)
			return "[]"
		default:
			regs = append(regs, uint32(n))
		}
		return m[1]
	})
	f, ok := armForms[op+" "+shape]
	if !ok {
		panic(fmt.Sprintf("no encoding of %q (%s %s)", text, op, shape))
	}
	w := f.base
	for i, r := range regs {
		w |= r << [...]uint32{0, 5, 16}[i]
	}
	switch {
	case f.left > 0:
		w += (uint32(f.left) + imm) << 16
	case f.right > 0:
		w += (2*uint32(f.right) - imm) << 16
	case f.element:
		w |= lane&1<<21 | lane>>1<<11
	case f.lane:
		w |= lane << 19
	}
	return w
}

// v adds a vector instruction in ARM's notation.
func (a *asm) v(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	a.i("WORD", fmt.Sprintf("$0x%08x", armWord(text)))
	a.note("%s", text)
}

// armHeader starts an arm64 file.
func (a *asm) armHeader(doc string) {
	b := &asm{}
	b.header(doc)
	for _, l := range b.lines {
		l.text = strings.Replace(l.text, "//go:build amd64", "//go:build arm64", 1)
		a.lines = append(a.lines, l)
	}
}

// armFunction starts an arm64 function over an argument struct and loads fields,
// given as register, field pairs. R0 holds the struct.
func (a *asm) armFunction(name, argType, doc string, regField ...string) {
	a.text("")
	a.text(fmt.Sprintf("// func %s(a *%s)", name, argType))
	a.text("// " + doc)
	a.text(fmt.Sprintf("TEXT ·%s(SB), NOSPLIT, $0-8", name))
	a.i("MOVD", "a+0(FP)", "R0")
	for i := 0; i < len(regField); i += 2 {
		a.i("MOVD", fmt.Sprintf("%s_%s(R0)", argType, regField[i+1]), regField[i])
	}
}
