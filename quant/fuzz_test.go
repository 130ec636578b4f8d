package quant_test

import (
	"errors"
	"math"
	"testing"

	"kvasir/quant"
)

// FuzzMatrix feeds arbitrary type ids, shapes and block bytes: nothing panics,
// a matrix that is accepted decodes, and its packed form decodes to the same
// bits (NaN to NaN).
func FuzzMatrix(f *testing.F) {
	for typ := range quant.Formats {
		f.Add(uint32(typ), 17, 1, []byte{0x01, 0x3c, 0xff, 0x80, 0x7f, 0x5a})
	}
	f.Add(uint32(16), 1, 256, []byte{1})
	f.Add(uint32(quant.Q4_0), math.MinInt, math.MaxInt, []byte{1})
	f.Fuzz(func(t *testing.T, id uint32, rows, blocks int, pattern []byte) {
		typ := quant.Type(id)
		if _, err := quant.NewMatrix(typ, rows, blocks, pattern); err != nil && !errors.Is(err, quant.ErrShape) && !errors.Is(err, quant.ErrUnsupportedType) {
			t.Fatalf("unexpected error: %v", err)
		}
		format, err := quant.Lookup(typ)
		if err != nil || rows < 1 || rows > 40 || blocks < 1 || blocks > 40 || len(pattern) == 0 {
			return
		}
		data := make([]byte, rows*blocks*format.BlockBytes)
		for i := range data {
			data[i] = pattern[i%len(pattern)] + byte(i/len(pattern))
		}
		m, err := quant.NewMatrix(typ, rows, blocks*format.BlockValues, data)
		if err != nil {
			t.Fatal(err)
		}
		p := pack(t, m)
		want, got := make([]float32, m.Cols), make([]float32, m.Cols)
		for r := range rows {
			m.Row(want, r)
			p.Row(got, r)
			for k := range want {
				if math.Float32bits(want[k]) != math.Float32bits(got[k]) && (want[k] == want[k] || got[k] == got[k]) {
					t.Fatalf("%v row %d value %d: file %g, packed %g", typ, r, k, want[k], got[k])
				}
			}
		}
	})
}

// FuzzTypes checks the type table against itself for any id and length.
func FuzzTypes(f *testing.F) {
	f.Add(uint32(quant.Q4_K), 512)
	f.Add(uint32(5), 32)
	f.Add(uint32(quant.F32), math.MaxInt)
	f.Fuzz(func(t *testing.T, id uint32, cols int) {
		typ := quant.Type(id)
		values, size, ok := quant.TypeSize(typ)
		n, err := quant.RowBytes(typ, cols)
		switch {
		case err != nil:
			if !errors.Is(err, quant.ErrShape) && !errors.Is(err, quant.ErrUnsupportedType) || n != 0 {
				t.Fatalf("%v: %d, %v", typ, n, err)
			}
		case !ok || n < 0 || n/size*values != cols || n%size != 0:
			t.Fatalf("%v row of %d values: %d bytes, block %d in %d", typ, cols, n, values, size)
		}
		if typ.String() == "" {
			t.Fatal("type without a name")
		}
	})
}
