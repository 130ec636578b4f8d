package quant

import (
	"fmt"

	"kvasir/kernels"
)

// Format describes one tensor type that can be decoded and multiplied.
// Formats are immutable and safe for concurrent use.
type Format struct {
	Type        Type
	Name        string
	BlockValues int // values of one block
	BlockBytes  int // bytes of one block

	// Decode writes the values of whole blocks: len(src) is a multiple of
	// BlockBytes and len(dst) at least len(src)/BlockBytes*BlockValues.
	Decode func(dst []float32, src []byte)

	// Layout is the packed form of a quantized type, nil for a float type,
	// whose packed form is Float.
	Layout *kernels.Layout
	Float  kernels.Float

	// pack16 is what packs 16 rows at a time, 0 if nothing does but pack.
	pack16 kernels.PackForm

	// pack writes the whole blocks src of one row as lane 0..15 of a row
	// group. codes starts at the code bytes of the first block and scales at
	// its scale bytes; a float type leaves scales alone.
	pack func(codes, scales, src []byte, lane int)
}

// Formats is the registry of computable tensor types.
var Formats = map[Type]*Format{
	F32:    &formatF32,
	F16:    &formatF16,
	BF16:   &formatBF16,
	Q4_0:   &formatQ4_0,
	Q4_1:   &formatQ4_1,
	Q5_0:   &formatQ5_0,
	Q5_1:   &formatQ5_1,
	Q8_0:   &formatQ8_0,
	Q2_K:   &formatQ2_K,
	Q3_K:   &formatQ3_K,
	Q4_K:   &formatQ4_K,
	Q5_K:   &formatQ5_K,
	Q6_K:   &formatQ6_K,
	IQ4_NL: &formatIQ4_NL,
	IQ4_XS: &formatIQ4_XS,
	MXFP4:  &formatMXFP4,
	TQ1_0:  &formatTQ1_0,
	TQ2_0:  &formatTQ2_0,
}

// Lookup returns the format of t, or an error that wraps [ErrUnsupportedType]
// and names the type.
func Lookup(t Type) (*Format, error) {
	f, ok := Formats[t]
	if !ok {
		return nil, fmt.Errorf("%v: %w", t, ErrUnsupportedType)
	}
	return f, nil
}
