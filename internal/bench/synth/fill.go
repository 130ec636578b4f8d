package synth

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"

	"github.com/x448/float16"

	"kvasir/quant"
)

// field is a half float of a block and its size in relation to the scale.
type field struct {
	at    int
	ratio float64
}

// scaleFields lists the half floats of each block format. Minima are such that
// values are centred on zero.
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

// source is a stream of random numbers: splitmix64 (Steele, Lea and Flood, Fast
// splittable pseudorandom number generators, 2014).
type source struct{ state uint64 }

// newSource returns the stream of a part of a tensor.
func newSource(seed uint64, tensor string, part int) *source {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d|%s|%d", seed, tensor, part)
	return &source{h.Sum64()}
}

func (s *source) next() uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// bytes fills b.
func (s *source) bytes(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, s.next())
	}
	if len(b) > 0 {
		var last [8]byte
		binary.LittleEndian.PutUint64(last[:], s.next())
		copy(b, last[:])
	}
}

// filler writes random values of one format with about a given deviation. It is
// read-only once made.
type filler struct {
	format *quant.Format
	// scales holds the fields of a block for 256 sizes of a block, 0.5 to 1.5 times
	// the mean.
	scales [256][2]uint16
	fields []field
	expo   byte // MXFP4: the exponent of the smaller half of the blocks
	values []uint32
}

// valueBits is the number of random bits that choose a float value.
const valueBits = 12

func newFiller(t quant.Type, deviation float64) (*filler, error) {
	format, err := quant.Lookup(t)
	if err != nil {
		return nil, err
	}
	f := &filler{format: format, fields: scaleFields[t]}
	switch {
	case format.BlockValues == 1:
		f.normals(t, deviation)
		return f, nil
	case t == quant.MXFP4:
		f.expo = 128
		f.expo = byte(128 + math.Round(math.Log2(deviation/f.unit())))
		return f, nil
	case len(f.fields) == 0:
		return nil, fmt.Errorf("no random blocks of %v", t)
	}
	f.setScales(1)
	f.setScales(deviation / f.unit())
	return f, nil
}

// setScales sets the table for blocks of mean scale d.
func (f *filler) setScales(d float64) {
	for i := range f.scales {
		for j, field := range f.fields {
			v := d * field.ratio * (0.5 + (float64(i)+0.5)/256)
			if i&1 == 1 && (f.format.Type == quant.Q4_0 || f.format.Type == quant.Q5_0) {
				v = -v // their codes reach further down than up
			}
			f.scales[i][j] = float16.Fromfloat32(float32(v)).Bits()
		}
	}
}

// unit returns the deviation of values under the present scales.
func (f *filler) unit() float64 {
	const blocks = 512
	b := make([]byte, blocks*f.format.BlockBytes)
	x := make([]float32, blocks*f.format.BlockValues)
	f.blocks(&source{}, b)
	f.format.Decode(x, b)
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(x)))
}

// normals makes a table of normally distributed values at the middle of equal
// shares of the distribution.
func (f *filler) normals(t quant.Type, deviation float64) {
	f.values = make([]uint32, 1<<valueBits)
	for i := range f.values {
		p := (float64(i) + 0.5) / float64(len(f.values))
		v := float32(deviation * math.Sqrt2 * math.Erfinv(2*p-1))
		switch t {
		case quant.F32:
			f.values[i] = math.Float32bits(v)
		case quant.BF16:
			f.values[i] = math.Float32bits(v) >> 16
		default:
			f.values[i] = uint32(float16.Fromfloat32(v).Bits())
		}
	}
}

// fill writes whole blocks.
func (f *filler) fill(s *source, b []byte) {
	switch {
	case f.values == nil:
		f.blocks(s, b)
	case f.format.BlockBytes == 4:
		for ; len(b) >= 4; b = b[4:] {
			binary.LittleEndian.PutUint32(b, f.values[s.next()>>(64-valueBits)])
		}
	default:
		f.halves(s, b)
	}
}

// halves writes four 16-bit floats a random number.
func (f *filler) halves(s *source, b []byte) {
	for len(b) > 0 {
		r := s.next()
		for range min(4, len(b)/2) {
			binary.LittleEndian.PutUint16(b, uint16(f.values[r>>(64-valueBits)]))
			r = bits.RotateLeft64(r, valueBits)
			b = b[2:]
		}
	}
}

// blocks writes random codes, then scales.
func (f *filler) blocks(s *source, b []byte) {
	s.bytes(b)
	size := f.format.BlockBytes
	for ; len(b) >= size; b = b[size:] {
		block := b[:size]
		switch f.format.Type {
		case quant.MXFP4:
			block[0] = f.expo + block[0]&1
			continue
		case quant.TQ2_0: // of four codes only three are in use: 3 becomes 1
			for i, c := range block[:64] {
				block[i] = c &^ (c & (c << 1) & 0xAA)
			}
		}
		scale := &f.scales[block[f.fields[0].at]]
		for j, field := range f.fields {
			binary.LittleEndian.PutUint16(block[field.at:], scale[j])
		}
	}
}

// Weights returns rows of cols random values of a format, as a file of this package
// holds them.
func Weights(t quant.Type, rows, cols int, seed uint64) ([]byte, error) {
	row, err := quant.RowBytes(t, cols)
	if err != nil {
		return nil, err
	}
	f, err := newFiller(t, 1/math.Sqrt(float64(cols)))
	if err != nil {
		return nil, err
	}
	b := make([]byte, rows*row)
	f.fill(newSource(seed, t.String(), 0), b)
	return b, nil
}
