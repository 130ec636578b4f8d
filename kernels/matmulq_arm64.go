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
