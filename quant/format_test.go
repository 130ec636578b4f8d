package quant_test

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/kernels"
	"kvasir/quant"
)

// sortedFormats returns the registry in order of type id.
func sortedFormats() []*quant.Format {
	var all []*quant.Format
	for _, f := range quant.Formats {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *quant.Format) int { return int(a.Type) - int(b.Type) })
	return all
}

// forEachFormat runs a subtest per registered format.
func forEachFormat(t *testing.T, test func(t *testing.T, f *quant.Format)) {
	for _, f := range sortedFormats() {
		t.Run(f.Name, func(t *testing.T) { test(t, f) })
	}
}

// goldenBlocks returns the blocks of a format's golden file, concatenated, and
// the checksums of their decoded values.
func goldenBlocks(t testing.TB, f *quant.Format) (blocks []byte, sums []uint32) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "decode_"+f.Name+".golden"))
	require.NoError(t, err)
	size := f.BlockBytes + 4
	require.Zero(t, len(data)%size)
	for ; len(data) > 0; data = data[size:] {
		blocks = append(blocks, data[:f.BlockBytes]...)
		sums = append(sums, binary.LittleEndian.Uint32(data[f.BlockBytes:]))
	}
	return blocks, sums
}

func floatBytes(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// requireSameBits fails unless got and want agree in every bit.
func requireSameBits(t testing.TB, want, got []float32, what string, args ...any) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			t.Fatalf("value %d: want %g (%#x), got %g (%#x); "+what, append([]any{i, want[i],
				math.Float32bits(want[i]), got[i], math.Float32bits(got[i])}, args...)...)
		}
	}
}

func TestDecodeGolden(t *testing.T) {
	forEachFormat(t, func(t *testing.T, f *quant.Format) {
		blocks, sums := goldenBlocks(t, f)
		require.NotEmpty(t, sums)
		all := make([]float32, len(sums)*f.BlockValues)
		f.Decode(all, blocks)
		for i, want := range sums {
			values := all[i*f.BlockValues : (i+1)*f.BlockValues]
			block := blocks[i*f.BlockBytes : (i+1)*f.BlockBytes]
			require.Equalf(t, want, crc32.ChecksumIEEE(floatBytes(values)), "block %d: % x\ndecoded to %v", i, block, values)
		}
	})
}

func TestFormatsAgreeWithTypeTable(t *testing.T) {
	require.Len(t, quant.Formats, 18)
	for typ, f := range quant.Formats {
		values, bytes, ok := quant.TypeSize(typ)
		require.True(t, ok)
		require.Equal(t, typ, f.Type)
		require.Equal(t, typ.String(), f.Name)
		require.Equal(t, values, f.BlockValues, f.Name)
		require.Equal(t, bytes, f.BlockBytes, f.Name)
		if f.Layout != nil {
			require.Zero(t, f.BlockValues%kernels.KBlock, f.Name)
		}
	}
}

func TestTypes(t *testing.T) {
	withdrawn := map[quant.Type]bool{4: true, 5: true, 31: true, 32: true, 33: true, 36: true, 37: true, 38: true}
	for id := range quant.Type(43) {
		values, bytes, ok := quant.TypeSize(id)
		require.Equal(t, !withdrawn[id], ok, "id %d", id)
		require.Equal(t, ok, values > 0 && bytes > 0, "id %d", id)
	}
	require.Equal(t, "Q4_K", quant.Q4_K.String())
	require.Equal(t, "IQ2_XXS", quant.Type(16).String())
	require.Equal(t, "type 77", quant.Type(77).String())
}

func TestLookupUnsupported(t *testing.T) {
	for id, name := range map[quant.Type]string{16: "IQ2_XXS", 40: "NVFP4", 26: "I32", 4: "type 4", 1 << 31: "type 2147483648"} {
		_, err := quant.Lookup(id)
		require.ErrorIs(t, err, quant.ErrUnsupportedType)
		require.ErrorContains(t, err, name)
	}
	f, err := quant.Lookup(quant.Q6_K)
	require.NoError(t, err)
	require.Equal(t, "Q6_K", f.Name)
}

func TestRowBytes(t *testing.T) {
	tests := []struct {
		typ  quant.Type
		cols int
		want int
		err  error
	}{
		{quant.F32, 7, 28, nil},
		{quant.Q8_0, 576, 612, nil},
		{quant.Q4_K, 512, 288, nil},
		{quant.Q4_K, 0, 0, nil},
		{40, 128, 72, nil},
		{quant.Q4_K, 288, 0, quant.ErrShape},
		{quant.Q4_0, -32, 0, quant.ErrShape},
		{quant.F32, math.MaxInt, 0, quant.ErrShape},
		{5, 32, 0, quant.ErrUnsupportedType},
	}
	for _, tt := range tests {
		got, err := quant.RowBytes(tt.typ, tt.cols)
		require.ErrorIs(t, err, tt.err, "%v %d", tt.typ, tt.cols)
		require.Equal(t, tt.want, got, "%v %d", tt.typ, tt.cols)
	}
}

func TestNewMatrix(t *testing.T) {
	tests := []struct {
		name       string
		typ        quant.Type
		rows, cols int
		bytes      int
		err        error
	}{
		{"good", quant.Q8_0, 3, 64, 3 * 68, nil},
		{"odd columns of floats", quant.F16, 3, 7, 42, nil},
		{"short", quant.Q8_0, 3, 64, 3*68 - 1, quant.ErrShape},
		{"long", quant.Q8_0, 3, 64, 3*68 + 1, quant.ErrShape},
		{"part of a block", quant.Q8_0, 3, 48, 3 * 51, quant.ErrShape},
		{"no rows", quant.Q8_0, 0, 64, 0, quant.ErrShape},
		{"negative rows", quant.Q8_0, -1, 64, 0, quant.ErrShape},
		{"no columns", quant.Q8_0, 3, 0, 0, quant.ErrShape},
		{"overflow", quant.F32, math.MaxInt/4 + 1, 1, 0, quant.ErrShape},
		{"row overflow", quant.F32, 1, math.MaxInt, 0, quant.ErrShape},
		{"not computable", 18, 1, 256, 98, quant.ErrUnsupportedType},
		{"unknown", 99, 1, 256, 98, quant.ErrUnsupportedType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := quant.NewMatrix(tt.typ, tt.rows, tt.cols, make([]byte, tt.bytes))
			require.ErrorIs(t, err, tt.err)
		})
	}
}

func TestMatrixRow(t *testing.T) {
	forEachFormat(t, func(t *testing.T, f *quant.Format) {
		blocks, _ := goldenBlocks(t, f)
		m, err := quant.NewMatrix(f.Type, 16, len(blocks)/16/f.BlockBytes*f.BlockValues, blocks)
		require.NoError(t, err)
		all := make([]float32, m.Rows*m.Cols)
		f.Decode(all, blocks)
		row := make([]float32, m.Cols)
		for r := range m.Rows {
			m.Row(row, r)
			requireSameBits(t, all[r*m.Cols:(r+1)*m.Cols], row, "row %d", r)
		}
	})
}
