package quant

import (
	"math"

	"kvasir/kernels"
)

// Row decodes row r from the packed form into dst, which holds at least Cols
// values. The result has the bits of [Matrix.Row]. It panics when r is outside
// the matrix.
func (p *Packed) Row(dst []float32, r int) {
	if uint(r) >= uint(p.Rows) {
		panic("quant: row outside packed matrix")
	}
	codes, scales := p.group(r / rowGroup)
	dst, lane := dst[:p.Cols], r%rowGroup
	if p.format.Layout == nil {
		floatRow(dst, p.format, codes, lane)
		return
	}
	var u [kernels.KBlock]byte
	for b := range p.Cols / kernels.KBlock {
		laneCodes(&u, p.format.Layout, codes, b, lane)
		scaleCodes(dst[kernels.KBlock*b:], &u, p.format.Layout, scales, b, lane)
	}
}

// floatRow gathers one lane of a float row group, whose elements (pairs of BF16) are
// 16 units apart, and decodes it.
func floatRow(dst []float32, f *Format, codes []byte, lane int) {
	size := f.Float.Size()
	unit := f.Float.GroupBytes(1) / rowGroup
	var buf [256]byte
	for n := 0; len(dst) > 0; dst = dst[n:] {
		n = min(len(dst), len(buf)/size)
		for o := 0; o < n*size; o += unit {
			copy(buf[o:o+unit], codes[o*rowGroup+lane*unit:])
		}
		switch f.Float { // a call of f.Decode would put buf on the heap
		case kernels.F16:
			kernels.F16ToF32(dst[:n], buf[:])
		case kernels.BF16:
			kernels.BF16ToF32(dst[:n], buf[:])
		default:
			decodeF32(dst, buf[:n*size])
		}
		codes = codes[min(f.Float.GroupBytes(n), len(codes)):]
	}
}

// laneCodes unpacks the 32 codes of one lane of k block b, lookup table applied.
func laneCodes(u *[kernels.KBlock]byte, l *kernels.Layout, codes []byte, b, lane int) {
	size := l.CodeBytes(1)
	src := codes[b*size:][:size]
	switch l.Codes {
	case kernels.Codes8:
		for k := range u {
			u[k] = src[k/4*64+4*lane+k%4]
		}
	case kernels.Codes2, kernels.Codes3:
		laneBits(u, src, lane, 2)
	default:
		laneBits(u, src, lane, 4)
	}
	switch l.Codes {
	case kernels.Codes3:
		addLaneBits(u, src[128:], lane, 1, 2)
	case kernels.Codes5:
		addLaneBits(u, src[256:], lane, 1, 4)
	case kernels.Codes6:
		addLaneBits(u, src[256:], lane, 2, 4)
	}
	if l.LUT != nil {
		for k := range u {
			u[k] = l.LUT[u[k]]
		}
	}
}

// laneBits sets u to one lane of a plane of 2- or 4-bit codes.
func laneBits(u *[kernels.KBlock]byte, src []byte, lane, bits int) {
	clear(u[:])
	addLaneBits(u, src, lane, bits, 0)
}

// addLaneBits adds one lane of a plane of codes of 1, 2 or 4 bits at bit shift.
// A packed byte holds the codes of 8/bits consecutive chunks, lowest bits first.
func addLaneBits(u *[kernels.KBlock]byte, src []byte, lane, bits, shift int) {
	per, mask := 8/bits, byte(1<<bits-1)
	for k := range u {
		t := k / 4
		u[k] |= src[t/per*64+4*lane+k%4] >> (t % per * bits) & mask << shift
	}
}

// scaleCodes writes the values of one lane of k block b. It computes as the
// decoders do: codes minus zero are exact integers, so no term is rounded that
// they would not round.
func scaleCodes(dst []float32, u *[kernels.KBlock]byte, l *kernels.Layout, scales []byte, b, lane int) {
	i := 2 * lane
	super := scales[b/8*l.ScaleBytes(8):] // of the 256 values around b
	switch l.Scale {
	case kernels.ScaleD:
		scaleSigned(dst, u[:], half(scales[32*b+i:]), float32(l.Zero))
	case kernels.ScaleBF:
		d := math.Float32frombits(uint32(le.Uint16(scales[32*b+i:])) << 16)
		scaleSigned(dst, u[:], d, float32(l.Zero))
	case kernels.ScaleDM:
		scaleAffine(dst, u[:], half(scales[64*b+i:]), half(scales[64*b+32+i:]))
	case kernels.ScaleK:
		for k := 0; k < kernels.KBlock; k += l.Group {
			sc := super[32+(b%8*kernels.KBlock+k)/l.Group*16+lane]
			scaleSigned(dst[k:], u[k:k+l.Group], half(super[i:])*float32(int8(sc)), float32(l.Zero))
		}
	case kernels.ScaleKM:
		d, dmin := half(super[i:]), half(super[32+i:])
		for k := 0; k < kernels.KBlock; k += l.Group {
			s := super[64+(b%8*kernels.KBlock+k)/l.Group*32+lane:]
			scaleAffine(dst[k:], u[k:k+l.Group], d*float32(s[0]), -float32(dmin*float32(s[16])))
		}
	}
}

// scaleSigned writes d*(u-zero).
func scaleSigned(dst []float32, u []byte, d, zero float32) {
	for k, v := range u {
		dst[k] = d * (float32(v) - zero)
	}
}

// scaleAffine writes d*u + m.
func scaleAffine(dst []float32, u []byte, d, m float32) {
	for k, v := range u {
		dst[k] = float32(d*float32(v)) + m
	}
}
