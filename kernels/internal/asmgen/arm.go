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
	imm     int  // place of a plain immediate
	lane    bool // 32-bit lane of a copy: lane<<3|4 at bit 16
	element bool // 32-bit lane of a multiplication by element
}

// armForms are the forms by text without numbers.
var armForms = map[string]armForm{
	"fadd v.4s,v.4s,v.4s":     {base: 0x4e20d400},
	"fsub v.4s,v.4s,v.4s":     {base: 0x4ea0d400},
	"fmul v.4s,v.4s,v.4s":     {base: 0x6e20dc00},
	"fdiv v.4s,v.4s,v.4s":     {base: 0x6e20fc00},
	"fmla v.4s,v.4s,v.4s":     {base: 0x4e20cc00},
	"fmls v.4s,v.4s,v.4s":     {base: 0x4ea0cc00},
	"fmax v.4s,v.4s,v.4s":     {base: 0x4e20f400},
	"fmin v.4s,v.4s,v.4s":     {base: 0x4ea0f400},
	"faddp v.4s,v.4s,v.4s":    {base: 0x6e20d400},
	"fcmgt v.4s,v.4s,v.4s":    {base: 0x6ea0e400},
	"fcmge v.4s,v.4s,v.4s":    {base: 0x6e20e400},
	"fcmeq v.4s,v.4s,v.4s":    {base: 0x4e20e400},
	"add v.4s,v.4s,v.4s":      {base: 0x4ea08400},
	"sub v.4s,v.4s,v.4s":      {base: 0x6ea08400},
	"addp v.4s,v.4s,v.4s":     {base: 0x4ea0bc00},
	"smax v.4s,v.4s,v.4s":     {base: 0x4ea06400},
	"and v.16b,v.16b,v.16b":   {base: 0x4e201c00},
	"orr v.16b,v.16b,v.16b":   {base: 0x4ea01c00},
	"eor v.16b,v.16b,v.16b":   {base: 0x6e201c00},
	"bic v.16b,v.16b,v.16b":   {base: 0x4e601c00},
	"bsl v.16b,v.16b,v.16b":   {base: 0x6e601c00},
	"bit v.16b,v.16b,v.16b":   {base: 0x6ea01c00},
	"add v.16b,v.16b,v.16b":   {base: 0x4e208400},
	"sub v.16b,v.16b,v.16b":   {base: 0x6e208400},
	"fmla v.4s,v.4s,v.s[]":    {base: 0x4f801000, element: true},
	"fmul v.4s,v.4s,v.s[]":    {base: 0x4f809000, element: true},
	"sdot v.4s,v.16b,v.16b":   {base: 0x4e809400},
	"sdot v.4s,v.16b,v.4b[]":  {base: 0x4f80e000, element: true},
	"smull v.8h,v.8b,v.8b":    {base: 0x0e20c000},
	"smull2 v.8h,v.16b,v.16b": {base: 0x4e20c000},
	"smlal v.8h,v.8b,v.8b":    {base: 0x0e208000},
	"smlal2 v.8h,v.16b,v.16b": {base: 0x4e208000},
	"sadalp v.4s,v.8h":        {base: 0x4e606800},
	"saddlp v.8h,v.16b":       {base: 0x4e202800},
	"saddlp v.4s,v.8h":        {base: 0x4e602800},
	"fabs v.4s,v.4s":          {base: 0x4ea0f800},
	"fneg v.4s,v.4s":          {base: 0x6ea0f800},
	"scvtf v.4s,v.4s":         {base: 0x4e21d800},
	"fcvtns v.4s,v.4s":        {base: 0x4e21a800},
	"fcvtl v.4s,v.4h":         {base: 0x0e217800},
	"fcvtl2 v.4s,v.8h":        {base: 0x4e217800},
	"fcvtn v.4h,v.4s":         {base: 0x0e216800},
	"fcvtn2 v.8h,v.4s":        {base: 0x4e216800},
	"xtn v.4h,v.4s":           {base: 0x0e612800},
	"xtn2 v.8h,v.4s":          {base: 0x4e612800},
	"xtn v.8b,v.8h":           {base: 0x0e212800},
	"xtn2 v.16b,v.8h":         {base: 0x4e212800},
	"shl v.4s,v.4s,#":         {base: 0x4f005400, left: 32},
	"sshr v.4s,v.4s,#":        {base: 0x4f000400, right: 32},
	"ushr v.4s,v.4s,#":        {base: 0x6f000400, right: 32},
	"ushr v.16b,v.16b,#":      {base: 0x6f000400, right: 8},
	"shl v.16b,v.16b,#":       {base: 0x4f005400, left: 8},
	"sshll v.8h,v.8b,#":       {base: 0x0f00a400, left: 8},
	"sshll2 v.8h,v.16b,#":     {base: 0x4f00a400, left: 8},
	"sshll v.4s,v.4h,#":       {base: 0x0f00a400, left: 16},
	"sshll2 v.4s,v.8h,#":      {base: 0x4f00a400, left: 16},
	"ushll v.8h,v.8b,#":       {base: 0x2f00a400, left: 8},
	"ushll2 v.8h,v.16b,#":     {base: 0x6f00a400, left: 8},
	"ushll v.4s,v.4h,#":       {base: 0x2f00a400, left: 16},
	"ushll2 v.4s,v.8h,#":      {base: 0x6f00a400, left: 16},
	"dup v.4s,v.s[]":          {base: 0x4e040400, lane: true},
	"dup v.4s,w":              {base: 0x4e040c00},
	"dup v.16b,w":             {base: 0x4e010c00},
	"tbl v.16b,{v.16b},v.16b": {base: 0x4e000000},
	"uzp1 v.4s,v.4s,v.4s":     {base: 0x4e801800},
	"uzp2 v.4s,v.4s,v.4s":     {base: 0x4e805800},
	"zip1 v.4s,v.4s,v.4s":     {base: 0x4e803800},
	"zip2 v.4s,v.4s,v.4s":     {base: 0x4e807800},
	"ext v.16b,v.16b,v.16b,#": {base: 0x6e000000, imm: 11},
	"umaxv s,v.4s":            {base: 0x6eb0a800},
	"smaxv s,v.4s":            {base: 0x4eb0a800},
	"addv s,v.4s":             {base: 0x4eb1b800},
	"ins v.s[],v.s[0]":        {base: 0x6e040400, lane: true},
	"fmov w,s":                {base: 0x1e260000},
	"fmov s,w":                {base: 0x1e270000},
	"ld1r {v.4s},[x]":         {base: 0x4d40c800},
	"ld1r {v.4h},[x]":         {base: 0x0d40c400},
	"ld1r {v.8h},[x]":         {base: 0x4d40c400},
	"ldr h,[x]":               {base: 0x7d400000},
	"str h,[x]":               {base: 0x7d000000},
	"fdiv s,s,s":              {base: 0x1e201800},
	"fcvt s,h":                {base: 0x1ee24000},
	"mov v.16b,v.16b":         {base: 0x4ea01c00},
}

var armNumber = regexp.MustCompile(`([vqdshwx#])(\d+)|\[(\d+)\]`)

// armWord encodes an instruction in ARM's notation.
func armWord(text string) uint32 {
	op, args, _ := strings.Cut(text, " ")
	var regs []uint32
	imm, lane := uint32(0), uint32(0)
	seen := false
	shape := armNumber.ReplaceAllStringFunc(strings.ReplaceAll(args, " ", ""), func(s string) string {
		m := armNumber.FindStringSubmatch(s)
		n, err := strconv.ParseUint(m[2]+m[3], 10, 32)
		switch {
		case err != nil:
			panic(err)
		case m[1] == "#":
			imm = uint32(n)
		case m[3] != "" && seen:
			return s
		case m[3] != "":
			lane, seen = uint32(n), true
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
	if op == "mov" {
		w |= regs[1] << 16 // ORR with itself
	}
	switch {
	case f.left > 0:
		w += (uint32(f.left) + imm) << 16
	case f.right > 0:
		w += (2*uint32(f.right) - imm) << 16
	case f.imm > 0:
		w |= imm << f.imm
	case f.lane:
		w |= lane << 19
	case f.element:
		w |= lane&1<<21 | lane>>1<<11
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
