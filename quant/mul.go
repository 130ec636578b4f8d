package quant

import (
	"fmt"
	"unsafe"

	"kvasir/kernels"
)

const (
	// panelGroups is the number of row groups that a GEMM call takes.
	panelGroups = 2
	// columnBytes bounds the activations that are swept over all panels of a Mul
	// before the next ones, so that they stay in the second-level cache.
	columnBytes = 768 << 10
	// minColumns keeps such a block wide enough to repay unpacking its panels, and
	// tileColumns is what the widest tiles divide.
	minColumns  = 60
	tileColumns = 12
	// gemvCols is the largest number of columns that are multiplied one by one,
	// without unpacking a panel first. Measured: up to 3 the 4- and 8-bit types gain
	// 10 to 40 %, Q6_K nothing; from 4 on panels win.
	gemvCols = 3
	// edgeCols is the number of columns per GEMM of a partial last row group,
	// whose padding rows must not reach the output, and bounds those of mulFew.
	edgeCols = 64
)

// Scratch is the working memory of one thread in [Packed.Mul].
type Scratch struct {
	panel  []float32     // [panelGroups][cols][16], also holds byte panels
	ws, wm []float32     // [panelGroups][cols/16][16]
	q      kernels.Panel // what unpack has made of them
	edge   [edgeCols * rowGroup]float32
	cols   int
}

// NewScratch allocates for matrices of at most maxCols columns.
func NewScratch(maxCols int) *Scratch {
	mem := alignedFloats(panelGroups * maxCols * (rowGroup + 2))
	n, m := panelGroups*maxCols*rowGroup, panelGroups*maxCols
	return &Scratch{panel: mem[:n:n], ws: mem[n : n+m : n+m], wm: mem[n+m:], cols: maxCols}
}

// Mul computes out[n*ldo+r] = row r of p times activation row n, for every n <
// in.N and every row r of the row groups [glo, ghi), and writes nothing else.
// ldo is at least p.Rows.
//
// Results do not depend on in.N, on the range, or on threads: each output is
// reduced in one order (see package kernels). Calls on disjoint ranges may run
// concurrently, each with a Scratch of its own. Mul does not allocate.
func (p *Packed) Mul(out []float32, ldo int, in *Input, glo, ghi int, s *Scratch) {
	if in.Cols != p.Cols || p.Cols > s.cols || ldo < p.Rows {
		panic(fmt.Sprintf("quant: %d x %d matrix with input of %d, scratch for %d, output rows of %d",
			p.Rows, p.Cols, in.Cols, s.cols, ldo))
	}
	switch {
	case glo >= ghi || in.N == 0:
	case p.brain(in):
		p.mulBrain(out, ldo, in, glo, ghi, s)
	case in.N <= gemvCols && p.Float():
		p.gemvF(out, ldo, in, glo, ghi, s)
	case in.N > 1 && in.N <= min(edgeCols, kernels.PackedColumns()) && !p.Float():
		p.mulFew(out, ldo, in, glo, ghi, s)
	case in.N <= gemvCols:
		p.gemvQ(out, ldo, in, glo, ghi, s)
	default:
		p.gemm(out, ldo, in, glo, ghi, s)
	}
}

// gemvQ multiplies quantized row groups with few activation rows, one by one
// while the group is in the first-level cache.
func (p *Packed) gemvQ(out []float32, ldo int, in *Input, glo, ghi int, s *Scratch) {
	l, nb, stride := p.format.Layout, p.Cols/kernels.KBlock, in.rowBytes(false)
	for g := glo; g < ghi; g++ {
		codes, scales := p.group(g)
		if in.N > 1 {
			kernels.ExpandScales(l, s.ws, s.wm, scales, nb)
		}
		r, rest := g*rowGroup, min(rowGroup, p.Rows-g*rowGroup)
		for n := range in.N {
			dst := out[n*ldo+r : n*ldo+r+rest]
			if rest < rowGroup {
				dst = s.edge[:rowGroup]
			}
			if in.N == 1 {
				kernels.GemvPacked(dst, l, codes, scales, in.X, nb, in.Planes)
			} else {
				kernels.GemvQ(dst, l, codes, s.ws, s.wm, in.X[n*stride:], nb, in.Planes)
			}
			if rest < rowGroup {
				copy(out[n*ldo+r:n*ldo+r+rest], dst)
			}
		}
	}
}

// mulFew multiplies quantized row groups with a few activation rows, without a panel.
func (p *Packed) mulFew(out []float32, ldo int, in *Input, glo, ghi int, s *Scratch) {
	l, nb, stride := p.format.Layout, p.Cols/kernels.KBlock, in.rowBytes(false)
	acc := s.edge[:in.N*rowGroup]
	for g := glo; g < ghi; g++ {
		codes, scales := p.group(g)
		clear(acc)
		kernels.GemmPacked(acc, l, codes, scales, in.X, stride, nb, in.N, in.Planes)
		r, end := g*rowGroup, min((g+1)*rowGroup, p.Rows)
		for n := range in.N {
			copy(out[n*ldo+r:n*ldo+end], acc[n*rowGroup:])
		}
	}
}

