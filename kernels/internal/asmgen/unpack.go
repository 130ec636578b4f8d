package main

import "fmt"

// packing is a code layout: bits per code and whether a table maps nibbles.
type packing struct {
	bits int
	lut  bool
}

// packings are ordered as the variant numbers in the dispatch of package kernels.
var packings = []packing{{2, false}, {3, false}, {4, false}, {5, false}, {6, false}, {8, false}, {4, true}}

func (p packing) name() string {
	if p.lut {
		return fmt.Sprintf("%dL", p.bits)
	}
	return fmt.Sprint(p.bits)
}

func (p packing) blockBytes() int { return 64 * p.bits }

// limit is the largest code.
func (p packing) limit() int {
	if p.lut {
		return 255
	}
	return 1<<p.bits - 1
}

// unpacker emits the unpacking of code chunks of the block at base+offset.
type unpacker struct {
	a      *asm
	isa    *isa
	p      packing
	m      *masks
	base   string
	offset int // byte offset of the half chunk that is unpacked
	packed string
	high   string
	lut    string
	temps  []string // registers for results, used in turn
	turn   int
	// inPlace allows a result that is shifted left, which saves the shift where
	// the user sums results of equal shift and corrects the sums.
	inPlace bool
}

func (u *unpacker) temp() string {
	u.turn++
	return u.temps[u.turn%len(u.temps)]
}

func (u *unpacker) load(at int, reg string) {
	u.a.i(u.isa.mov, mem(at+u.offset, u.base), reg)
}

// chunk emits the unpacking of chunk t and returns the register with its codes and
// how far they are shifted left. Chunks must be asked for in order.
func (u *unpacker) chunk(t int) (reg string, shift int) {
	switch u.p.bits {
	case 8:
		r := u.temp()
		u.load(64*t, r)
		u.a.note("chunk %d", t)
		return r, 0
	case 2, 3:
		return u.pairChunk(t)
	}
	return u.nibbleChunk(t)
}

// pairChunk unpacks 2 bits and, for 3-bit codes, the bit above them.
func (u *unpacker) pairChunk(t int) (string, int) {
	j := t % 4
	if u.p.bits == 3 && t == 0 {
		u.load(128, u.high)
		u.a.note("bit 2 of all chunks")
	}
	if j == 0 {
		u.load(64*(t/4), u.packed)
		u.a.note("chunks %d-%d", t, t+3)
	}
	shift := 0
	if u.inPlace && (u.p.bits == 2 || j < 3) {
		shift = 2 * j
	}
	r := u.temp()
	src := u.shifted(u.packed, 2*j, shift, r)
	u.a.i(u.isa.and, u.m.get(3<<shift), src, r)
	u.a.note("chunk %d", t)
	if u.p.bits == 3 {
		u.merge(r, u.high, t, shift+2, 1)
	}
	return r, shift
}

// nibbleChunk unpacks 4 bits and the bits above them.
func (u *unpacker) nibbleChunk(t int) (string, int) {
	if t == 0 && u.p.bits == 5 {
		u.load(256, u.high)
		u.a.note("bit 4 of all chunks")
	}
	if t%4 == 0 && u.p.bits == 6 {
		u.load(256+64*(t/4), u.high)
		u.a.note("bits 4, 5 of chunks %d-%d", t, t+3)
	}
	if t%2 == 0 {
		u.load(64*(t/2), u.packed)
		u.a.note("chunks %d, %d", t, t+1)
	}
	shift := 0
	if u.inPlace && u.p.bits == 4 && !u.p.lut {
		shift = 4 * (t % 2)
	}
	r := u.temp()
	src := u.shifted(u.packed, 4*(t%2), shift, r)
	u.a.i(u.isa.and, u.m.get(15<<shift), src, r)
	u.a.note("chunk %d", t)
	switch {
	case u.p.lut && u.lut != "":
		u.a.i("VPSHUFB", r, u.lut, r)
	case u.p.bits == 5:
		u.merge(r, u.high, t, 4, 1)
	case u.p.bits == 6:
		u.merge(r, u.high, 2*(t%4), 4, 3)
	}
	return r, shift
}

// shifted returns src, or dst with src moved so that bit from is at bit to. Bits
// cross byte borders; the caller masks them off.
func (u *unpacker) shifted(src string, from, to int, dst string) string {
	switch {
	case from > to:
		u.a.i("VPSRLW", from-to, src, dst)
	case from < to:
		u.a.i("VPSLLW", to-from, src, dst)
	default:
		return src
	}
	return dst
}

// merge adds the bits of src at position from to r at position to.
func (u *unpacker) merge(r, src string, from, to int, mask byte) {
	tmp := u.temp()
	src = u.shifted(src, from, to, tmp)
	m := u.m.get(mask << to)
	if u.isa == avx512 {
		u.a.i("VPTERNLOGD", "$0xf8", m, src, r) // r |= src & m
		u.a.note("|= high bits")
		return
	}
	u.a.i("VPAND", m, src, tmp)
	u.a.i("VPOR", tmp, r, r)
	u.a.note("|= high bits")
}
