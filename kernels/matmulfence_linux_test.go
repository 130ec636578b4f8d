package kernels

import "testing"

// TestMatmulNoOverRead runs every product on slices that touch forbidden pages.
func TestMatmulNoOverRead(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, atStart := range []bool{false, true} {
			for _, l := range testLayouts() {
				for _, nb := range []int{1, 8, 9} {
					fencedProducts(t, l, nb, atStart)
				}
			}
			for _, k := range []int{1, 2, 5, 33} {
				fencedFloatProducts(t, k, atStart)
			}
		}
	})
}

// fencedProducts calls each quantized operation.
func fencedProducts(t *testing.T, l *Layout, nb int, atStart bool) {
	n := l.Groups(nb) * RowGroup
	codes, scales := fenced[byte](t, l.CodeBytes(nb), atStart), fenced[byte](t, l.ScaleBytes(nb), atStart)
	ws, wm := fenced[float32](t, 2*n, atStart), fenced[float32](t, 2*n, atStart)
	if !l.hasMin() {
		wm = nil
	}
	half := wm[len(wm)/2:]
	panel, src := fenced[byte](t, 2*nb*unpackedBlock, atStart), fenced[float32](t, nb*KBlock, atStart)
	out := fenced[float32](t, RowGroup, atStart)
	for _, planes := range []int{1, 2} {
		for cols := 1; cols <= 7; cols++ {
			x, many := fenced[byte](t, cols*XBytes(nb, planes), atStart), fenced[float32](t, cols*2*RowGroup, atStart)
			one := x[:XBytes(nb, planes)]
			if !atStart {
				one = x[len(x)-XBytes(nb, planes):]
			}
			QuantX(one, src, planes)
			UnpackQ(panel[len(panel)/2:], l, codes, nb)
			GemmQ(many, 2*RowGroup, &Panel{l, 2, nb, panel, ws, wm, codes}, x, XBytes(nb, planes), cols, planes)
			GemmQ(many[cols*RowGroup:], RowGroup, &Panel{l, 1, nb, panel[len(panel)/2:], ws[n:], half, nil}, x, XBytes(nb, planes), cols, planes)
			if cols == 1 {
				ExpandScales(l, ws[n:], half, scales, nb)
				GemvQ(out, l, codes, ws[n:], half, one, nb, planes)
				GemvPacked(out, l, codes, scales, one, nb, planes)
			}
		}
	}
}

// fencedFloatProducts calls each float operation.
func fencedFloatProducts(t *testing.T, k int, atStart bool) {
	for _, f := range testFloats {
		for rowGroups := 1; rowGroups <= 4; rowGroups++ {
			size := f.GroupBytes(k)
			w, x := fenced[byte](t, rowGroups*size, atStart), fenced[float32](t, k, atStart)
			GemvF(fenced[float32](t, rowGroups*RowGroup, atStart), f, w, rowGroups, size, x)
			UnpackF(fenced[float32](t, k*RowGroup, atStart), f, fenced[byte](t, size, atStart), k)
		}
	}
	for rowGroups := 1; rowGroups <= 2; rowGroups++ {
		for cols := 1; cols <= 13; cols++ {
			GemmBF16(fenced[float32](t, cols*rowGroups*RowGroup, atStart), rowGroups*RowGroup,
				fenced[byte](t, rowGroups*4*RowGroup*k, atStart), rowGroups, 4*RowGroup*k,
				fenced[byte](t, cols*4*k, atStart), 4*k, k, cols)
			GemmF(fenced[float32](t, cols*rowGroups*RowGroup, atStart), rowGroups*RowGroup,
				fenced[float32](t, rowGroups*k*RowGroup, atStart), rowGroups, fenced[float32](t, cols*k, atStart), k, k, cols)
		}
	}
}
