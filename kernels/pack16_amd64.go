//go:build amd64 && !purego

package kernels

type pack16Args struct {
	src           *byte
	codes, scales *byte
	stride, n     int
}

func pack16Asm(form PackForm, codes, scales, src []byte, stride, n int) bool {
	if level < AVX512 || stride > 1<<26 { // offsets are 32 bits
		return false
	}
	f := &packForms[form]
	for b := 0; b < n; b += pack16Piece {
		a := pack16Args{src: &src[b*f.block], codes: &codes[b*f.codes], stride: stride, n: min(pack16Piece, n-b)}
		if f.scales > 0 {
			a.scales = &scales[b*f.scales]
		}
		pack16AVX512(&a, int(form)-1)
	}
	return true
}
