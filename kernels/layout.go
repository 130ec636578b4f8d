package kernels

import (
	"fmt"
	"math/bits"
)

// RowGroup is the number of weight rows that are stored and multiplied together:
// one AVX-512 register of float32 lanes.
const RowGroup = 16

// KBlock is the number of consecutive input values that share one quantized
// activation block and one set of code chunks.
const KBlock = 32

// superBlock is the number of k blocks behind one f16 scale of the K kinds (256 values).
const superBlock = 8

// Codes names how the unsigned codes of a row group are packed; its value is the
// number of bits per code.
//
// Logically a k block of a row group is 8 chunks of 64 bytes. Byte i of chunk t is
// the code of row i/4 at k = 4t + i%4, so that a 32-bit lane holds four consecutive
// k of one row. On disk order does not matter here: the packed forms below are made
// at load time and never leave the process.
//
//	Codes8: chunk t at byte 64t.
//	Codes4: packed chunk g at 64g; low nibbles are chunk 2g, high nibbles chunk 2g+1.
//	Codes2: packed chunk h at 64h; bits 2j, 2j+1 of a byte are the code of chunk 4h+j.
//	Codes3: as Codes2, then 64 bytes: bit t of byte i is bit 2 of chunk t's code.
//	Codes5: as Codes4, then 64 bytes: bit t of byte i is bit 4 of chunk t's code.
//	Codes6: as Codes4, then 128 bytes as Codes2 holding bits 4 and 5.
type Codes uint8

// Bits per code.
const (
	Codes2 Codes = 2
	Codes3 Codes = 3
	Codes4 Codes = 4
	Codes5 Codes = 5
	Codes6 Codes = 6
	Codes8 Codes = 8
)

// blockBytes returns the packed size of one k block of one row group.
func (c Codes) blockBytes() int { return 64 * int(c) }

// ScaleKind names the scale stream of a row group: sequential over k blocks, in
// little-endian order, 16 rows side by side.
type ScaleKind uint8

// Scale streams. d, m and dmin are per row; sc and mn per row and group.
const (
	// ScaleD holds f16 d[16] per 32 k: ws = d.
	ScaleD ScaleKind = iota
	// ScaleDM holds f16 d[16], f16 m[16] per 32 k: ws = d, wm = m.
	ScaleDM
	// ScaleBF holds bf16 d[16] per 32 k: ws = d.
	ScaleBF
	// ScaleK holds f16 d[16] per 256 k, then int8 sc[16] per group:
	// ws = d·sc.
	ScaleK
	// ScaleKM holds f16 d[16], f16 dmin[16] per 256 k, then uint8 sc[16], uint8 mn[16]
	// per group: ws = d·sc, wm = -(dmin·mn).
	ScaleKM
)

// Layout describes a packed quantized matrix. With an unsigned code u every weight is
// y = ws·(u - Zero), or y = ws·u + wm where the scale kind has a minimum (ScaleDM,
// ScaleKM), with one ws and wm per row and group of Group input values. The zero value
// is not valid; kernels exist for the combinations that forms lists. A Layout is
// read-only to the kernels and may be shared.
type Layout struct {
	Codes Codes
	Scale ScaleKind
	// Group is the number of k values per scale: 32 or 16. 16 requires a K kind.
	Group int
	// Zero is the code that stands for 0 where Scale has no minimum of its own: a power
	// of two up to 128, such that every code less Zero fits an int8. It is 0 where Scale
	// has a minimum.
	Zero uint8
	// LUT maps a nibble to a code; only for Codes4. nil means the nibble is the code.
	LUT *[16]byte
}

// CodeBytes returns the size of the codes of one row group of nb k blocks.
func (l *Layout) CodeBytes(nb int) int { return nb * l.Codes.blockBytes() }

// ScaleBytes returns the size of the scale stream of one row group of nb k blocks.
// The K kinds are stored in whole super-blocks of 8 k blocks.
func (l *Layout) ScaleBytes(nb int) int {
	switch l.Scale {
	case ScaleD, ScaleBF:
		return nb * 32
	case ScaleDM:
		return nb * 64
	case ScaleK:
		return (nb + superBlock - 1) / superBlock * (32 + 256/l.Group*16)
	case ScaleKM:
		return (nb + superBlock - 1) / superBlock * (64 + 256/l.Group*32)
	}
	panic(fmt.Sprintf("kernels: unknown scale kind %d", l.Scale))
}

// Groups returns the number of scale groups of one row over nb k blocks.
func (l *Layout) Groups(nb int) int { return nb * KBlock / l.Group }

// hasMin reports whether weights are ws·u + wm; if not they are ws·(u - Zero).
func (l *Layout) hasMin() bool { return l.Scale == ScaleDM || l.Scale == ScaleKM }

// packing numbers the packings as the generator does: 2, 3, 4, 5, 6, 8 bits, then
// 4 bits with a table.
func (l *Layout) packing() int {
	switch {
	case l.LUT != nil:
		return 6
	case l.Codes == Codes8:
		return 5
	default:
		return int(l.Codes) - 2
	}
}

// forms numbers, as the generator does, the layouts that kernels exist for, by packing
// and scale kind, from 1; forms from firstFine on have groups of 16, the others of 32.
var forms = [7][5]uint8{
	{ScaleK: 9, ScaleKM: 12},
	{ScaleK: 13},
	{ScaleD: 1, ScaleDM: 2, ScaleKM: 10},
	{ScaleD: 3, ScaleDM: 4, ScaleKM: 11},
	{ScaleK: 14},
	{ScaleD: 5},
	{ScaleD: 6, ScaleBF: 7, ScaleK: 8},
}

const firstFine = 12

// form returns the number of l's form, from 0; it panics when there is none.
func (l *Layout) form() int {
	form := uint8(0)
	if l.Codes >= Codes2 && l.Codes <= Codes8 && l.Codes != 7 && (l.LUT == nil || l.Codes == Codes4) && l.Scale <= ScaleKM {
		form = forms[l.packing()][l.Scale]
	}
	group, zeros := 32, 1
	if form >= firstFine {
		group = 16
	}
	if l.hasMin() {
		zeros = 0
	}
	if form == 0 || l.Group != group || bits.OnesCount8(l.Zero) != zeros {
		panic(fmt.Sprintf("kernels: no kernel for layout %+v", *l))
	}
	return int(form) - 1
}

// check panics when l is not a layout that the kernels know.
func (l *Layout) check() { l.form() }

func checkPlanes(planes int) {
	if planes != 1 && planes != 2 {
		panic(fmt.Sprintf("kernels: %d activation planes, want 1 or 2", planes))
	}
}

// checkLen panics when a buffer is too short; op and what name it in the message.
func checkLen(op, what string, got, want int) {
	if got < want {
		panicShort(op, what, got, want)
	}
}

//go:noinline
func panicShort(op, what string, got, want int) {
	panic(fmt.Sprintf("kernels: %s: %s has length %d, need %d", op, what, got, want))
}
