package kernels

import "fmt"

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
	// ScaleD holds f16 d[16] per 32 k: ws = d, wm = -(zero·d).
	ScaleD ScaleKind = iota
	// ScaleDM holds f16 d[16], f16 m[16] per 32 k: ws = d, wm = m.
	ScaleDM
	// ScaleBF holds bf16 d[16] per 32 k: ws = d, wm = -(zero·d).
	ScaleBF
	// ScaleK holds f16 d[16] per 256 k, then int8 sc[16] per group:
	// ws = d·sc, wm = -(zero·ws).
	ScaleK
	// ScaleKM holds f16 d[16], f16 dmin[16] per 256 k, then uint8 sc[16], uint8 mn[16]
	// per group: ws = d·sc, wm = -(dmin·mn).
	ScaleKM
)

// Layout describes a packed quantized matrix. Every weight is y = ws·u + wm with an
// unsigned code u and one pair (ws, wm) per row and group of Group input values.
// The zero value is not valid. A Layout is read-only to the kernels and may be shared.
type Layout struct {
	Codes Codes
	Scale ScaleKind
	// Group is the number of k values per scale: 32 or 16. 16 requires a K kind.
	Group int
	// Zero is the code that stands for 0 where Scale has no minimum of its own.
	Zero float32
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

// check panics when l is not a layout the kernels know.
func (l *Layout) check() {
	switch l.Codes {
	case Codes2, Codes3, Codes4, Codes5, Codes6, Codes8:
	default:
		panic(fmt.Sprintf("kernels: unknown code width %d", l.Codes))
	}
	if l.LUT != nil && l.Codes != Codes4 {
		panic(fmt.Sprintf("kernels: lookup table with %d-bit codes", l.Codes))
	}
	checkGroup(l.Group)
}

func checkGroup(group int) {
	if group != 16 && group != 32 {
		panic(fmt.Sprintf("kernels: scale group of %d values, want 16 or 32", group))
	}
}

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
