package kernels

// PackForm names a block format that Pack16 reads, by its structure. Zero is none.
type PackForm uint8

// Block formats. d and m are f16.
const (
	PackWords      PackForm = 1 + iota // 4 bytes; no scales
	PackBytes                          // d, 32 int8; codes are the bytes plus 128
	PackNibbles                        // d, 16 bytes: values 0-15 in low, 16-31 in high nibbles
	PackNibblesMin                     // d, m, 16 bytes as before
)

// packForms holds the sizes of a block and of what a row group makes of it.
var packForms = [...]struct{ block, codes, scales int }{
	PackWords: {4, 64, 0}, PackBytes: {34, 512, 32}, PackNibbles: {18, 256, 32}, PackNibblesMin: {20, 256, 64},
}

// BlockBytes returns the size of a block of one row.
func (f PackForm) BlockBytes() int { return packForms[f].block }

// Pack16 packs n blocks of each of 16 rows, row r at src[r·stride:], as one row group:
// the codes as [Codes] has them, the scales as ScaleD or ScaleDM. It reports false, and
// has done nothing, where the level has no kernel for it. dst and src must not overlap.
func Pack16(form PackForm, codes, scales, src []byte, stride, n int) bool {
	if form == 0 || n == 0 {
		return false
	}
	f := &packForms[form]
	checkLen("Pack16", "codes", len(codes), n*f.codes)
	checkLen("Pack16", "scales", len(scales), n*f.scales)
	checkLen("Pack16", "stride", stride, 0)
	checkLen("Pack16", "src", len(src), (RowGroup-1)*stride+n*f.block)
	return pack16Asm(form, codes, scales, src, stride, n)
}
