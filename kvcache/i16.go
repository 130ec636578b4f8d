package kvcache

import (
	"encoding/binary"
	"math"

	"kvasir/kernels"
)

// I16 stores a vector as 16-bit integers with one f32 scale: as close to the
// vector as F16 (closer on average, see TestHalvesMatchDefinition of package
// attention) and made for integer dot products. Its tiles are those of
// kernels.AttnScoresI16: pairs of dimensions (keys) or of slots (values) side by
// side, the scales of all slots at the end. So the rows of a V tile are not
// contiguous: see rowV and copyV.
const I16 DType = 5

// putScale stores the scale of slot j of an I16 tile of vectors of dim.
func putScale(tile []byte, j, dim int, s float32) {
	o := 2*kernels.I16Width(dim)*BlockSlots + 4*j
	binary.LittleEndian.PutUint32(tile[o:], math.Float32bits(s))
}

// putKeyI16 stores a key as slot j. tmp holds its codes.
func putKeyI16(tile []byte, j int, x []float32, tmp []byte) {
	putScale(tile, j, len(x), kernels.EncodeKeyI16(tmp, x))
	for i := range kernels.I16Width(len(x)) / 2 {
		binary.LittleEndian.PutUint32(tile[4*(i*BlockSlots+j):], binary.LittleEndian.Uint32(tmp[4*i:]))
	}
}

// putValueI16 stores a value as slot j.
func putValueI16(tile []byte, j int, x []float32) {
	var buf [2048]byte
	tmp := buf[:]
	if n := 2 * kernels.I16Width(len(x)); n > len(tmp) {
		tmp = make([]byte, n)
	}
	putScale(tile, j, len(x), kernels.EncodeValueI16(tmp, x))
	o := 4*(j/2*len(x)) + 2*(j&1)
	for d := range x {
		binary.LittleEndian.PutUint16(tile[o+4*d:], binary.LittleEndian.Uint16(tmp[2*d:]))
	}
}

// valueI16 decodes the value of slot j.
func valueI16(dst []float32, tile []byte, j int) {
	dim := len(dst)
	s := math.Float32frombits(binary.LittleEndian.Uint32(tile[2*kernels.I16Width(dim)*BlockSlots+4*j:]))
	o := 4*(j/2*dim) + 2*(j&1)
	for d := range dst {
		dst[d] = float32(int16(binary.LittleEndian.Uint16(tile[o+4*d:]))) * s
	}
}

// copyValueI16 copies the value of slot from of one tile to slot to of another.
func copyValueI16(dst, src []byte, dim, to, from int) {
	d, s := 4*(to/2*dim)+2*(to&1), 4*(from/2*dim)+2*(from&1)
	for i := 0; i < 4*dim; i += 4 {
		binary.LittleEndian.PutUint16(dst[d+i:], binary.LittleEndian.Uint16(src[s+i:]))
	}
	o := 2 * kernels.I16Width(dim) * BlockSlots
	copy(dst[o+4*to:][:4], src[o+4*from:])
}
