package quant_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/quant"
)

// halfScales holds the byte offsets of the float16 scales of a block.
var halfScales = map[quant.Type][]int{
	quant.Q4_0: {0}, quant.Q4_1: {0, 2}, quant.Q5_0: {0}, quant.Q5_1: {0, 2}, quant.Q8_0: {0},
	quant.Q2_K: {80, 82}, quant.Q3_K: {108}, quant.Q4_K: {0, 2}, quant.Q5_K: {0, 2}, quant.Q6_K: {208},
	quant.IQ4_NL: {0}, quant.IQ4_XS: {0}, quant.TQ1_0: {52}, quant.TQ2_0: {64},
}

// randMatrix returns a matrix of random blocks with scales of either sign
// between 2^-9 and 2^-5, as trained weights have them.
func randMatrix(tb testing.TB, rng *rand.Rand, f *quant.Format, rows, cols int) quant.Matrix {
	tb.Helper()
	data := make([]byte, rows*cols/f.BlockValues*f.BlockBytes)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	randHalf := func() uint16 { return uint16(rng.Uint32()&0x8fff) + 6<<10 }
	for b := data; len(b) > 0; b = b[f.BlockBytes:] {
		switch f.Type {
		case quant.F32:
			binary.LittleEndian.PutUint32(b, math.Float32bits(float32(rng.NormFloat64())))
		case quant.BF16:
			binary.LittleEndian.PutUint16(b, uint16(math.Float32bits(float32(rng.NormFloat64()))>>16))
		case quant.F16:
			binary.LittleEndian.PutUint16(b, randHalf())
		case quant.MXFP4:
			b[0] = byte(120 + rng.IntN(8))
		}
		for _, off := range halfScales[f.Type] {
			binary.LittleEndian.PutUint16(b[off:], randHalf())
		}
	}
	m, err := quant.NewMatrix(f.Type, rows, cols, data)
	require.NoError(tb, err)
	return m
}

// pack packs m into memory that is dirty, so that what packing leaves unset shows.
func pack(tb testing.TB, m quant.Matrix) *quant.Packed {
	tb.Helper()
	mem := bytes.Repeat([]byte{0xa5}, quant.PackedBytes(m))
	p, err := quant.Pack(m, mem)
	require.NoError(tb, err)
	return p
}

// testCols are row lengths that end inside, at and beyond a packing tile.
func testCols(f *quant.Format) []int {
	switch f.BlockValues {
	case 1:
		return []int{1, 7, 256, 515}
	case 256:
		return []int{256, 768}
	}
	return []int{32, 256, 352}
}

func TestPackedRow(t *testing.T) {
	forEachFormat(t, func(t *testing.T, f *quant.Format) {
		rng := rand.New(rand.NewPCG(1, uint64(f.Type)))
		for _, rows := range []int{1, 15, 16, 17, 35, 70} {
			for _, cols := range testCols(f) {
				m := randMatrix(t, rng, f, rows, cols)
				p := pack(t, m)
				require.Equal(t, f.Type, p.Type())
				want, got := make([]float32, cols), make([]float32, cols)
				for r := range rows {
					m.Row(want, r)
					p.Row(got, r)
					requireSameBits(t, want, got, "row %d of %d x %d", r, rows, cols)
				}
			}
		}
	})
}

func TestPackedRowGolden(t *testing.T) {
	forEachFormat(t, func(t *testing.T, f *quant.Format) {
		blocks, _ := goldenBlocks(t, f)
		m, err := quant.NewMatrix(f.Type, 16, len(blocks)/16/f.BlockBytes*f.BlockValues, blocks)
		require.NoError(t, err)
		p := pack(t, m)
		want, got := make([]float32, m.Cols), make([]float32, m.Cols)
		for r := range m.Rows {
			m.Row(want, r)
			p.Row(got, r)
			requireSameBits(t, want, got, "row %d", r)
		}
	})
}

func TestPackedRowOutside(t *testing.T) {
	m := randMatrix(t, rand.New(rand.NewPCG(1, 1)), quant.Formats[quant.Q4_0], 5, 32)
	p := pack(t, m)
	for _, r := range []int{-1, 5, 15} {
		require.Panics(t, func() { p.Row(make([]float32, 32), r) }, "row %d", r)
	}
}

func TestPackGroupsAnySplit(t *testing.T) {
	forEachFormat(t, func(t *testing.T, f *quant.Format) {
		m := randMatrix(t, rand.New(rand.NewPCG(2, uint64(f.Type))), f, 61, 512)
		whole := make([]byte, quant.PackedBytes(m))
		p, err := quant.Pack(m, whole)
		require.NoError(t, err)
		require.Equal(t, 4, p.RowGroups())
		require.LessOrEqual(t, p.Bytes(), len(whole))
		require.Zero(t, len(whole)%64)

		parts := make([]byte, len(whole))
		p, err = quant.NewPacked(m, parts)
		require.NoError(t, err)
		for _, r := range [][2]int{{3, 4}, {0, 1}, {1, 1}, {1, 3}} {
			p.PackGroups(m, r[0], r[1])
		}
		require.True(t, bytes.Equal(whole, parts))
	})
}

func TestPackShortMemory(t *testing.T) {
	m := randMatrix(t, rand.New(rand.NewPCG(3, 1)), quant.Formats[quant.Q4_K], 17, 256)
	_, err := quant.Pack(m, make([]byte, quant.PackedBytes(m)-1))
	require.ErrorIs(t, err, quant.ErrShape)
	_, err = quant.Pack(quant.Matrix{Type: 18}, nil)
	require.ErrorIs(t, err, quant.ErrUnsupportedType)
}

// BenchmarkPack reports bytes of the file format packed per second, into memory
// that is in use already. ns per call is for 64 rows of 2048 values.
func BenchmarkPack(b *testing.B) {
	for _, f := range sortedFormats() {
		b.Run(f.Name, func(b *testing.B) {
			m := randMatrix(b, rand.New(rand.NewPCG(4, 1)), f, 64, 2048)
			p := pack(b, m)
			b.SetBytes(int64(len(m.Data)))
			for b.Loop() {
				p.PackGroups(m, 0, p.RowGroups())
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, f := range sortedFormats() {
		b.Run(f.Name, func(b *testing.B) {
			m := randMatrix(b, rand.New(rand.NewPCG(4, 1)), f, 1, 2048)
			dst := make([]float32, m.Cols)
			b.SetBytes(int64(len(m.Data)))
			for b.Loop() {
				m.Row(dst, 0)
			}
		})
	}
}
