package kernels

import "testing"

// TestPack16NoOverRead runs every form on slices that touch forbidden pages.
func TestPack16NoOverRead(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, atStart := range []bool{false, true} {
			for form := PackWords; form <= PackNibblesMin; form++ {
				for _, n := range []int{1, 2, 7} {
					f := packForms[form]
					Pack16(form, fenced[byte](t, n*f.codes, atStart), fenced[byte](t, n*f.scales, atStart),
						fenced[byte](t, RowGroup*n*f.block, atStart), n*f.block, n)
				}
			}
		}
	})
}
