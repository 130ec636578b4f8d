package quant

import (
	"fmt"

	"kvasir/kernels"
)

// rowGroup is the number of rows packed side by side.
const rowGroup = kernels.RowGroup

// packTile is the number of values of a row that are packed before the next row
// of the group: a tile of all 16 rows stays in the first-level cache while its
// cache lines are filled 4 bytes at a time.
const packTile = 256

// Packed is a weight matrix repacked for the kernels, without loss: groups of 16
// rows, whose codes (or float elements) come first, for all groups, then, for
// quantized types, the scales of all groups. The rows that fill up the last
// group are zero. After packing it is read-only and safe for concurrent use.
type Packed struct {
	Rows, Cols int

	format     *Format
	codes      []byte
	scales     []byte
	codeBytes  int // per row group
	scaleBytes int // per row group, 0 for float types
}

// groupBytes returns the code and scale bytes of one row group of cols values.
func groupBytes(f *Format, cols int) (codes, scales int) {
	if f.Layout == nil {
		return f.Float.GroupBytes(cols), 0
	}
	nb := cols / kernels.KBlock
	return f.Layout.CodeBytes(nb), f.Layout.ScaleBytes(nb)
}

// PackedBytes returns the memory that packing m takes, a multiple of 64.
func PackedBytes(m Matrix) int {
	codes, scales := groupBytes(Formats[m.Type], m.Cols)
	groups := (m.Rows + rowGroup - 1) / rowGroup
	return (groups*(codes+scales) + 63) &^ 63
}

// NewPacked lays out the packed form of m in mem, which holds at least
// [PackedBytes] bytes, should be 64-byte aligned, and belongs to the result from
// then on. Its contents are undefined until PackGroups has run for every group.
// m is as [NewMatrix] makes it.
func NewPacked(m Matrix, mem []byte) (*Packed, error) {
	f, err := Lookup(m.Type)
	if err != nil {
		return nil, err
	}
	if need := PackedBytes(m); len(mem) < need {
		return nil, fmt.Errorf("pack %v matrix %d x %d: %d bytes of memory, need %d: %w", m.Type, m.Rows, m.Cols, len(mem), need, ErrShape)
	}
	p := &Packed{Rows: m.Rows, Cols: m.Cols, format: f}
	p.codeBytes, p.scaleBytes = groupBytes(f, m.Cols)
	groups := p.RowGroups()
	p.codes = mem[:groups*p.codeBytes]
	p.scales = mem[groups*p.codeBytes:][:groups*p.scaleBytes]
	return p, nil
}

// Pack packs m into mem: NewPacked, then PackGroups of everything.
func Pack(m Matrix, mem []byte) (*Packed, error) {
	p, err := NewPacked(m, mem)
	if err != nil {
		return nil, err
	}
	p.PackGroups(m, 0, p.RowGroups())
	return p, nil
}

// PackGroups packs row groups [lo, hi) of m, the matrix that p was made for.
// Disjoint ranges may be packed concurrently.
func (p *Packed) PackGroups(m Matrix, lo, hi int) {
	for g := lo; g < hi; g++ {
		codes, scales := p.group(g)
		rows := min(rowGroup, p.Rows-g*rowGroup)
		if rows < rowGroup {
			clear(codes)
			clear(scales)
		}
		p.packGroup(codes, scales, m.Data[g*rowGroup*m.rowBytes():], rows)
	}
}

// packGroup packs the rows at the start of src, tile by tile.
func (p *Packed) packGroup(codes, scales, src []byte, rows int) {
	f := p.format
	stride := p.Cols / f.BlockValues * f.BlockBytes
	if rows == rowGroup && f.pack16 != 0 {
		// Rows of BF16 that end in half a word are left to pack.
		size := f.pack16.BlockBytes()
		if stride%size == 0 && kernels.Pack16(f.pack16, codes, scales, src, stride, stride/size) {
			return
		}
	}
	for k := 0; k < p.Cols; k += packTile {
		c, s := groupBytes(f, k)
		lo, hi := k/f.BlockValues*f.BlockBytes, min(k+packTile, p.Cols)/f.BlockValues*f.BlockBytes
		for lane := range rows {
			f.pack(codes[c:], scales[s:], src[lane*stride+lo:lane*stride+hi], lane)
		}
	}
}

// group returns the codes and scales of row group g.
func (p *Packed) group(g int) (codes, scales []byte) {
	return p.codes[g*p.codeBytes : (g+1)*p.codeBytes], p.scales[g*p.scaleBytes : (g+1)*p.scaleBytes]
}

// Type returns the tensor type that p was packed from.
func (p *Packed) Type() Type { return p.format.Type }

// RowGroups returns the number of groups of 16 rows, the last one filled up
// with zero rows.
func (p *Packed) RowGroups() int { return (p.Rows + rowGroup - 1) / rowGroup }

// Bytes returns the size of codes and scales together.
func (p *Packed) Bytes() int { return len(p.codes) + len(p.scales) }

// Float reports whether p multiplies float32 activations ([Input.F], or [Input.H]); if
// not, it multiplies quantized ones ([Input.X]).
func (p *Packed) Float() bool { return p.format.Layout == nil }
