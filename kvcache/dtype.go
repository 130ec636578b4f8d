package kvcache

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"kvasir/kernels"
	"kvasir/quant"
)

// DType is a storage type of keys or values.
type DType uint8

// Storage types. Q8_0 and Q4_0 store blocks of 32 values along the head
// dimension with one f16 scale each (34 and 18 bytes per 32 values).
const (
	F16 DType = iota
	F32
	BF16
	Q8_0
	Q4_0
)

var dtypeNames = [...]string{F16: "f16", F32: "f32", BF16: "bf16", Q8_0: "q8_0", Q4_0: "q4_0", I16: "i16"}

func (t DType) String() string { return dtypeNames[t] }

// DTypes lists the names that ParseDType knows.
func DTypes() []string { return dtypeNames[:] }

// ParseDType reads a storage type by name.
func ParseDType(s string) (DType, error) {
	for i, n := range dtypeNames {
		if n == s {
			return DType(i), nil
		}
	}
	return 0, fmt.Errorf("unknown cache type %q: use one of %s", s, strings.Join(dtypeNames[:], ", "))
}

// quantum is the number of values that share a scale, 1 for the float types.
const quantum = 32

func (t DType) check(dim int) error {
	if (t == Q8_0 || t == Q4_0) && dim%quantum != 0 {
		return fmt.Errorf("cache type %s needs a multiple of %d", t, quantum)
	}
	return nil
}

// rowBytes is the size of one slot of dim values.
func (t DType) rowBytes(dim int) int {
	switch t {
	case F32:
		return 4 * dim
	case Q8_0:
		return dim / quantum * 34
	case Q4_0:
		return dim / quantum * 18
	case I16:
		return kernels.I16RowBytes(dim)
	default:
		return 2 * dim
	}
}

// put stores the row x as slot j of a K tile (transposed) or V tile. tmp holds
// at least rowBytes(len(x)) bytes.
func (t DType) putK(tile []byte, j int, x []float32, tmp []byte) {
	switch t {
	case F32:
		for d, v := range x {
			binary.LittleEndian.PutUint32(tile[4*(d*BlockSlots+j):], math.Float32bits(v))
		}
	case F16, BF16:
		t.encode(tmp, x)
		for d := range x {
			o := 2 * (d*BlockSlots + j)
			tile[o], tile[o+1] = tmp[2*d], tmp[2*d+1]
		}
	case Q8_0, Q4_0:
		t.encode(tmp, x)
		t.scatter(tile, j, len(x), tmp)
	case I16:
		putKeyI16(tile, j, x, tmp)
	}
}

// scatter spreads an encoded row over a transposed tile: all code bytes first,
// [byte of the row][slot], then the scales, [block of 32][slot].
func (t DType) scatter(tile []byte, j, dim int, row []byte) {
	codes := t.codeBytes()
	scales := tile[dim/quantum*codes*BlockSlots:]
	for b := range dim / quantum {
		blk := row[b*(codes+2):][:codes+2]
		o := 2 * (b*BlockSlots + j)
		scales[o], scales[o+1] = blk[0], blk[1]
		for i, c := range blk[2:] {
			tile[(b*codes+i)*BlockSlots+j] = c
		}
	}
}

// codeBytes is the number of code bytes in a block of 32 quantized values.
func (t DType) codeBytes() int {
	if t == Q8_0 {
		return 32
	}
	return 16
}

func (t DType) putV(tile []byte, j int, x []float32) {
	if t == I16 {
		putValueI16(tile, j, x)
		return
	}
	n := t.rowBytes(len(x))
	t.encode(tile[j*n:(j+1)*n], x)
}

// encode writes x in the type's row form.
func (t DType) encode(dst []byte, x []float32) {
	switch t {
	case F32:
		for d, v := range x {
			binary.LittleEndian.PutUint32(dst[4*d:], math.Float32bits(v))
		}
	case F16:
		kernels.F32ToF16(dst, x)
	case BF16:
		kernels.F32ToBF16(dst, x)
	case Q8_0:
		quant.EncodeQ8_0(dst, x)
	case Q4_0:
		quant.EncodeQ4_0(dst, x)
	}
}

// loadK decodes a K tile to [dim][BlockSlots] f32.
func (t DType) loadK(dst []float32, tile []byte, dim int) {
	switch t {
	case Q8_0:
		kernels.Q8TileToF32(dst, tile, dim)
	case Q4_0:
		kernels.Q4TileToF32(dst, tile, dim)
	case I16:
		kernels.I16KeysToF32(dst, tile, dim)
	default:
		t.decode(dst[:dim*BlockSlots], tile)
	}
}

// loadV decodes a V tile to [BlockSlots][dim] f32.
func (t DType) loadV(dst []float32, tile []byte, dim int) {
	if t == I16 {
		for j := range BlockSlots {
			valueI16(dst[j*dim:(j+1)*dim], tile, j)
		}
		return
	}
	t.decode(dst[:dim*BlockSlots], tile)
}

// rowV decodes the row of slot j of a V tile.
func (t DType) rowV(dst []float32, tile []byte, j int) {
	if t == I16 {
		valueI16(dst, tile, j)
		return
	}
	n := t.rowBytes(len(dst))
	t.decodeRow(dst, tile[j*n:(j+1)*n])
}

// decodeRow reads one row of any length.
func (t DType) decodeRow(dst []float32, src []byte) {
	if t != F32 {
		t.decode(dst, src)
		return
	}
	for d := range dst {
		dst[d] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*d:]))
	}
}

// decode reads rows in the type's row form; len(dst) is a multiple of 32.
func (t DType) decode(dst []float32, src []byte) {
	switch t {
	case F32:
		kernels.UnpackF(dst, kernels.F32, src, len(dst)/kernels.RowGroup)
	case F16:
		kernels.F16ToF32(dst, src)
	case BF16:
		kernels.BF16ToF32(dst, src)
	case Q8_0:
		kernels.Q8ToF32(dst, src)
	case Q4_0:
		kernels.Q4ToF32(dst, src)
	}
}
