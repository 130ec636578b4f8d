//go:build (amd64 || arm64) && !purego

package kernels

//go:generate go run ./internal/asmgen

// gemvQArgs are the arguments of the generated GEMV kernels.
type gemvQArgs struct {
	out    *float32 // 16 accumulators
	codes  *byte
	ws, wm *float32
	x      *byte
	n      int // k blocks
	lut    *[16]byte
}

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

// formVariant numbers group size and planes as the generator does.
func formVariant(group, planes int) int {
	v := planes - 1
	if group == 16 {
		v += 2
	}
	return v
}

func gemvQAsm(out []float32, l *Layout, codes []byte, ws, wm []float32, x []byte, nb, planes int) bool {
	variant := 4*l.packing() + formVariant(l.Group, planes)
	for b := 0; b < nb; b += gemvPiece {
		o := l.Groups(b) * RowGroup
		a := gemvQArgs{
			out: &out[0], codes: &codes[l.CodeBytes(b)], ws: &ws[o], wm: &wm[o],
			x: &x[b*xBlock(planes)], n: min(gemvPiece, nb-b), lut: l.LUT,
		}
		if !gemvQRun(&a, variant) {
			return false
		}
	}
	return true
}
