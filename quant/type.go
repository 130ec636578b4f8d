package quant

import (
	"errors"
	"fmt"
	"math"
)

// Type is the id of a tensor type in a GGUF file.
type Type uint32

// Tensor types that this package decodes and packs. Other known ids have a
// name and a size only, see [TypeSize].
const (
	F32    Type = 0
	F16    Type = 1
	Q4_0   Type = 2
	Q4_1   Type = 3
	Q5_0   Type = 6
	Q5_1   Type = 7
	Q8_0   Type = 8
	Q2_K   Type = 10
	Q3_K   Type = 11
	Q4_K   Type = 12
	Q5_K   Type = 13
	Q6_K   Type = 14
	IQ4_NL Type = 20
	IQ4_XS Type = 23
	BF16   Type = 30
	TQ1_0  Type = 34
	TQ2_0  Type = 35
	MXFP4  Type = 39
)

// ErrUnsupportedType marks a tensor type that cannot be computed with.
var ErrUnsupportedType = errors.New("unsupported tensor type")

// ErrShape marks a row, matrix or buffer whose size does not fit its type.
var ErrShape = errors.New("wrong shape")

// known lists every id of the file format that is in use. Ids 4, 5, 31-33 and
// 36-38 were withdrawn.
var known = map[Type]struct {
	name                    string
	blockValues, blockBytes int
}{
	F32:    {"F32", 1, 4},
	F16:    {"F16", 1, 2},
	Q4_0:   {"Q4_0", 32, 18},
	Q4_1:   {"Q4_1", 32, 20},
	Q5_0:   {"Q5_0", 32, 22},
	Q5_1:   {"Q5_1", 32, 24},
	Q8_0:   {"Q8_0", 32, 34},
	9:      {"Q8_1", 32, 36},
	Q2_K:   {"Q2_K", 256, 84},
	Q3_K:   {"Q3_K", 256, 110},
	Q4_K:   {"Q4_K", 256, 144},
	Q5_K:   {"Q5_K", 256, 176},
	Q6_K:   {"Q6_K", 256, 210},
	15:     {"Q8_K", 256, 292},
	16:     {"IQ2_XXS", 256, 66},
	17:     {"IQ2_XS", 256, 74},
	18:     {"IQ3_XXS", 256, 98},
	19:     {"IQ1_S", 256, 50},
	IQ4_NL: {"IQ4_NL", 32, 18},
	21:     {"IQ3_S", 256, 110},
	22:     {"IQ2_S", 256, 82},
	IQ4_XS: {"IQ4_XS", 256, 136},
	24:     {"I8", 1, 1},
	25:     {"I16", 1, 2},
	26:     {"I32", 1, 4},
	27:     {"I64", 1, 8},
	28:     {"F64", 1, 8},
	29:     {"IQ1_M", 256, 56},
	BF16:   {"BF16", 1, 2},
	TQ1_0:  {"TQ1_0", 256, 54},
	TQ2_0:  {"TQ2_0", 256, 66},
	MXFP4:  {"MXFP4", 32, 17},
	40:     {"NVFP4", 64, 36},
	41:     {"Q1_0", 128, 18},
	42:     {"Q2_0", 64, 18},
}

// String returns the name of the type, such as "Q4_K", or "type 77" when the
// id is unknown.
func (t Type) String() string {
	if k, ok := known[t]; ok {
		return k.name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// TypeSize returns the values and bytes of one block of t. ok is false for an
// unknown id. Types that cannot be computed with have a size too, so that a
// file reader can check tensor extents.
func TypeSize(t Type) (blockValues, blockBytes int, ok bool) {
	k, ok := known[t]
	return k.blockValues, k.blockBytes, ok
}

// RowBytes returns the bytes of a row of cols values of type t. It fails with
// [ErrUnsupportedType] for an unknown id and with [ErrShape] when cols is
// negative, no whole number of blocks, or too large.
func RowBytes(t Type, cols int) (int, error) {
	k, ok := known[t]
	if !ok {
		return 0, fmt.Errorf("%v: %w", t, ErrUnsupportedType)
	}
	if cols < 0 || cols%k.blockValues != 0 {
		return 0, fmt.Errorf("%v row of %d values, block of %d: %w", t, cols, k.blockValues, ErrShape)
	}
	blocks := cols / k.blockValues
	if blocks > math.MaxInt/k.blockBytes {
		return 0, fmt.Errorf("%v row of %d values: %w", t, cols, ErrShape)
	}
	return blocks * k.blockBytes, nil
}