// gemvF multiplies float row groups, four at a time, with few activation rows.
func (p *Packed) gemvF(out []float32, ldo int, in *Input, glo, ghi int, s *Scratch) {
	f, full := p.format.Float, min(ghi, p.Rows/rowGroup)
	for g := glo; g < full; g += 4 {
		groups := min(4, full-g)
		for n := range in.N {
			dst := out[n*ldo+g*rowGroup:][:groups*rowGroup]
			kernels.GemvF(dst, f, p.codes[g*p.codeBytes:], groups, p.codeBytes, in.F[n*p.Cols:(n+1)*p.Cols])
		}
	}
	if full == ghi {
		return
	}
	codes, _ := p.group(full)
	for n := range in.N {
		kernels.GemvF(s.edge[:rowGroup], f, codes, 1, p.codeBytes, in.F[n*p.Cols:(n+1)*p.Cols])
		copy(out[n*ldo+full*rowGroup:n*ldo+p.Rows], s.edge[:])
	}
}

// gemm multiplies row groups with many activation rows: blocks of columns, and
// within a block panel after panel.
func (p *Packed) gemm(out []float32, ldo int, in *Input, glo, ghi int, s *Scratch) {
	width := columnBlock(in.N, in.rowBytes(p.Float()))
	full := min(ghi, p.Rows/rowGroup)
	for c := 0; c < in.N; c += width {
		cols := min(width, in.N-c)
		for g := glo; g < full; g += panelGroups {
			n := min(panelGroups, full-g)
			p.unpack(g, n, s)
			next := g + n
			if next == full {
				next = glo
			}
			s.q.Next = p.codes[next*p.codeBytes : min(next+panelGroups, full)*p.codeBytes]
			p.multiply(out[c*ldo+g*rowGroup:], ldo, in, c, cols, n, s)
		}
		if full < ghi {
			p.unpack(full, 1, s)
			p.gemmEdge(out[c*ldo:], ldo, in, c, cols, s)
		}
	}
}

// columnBlock returns how many of n columns of size bytes are swept over all panels
// before the next ones: blocks of about the same width that fit columnBytes.
func columnBlock(n, size int) int {
	limit := max(minColumns, columnBytes/size)
	blocks := (n + limit - 1) / limit
	return ((n+blocks-1)/blocks + tileColumns - 1) / tileColumns * tileColumns
}

// gemmEdge multiplies the partial last row group, unpacked in s, with columns
// [c, c+cols) by way of s.edge.
func (p *Packed) gemmEdge(out []float32, ldo int, in *Input, c, cols int, s *Scratch) {
	r := p.Rows &^ (rowGroup - 1)
	for c0 := 0; c0 < cols; c0 += edgeCols {
		n := min(edgeCols, cols-c0)
		p.multiply(s.edge[:], rowGroup, in, c+c0, n, 1, s)
		for i := range n {
			copy(out[(c0+i)*ldo+r:(c0+i)*ldo+p.Rows], s.edge[i*rowGroup:])
		}
	}
}

// unpack expands row groups [g, g+n) into the panel and scales of s. Codes that are
// bytes already are multiplied where they are.
func (p *Packed) unpack(g, n int, s *Scratch) {
	l, nb := p.format.Layout, p.Cols/kernels.KBlock
	s.q = kernels.Panel{Layout: l, RowGroups: n, Blocks: nb, Codes: s.bytes(), WS: s.ws, WM: s.wm}
	if l != nil && l.Codes == kernels.Codes8 {
		s.q.Codes = p.codes[g*p.codeBytes : (g+n)*p.codeBytes]
	}
	for i := range n {
		codes, scales := p.group(g + i)
		if l == nil {
			kernels.UnpackF(s.panel[i*p.Cols*rowGroup:], p.format.Float, codes, p.Cols)
			continue
		}
		size := l.Groups(nb) * rowGroup
		if l.Codes != kernels.Codes8 {
			kernels.UnpackQ(s.bytes()[i*p.Cols*rowGroup:], l, codes, nb)
		}
		kernels.ExpandScales(l, s.ws[i*size:], s.wm[i*size:], scales, nb)
	}
}

// multiply runs the GEMM of the n row groups in s over columns [c, c+cols).
func (p *Packed) multiply(out []float32, ldo int, in *Input, c, cols, n int, s *Scratch) {
	if p.Float() {
		kernels.GemmF(out, ldo, s.panel, n, in.F[c*p.Cols:], p.Cols, p.Cols, cols)
		return
	}
	stride := in.rowBytes(false)
	kernels.GemmQ(out, ldo, &s.q, in.X[c*stride:], stride, cols, in.Planes)
}

// rowBytes returns the bytes of one activation row, float or quantized.
func (in *Input) rowBytes(float bool) int {
	if float {
		return 4 * in.Cols
	}
	return xBytes(in.Cols, in.Planes)
}

// bytes views the panel memory as bytes.
func (s *Scratch) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s.panel))), 4*len(s.panel))
}

// alignedFloats returns n zero floats that start on a 64-byte boundary.
func alignedFloats(n int) []float32 {
	mem := make([]float32, n+15)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(mem))) / 4 % 16
	return mem[skip : int(skip)+n : int(skip)+n]
}

// alignedBytes returns n zero bytes that start on a 64-byte boundary.
func alignedBytes(n int) []byte {
	mem := make([]byte, n+63)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(mem))) % 64
	return mem[skip : int(skip)+n : int(skip)+n]
}
