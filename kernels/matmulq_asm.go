//go:build (amd64 || arm64) && !purego

package kernels

import "math/bits"

//go:generate go run ./internal/asmgen

// gemvQArgs are the arguments of the generated GEMV kernels.
type gemvQArgs struct {
	out    *float32 // 16 accumulators
	codes  *byte
	ws, wm *float32
	x      *byte
	n      int // k blocks
	shift  int // of -128·Σq to -Zero·Σq
	lut    *[16]byte
}

// expandedForm numbers the layouts as the generator does where scales are expanded:
// by packing, minimum and group.
func (l *Layout) expandedForm() int {
	switch {
	case l.Group == 16:
		return [...]int{Codes2: 7, Codes3: 8, Codes6: 9}[l.Codes]
	case l.LUT != nil:
		return 6
	case l.Codes == Codes8:
		return 5
	case l.Codes == Codes2:
		return 0
	case l.hasMin():
		return 2*int(l.Codes-Codes4) + 2
	}
	return 2*int(l.Codes-Codes4) + 1
}

func gemvQAsm(out []float32, l *Layout, codes []byte, ws, wm []float32, x []byte, nb, planes int) bool {
	return gemvQForm(out, l, l.expandedForm(), codes, ws, wm, x, nb, planes)
}

// gemvQForm is gemvQAsm with the kernels of a form.
func gemvQForm(out []float32, l *Layout, form int, codes []byte, ws, wm []float32, x []byte, nb, planes int) bool {
	perBlock := KBlock / l.Group * RowGroup
	for b := 0; b < nb; b += gemvPiece {
		o := b * perBlock
		a := gemvQArgs{
			out: &out[0], codes: &codes[l.CodeBytes(b)], ws: &ws[o],
			x: &x[b*xBlock(planes)], n: min(gemvPiece, nb-b), lut: l.LUT, shift: l.zeroShift(),
		}
		if wm != nil {
			a.wm = &wm[o]
		}
		if !gemvQRun(&a, 2*form+planes-1) {
			return false
		}
	}
	return true
}

// zeroShift is how far Zero is below 128, in powers of two.
func (l *Layout) zeroShift() int { return 7 - bits.TrailingZeros8(l.Zero) }
