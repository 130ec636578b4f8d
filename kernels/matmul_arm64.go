//go:build arm64 && !purego

package kernels

// Written for NEON: GemvQ, and GemmQ by the same kernel column after column, on
// processors with SDOT. Everything else runs its Go twin.

type gemvQArgs struct {
	out    *float32 // 16 accumulators
	codes  *byte
	ws, wm *float32
	x      *byte
	n      int // k blocks
	lut    *[16]byte
}

// useDot reports whether the integer products run on SDOT.
func useDot() bool { return level == NEON && hasDot }

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

func gemvQAsm(out []float32, l *Layout, codes []byte, ws, wm []float32, x []byte, nb, planes int) bool {
	if !useDot() {
		return false
	}
	variant := 4*l.packing() + planes - 1
	if l.Group == 16 {
		variant += 2
	}
	for b := 0; b < nb; b += gemvPiece {
		o := l.Groups(b) * RowGroup
		a := gemvQArgs{
			out: &out[0], codes: &codes[l.CodeBytes(b)], ws: &ws[o], wm: &wm[o],
			x: &x[b*xBlock(planes)], n: min(gemvPiece, nb-b), lut: l.LUT,
		}
		gemvQNEON(&a, variant)
	}
	return true
}

func gemmQAsm(out []float32, ldo int, panel []byte, ws, wm []float32, rowGroups int, x []byte, xStride, nb, cols, group, planes int) bool {
	if !useDot() {
		return false
	}
	l := Layout{Codes: Codes8, Group: group}
	n := l.Groups(nb) * RowGroup
	for g := range rowGroups {
		for c := range cols {
			gemvQAsm(out[c*ldo+g*RowGroup:], &l, panel[g*nb*unpackedBlock:], ws[g*n:], wm[g*n:], x[c*xStride:], nb, planes)
		}
	}
	return true
}

func quantXAsm(dst []byte, src []float32, nb, planes int, coarse int64) bool { return false }

func expandAsm(l *Layout, ws, wm []float32, src []byte, nb int) bool { return false }

func unpackQAsm(dst []byte, l *Layout, codes []byte, nb int) bool { return false }

func gemvPackedAsm(out []float32, l *Layout, codes, scales, x []byte, nb, planes int) int { return 0 }

func gemvFAsm(out []float32, f Float, w []byte, rowGroups, wStride int, x []float32) bool {
	return false
}

func unpackFAsm(dst []float32, f Float, w []byte, k int) bool { return false }

func gemmFAsm(out []float32, ldo int, panel []float32, rowGroups int, x []float32, xStride, k, cols int) bool {
	return false
}
