package tinymodel

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"

	"kvasir/quant"
)

// field is a half float of a block and its size in relation to the others.
type field struct {
	at    int
	ratio float64
}

// scaleFields lists the half floats of each block format. The minimum of a
// format that has one is such that values are centred on zero.
var scaleFields = map[quant.Type][]field{
	quant.Q4_0:   {{0, 1}},
	quant.Q4_1:   {{0, 1}, {2, -7.5}},
	quant.Q5_0:   {{0, 1}},
	quant.Q5_1:   {{0, 1}, {2, -15.5}},
	quant.Q8_0:   {{0, 1}},
	quant.Q2_K:   {{80, 1}, {82, 1.5}},
	quant.Q3_K:   {{108, 1}},
	quant.Q4_K:   {{0, 1}, {2, 7.5}},
	quant.Q5_K:   {{0, 1}, {2, 15.5}},
	quant.Q6_K:   {{208, 1}},
	quant.IQ4_NL: {{0, 1}},
	quant.IQ4_XS: {{0, 1}},
	quant.TQ1_0:  {{52, 1}},
	quant.TQ2_0:  {{64, 1}},
}

// encode returns rows of cols random values of a type with about the given
// standard deviation.
func encode(s *source, t quant.Type, rows, cols int, deviation float64) ([]byte, error) {
	size, err := quant.RowBytes(t, cols)
	if err != nil {
		return nil, err
	}
	switch t {
	case quant.F32:
		return floats(s.normals(rows*cols, 0, deviation)), nil
	case quant.F16, quant.BF16:
		data := make([]byte, 0, rows*size)
		for range rows * cols {
			data = binary.LittleEndian.AppendUint16(data, half(t, s.normal(0, deviation)))
		}
		return data, nil
	}
	f, ok := quant.Formats[t]
	if !ok || scaleFields[t] == nil && t != quant.MXFP4 {
		return nil, fmt.Errorf("no random blocks for %v", t)
	}
	data := make([]byte, rows*size)
	for b := data; len(b) > 0; b = b[f.BlockBytes:] {
		s.block(f, b[:f.BlockBytes], deviation*(0.5+s.uniform()))
	}
	return data, nil
}

// half rounds to a 16-bit float; BF16 by cutting.
func half(t quant.Type, v float32) uint16 {
	if t == quant.BF16 {
		return uint16(math.Float32bits(v) >> 16)
	}
	return float16.Fromfloat32(v).Bits()
}

// block fills a block with random codes, then sets its scales.
func (s *source) block(f *quant.Format, b []byte, deviation float64) {
	for i := range b {
		b[i] = byte(s.uint64())
	}
	if f.Type == quant.TQ2_0 { // of four codes only three are in use
		for i := range b[:64] {
			b[i] &^= b[i] >> 1 & 0x55
		}
	}
	setScale(f, b, 1)
	x := make([]float32, f.BlockValues)
	f.Decode(x, b)
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return
	}
	setScale(f, b, deviation/math.Sqrt(sum/float64(len(x))))
}

// setScale makes a block's scale d.
func setScale(f *quant.Format, b []byte, d float64) {
	if f.Type == quant.MXFP4 { // a power of two, as an exponent in the first byte
		b[0] = byte(128 + math.Round(math.Log2(d)))
		return
	}
	for _, s := range scaleFields[f.Type] {
		binary.LittleEndian.PutUint16(b[s.at:], half(quant.F16, float32(d*s.ratio)))
	}
}
