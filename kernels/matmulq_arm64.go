//go:build arm64 && !purego

package kernels

// Written for NEON: GemvQ, and GemmQ by the same kernel column after column, on
// processors with SDOT. Every other product runs its Go twin.

// useDot reports whether the integer products run on SDOT.
func useDot() bool { return level == NEON && hasDot }

// gemvQRun runs a variant of GemvQ and reports whether the level has any.
func gemvQRun(a *gemvQArgs, variant int) bool {
	if useDot() {
		gemvQNEON(a, variant)
	}
	return useDot()
}

// zeroAt128 reports whether panels without minima have their zero at code 128: then
// the codes less 128, which is what SDOT multiplies, need no correction.
func zeroAt128() bool { return useDot() }

func gemmQAsm(out []float32, ldo int, p *Panel, x []byte, xStride, cols, planes int) bool {
	if !useDot() {
		return false
	}
	l := Layout{Codes: Codes8, Scale: p.Layout.Scale, Group: p.Layout.Group, Zero: 128}
	form := panelForms[l.hasMin()][l.Group]
	if l.hasMin() {
		l.Zero = 0
	}
	clearColumns(out, ldo, p.RowGroups*RowGroup, cols)
	n := l.Groups(p.Blocks) * RowGroup
	for g := range p.RowGroups {
		for c := range cols {
			gemvQForm(out[c*ldo+g*RowGroup:], &l, form, p.Codes[g*p.Blocks*unpackedBlock:], p.WS[g*n:], p.WM[min(g*n, len(p.WM)):],
				x[c*xStride:], p.Blocks, planes)
		}
	}
	return true
}

// panelForms are the forms of panels, as the generator numbers them, by minimum and group.
var panelForms = map[bool]map[int]int{false: {32: 5, 16: 10}, true: {32: 11, 16: 12}}
