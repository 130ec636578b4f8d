package quant

import (
	"fmt"
	"math"
)

// Matrix is a weight as the model file holds it: Rows rows of Cols values, each
// row whole blocks of Type, one after the other in Data. It is a view: Data is
// usually mapped memory. Reading is safe for concurrent use.
type Matrix struct {
	Type       Type
	Rows, Cols int
	Data       []byte
}

// NewMatrix checks that data is exactly rows rows of cols values of a computable
// type. Errors wrap [ErrUnsupportedType] or [ErrShape].
func NewMatrix(t Type, rows, cols int, data []byte) (Matrix, error) {
	if _, err := Lookup(t); err != nil {
		return Matrix{}, err
	}
	if rows < 1 || cols < 1 {
		return Matrix{}, fmt.Errorf("%v matrix of %d rows, %d columns: %w", t, rows, cols, ErrShape)
	}
	rowBytes, err := RowBytes(t, cols)
	if err != nil {
		return Matrix{}, err
	}
	if rows > math.MaxInt/rowBytes || len(data) != rows*rowBytes {
		return Matrix{}, fmt.Errorf("%v matrix of %d rows of %d bytes has %d bytes: %w", t, rows, rowBytes, len(data), ErrShape)
	}
	return Matrix{Type: t, Rows: rows, Cols: cols, Data: data}, nil
}

// rowBytes returns the stride of a valid matrix.
func (m Matrix) rowBytes() int { return len(m.Data) / m.Rows }

// Row decodes row r into dst, which holds at least Cols values. It panics when
// r is outside the matrix.
func (m Matrix) Row(dst []float32, r int) {
	n := m.rowBytes()
	Formats[m.Type].Decode(dst[:m.Cols], m.Data[r*n:(r+1)*n])
}
