package quant

import "kvasir/kernels"

// brain reports whether p multiplies activations rounded to bfloat16.
func (p *Packed) brain(in *Input) bool { return p.format.Type == BF16 && in.H != nil }

// mulBrain is Mul with bfloat16 activations: no panel, since the tiles read the
// packed weights as they are, and one path for any number of rows.
func (p *Packed) mulBrain(out []float32, ldo int, in *Input, glo, ghi int, s *Scratch) {
	stride := brainBytes(in.Cols)
	width := max(minColumns, columnBytes/stride)
	blocks := (in.N + width - 1) / width
	width = (in.N + blocks - 1) / blocks
	pairs, full := (p.Cols+1)/2, min(ghi, p.Rows/rowGroup)
	for c := 0; c < in.N; c += width {
		cols, x := min(width, in.N-c), in.H[c*stride:]
		for g := glo; g < full; g += panelGroups {
			kernels.GemmBF16(out[c*ldo+g*rowGroup:], ldo, p.codes[g*p.codeBytes:], min(panelGroups, full-g), p.codeBytes,
				x, stride, pairs, cols)
		}
		if full < ghi {
			p.brainEdge(out[c*ldo:], ldo, x, stride, pairs, cols, s)
		}
	}
}

// brainEdge multiplies the partial last row group by way of s.edge.
func (p *Packed) brainEdge(out []float32, ldo int, x []byte, stride, pairs, cols int, s *Scratch) {
	codes, _ := p.group(p.Rows / rowGroup)
	r := p.Rows &^ (rowGroup - 1)
	for c := 0; c < cols; c += edgeCols {
		n := min(edgeCols, cols-c)
		kernels.GemmBF16(s.edge[:], rowGroup, codes, 1, 0, x[c*stride:], stride, pairs, n)
		for i := range n {
			copy(out[(c+i)*ldo+r:(c+i)*ldo+p.Rows], s.edge[i*rowGroup:])
		}
	}
}
