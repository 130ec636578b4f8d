package attention

import "kvasir/kernels"

// rowState is the online-softmax state of a tile of rows: for row r the
// largest score m[r], the sum l[r] of exp(score-m[r]) and the weighted sum of
// values acc[r*dim:]. An empty row has m = -Inf, l = 0.
type rowState struct {
	m, l []float32
	acc  []float32 // rows × dim
	c    []float32 // factors of a merge
	dim  int
}

func newRowState(rows, dim int) rowState {
	return rowState{m: make([]float32, rows), l: make([]float32, rows), acc: make([]float32, rows*dim), c: make([]float32, rows), dim: dim}
}

// view returns a state over the first rows of s with values of dim.
func (s *rowState) view(rows, dim int) rowState {
	return rowState{m: s.m[:rows], l: s.l[:rows], acc: s.acc[:rows*dim], c: s.c[:rows], dim: dim}
}

func (s *rowState) reset() {
	for r := range s.m {
		s.m[r], s.l[r] = negInf, 0
	}
	clear(s.acc)
}

// merge adds the disjoint key set o to s, row by row. Merging into an empty
// row copies, so a single span keeps its bits.
func (s *rowState) merge(o *rowState) {
	for r, m := range s.m {
		s.c[r] = min(m-o.m[r], o.m[r]-m) // of two empty rows NaN, not used
	}
	kernels.Exp(s.c, s.c)
	for r := range s.m {
		switch {
		case o.m[r] == negInf:
			continue
		case s.m[r] == negInf:
			s.m[r], s.l[r] = o.m[r], o.l[r]
			copy(s.row(r), o.row(r))
		case o.m[r] > s.m[r]:
			c := s.c[r]
			s.l[r] = float32(s.l[r]*c) + o.l[r]
			kernels.Scale(s.row(r), s.row(r), c)
			kernels.Add(s.row(r), s.row(r), o.row(r))
			s.m[r] = o.m[r]
		default:
			c := s.c[r]
			s.l[r] += float32(o.l[r] * c)
			kernels.AddScaled(s.row(r), o.row(r), c)
		}
	}
}

func (s *rowState) row(r int) []float32 { return s.acc[r*s.dim : (r+1)*s.dim] }

// finish writes the attention output of row r: acc / l, with the sink logit
// taking its share of the sum.
func (s *rowState) finish(dst []float32, r int, sinks []float32, head int) {
	m, l, c := s.m[r], s.l[r], float32(1)
	if sinks != nil {
		if sink := sinks[head]; sink > m {
			c = exp1(m - sink)
			l = float32(l*c) + 1
		} else {
			l += exp1(sink - m)
		}
	}
	kernels.Scale(dst, s.row(r), c/l)
}
