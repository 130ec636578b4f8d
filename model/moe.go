package model

import "kvasir/kernels"

// moeState is the scratch of the experts.
type moeState struct {
	dim    int       // widest expert
	logits []float32 // [row][experts]
	ids    []int32   // [row][used] chosen experts
	weight []float32 // [row][used]
	member []int32   // rows of the expert in progress
	share  []float32 // their weights
	in     *input    // their normed inputs
	act    *input
	gate   []float32 // [member][dim]
	up     []float32
	out    []float32 // [member][EmbedDim]
	e      int       // expert in progress
}

func (m *Model) newMoeState(rows int, prec Precision) *moeState {
	c, s := m.cfg, &moeState{}
	for i := range c.Layers {
		s.dim = max(s.dim, c.expertDim(i))
	}
	s.logits = make([]float32, rows*c.Experts)
	s.ids, s.weight = make([]int32, rows*c.ExpertsUsed), make([]float32, rows*c.ExpertsUsed)
	s.member, s.share = make([]int32, 0, rows), make([]float32, 0, rows)
	s.in = m.newInput(rows, c.EmbedDim, prec)
	s.act = m.newInput(rows, s.dim, prec)
	s.gate, s.up = make([]float32, rows*s.dim), make([]float32, rows*s.dim)
	s.out = make([]float32, rows*c.EmbedDim)
	return s
}

// experts is the mixture: every row goes to its best experts, whose outputs
// are added with the router's weights, in ascending order of the expert (so
// that a row's sum does not depend on the rows beside it).
func (s *State) experts() {
	c, l, m := s.m.cfg, s.l, s.moe
	mul := s.mul(s.inEmbd)
	mul.add(l.router, m.logits, c.Experts)
	mul.run()
	s.forRows(s.rows, route)
	if l.sharedUp != nil {
		s.gated(l.sharedGate, l.sharedUp, l.sharedDown)
	} else {
		clear(s.h[:s.rows*c.EmbedDim])
	}
	for e := range c.Experts {
		s.expert(e)
	}
}

// expert runs one expert over the rows that chose it.
func (s *State) expert(e int) {
	c, l, m := s.m.cfg, s.l, s.moe
	m.e, m.member, m.share = e, m.member[:0], m.share[:0]
	for i := range s.rows * c.ExpertsUsed {
		if m.ids[i] == int32(e) {
			m.member = append(m.member, int32(i/c.ExpertsUsed))
			m.share = append(m.share, m.weight[i])
		}
	}
	n := len(m.member)
	if n == 0 {
		return
	}
	dim := l.expDown[e].W.Cols
	m.in.set(n, c.EmbedDim)
	m.act.set(n, dim)
	s.forRows(n, gatherExpert)
	mul := s.mul(m.in)
	mul.add(l.expGate[e], m.gate, dim)
	mul.add(l.expUp[e], m.up, dim)
	mul.run()
	s.forRows(n, activateExpert)
	mul = s.mul(m.act)
	mul.add(l.expDown[e], m.out, c.EmbedDim)
	mul.run()
	s.forRows(n, scatterExpert)
}

func gatherExpert(s *State, _, i int) {
	copy(s.moe.in.row(i), s.inEmbd.row(int(s.moe.member[i])))
	s.moe.in.done(i)
}

func activateExpert(s *State, _, i int) {
	m, l := s.moe, s.l
	n := m.act.Cols
	gate, up := m.gate[i*n:(i+1)*n], m.up[i*n:(i+1)*n]
	l.expGate[m.e].finish(gate)
	l.expUp[m.e].finish(up)
	s.m.cfg.Arch.FFN.apply(m.act.row(i), gate, up)
	m.act.done(i)
}

func scatterExpert(s *State, _, i int) {
	m, d := s.moe, s.m.cfg.EmbedDim
	out := m.out[i*d : (i+1)*d]
	s.l.expDown[m.e].finish(out)
	kernels.AddScaled(s.rowH(int(m.member[i])), out, m.share[i])
}

// minWeightSum keeps the normalisation of weights from dividing by zero; it is
// the smallest normal f16, as in the reference.
const minWeightSum = 6.103515625e-5

// route chooses the experts of one row: the largest router outputs, ties to
// the lower index.
func route(s *State, _, r int) {
	c, m := s.m.cfg, s.moe
	logits := m.logits[r*c.Experts : (r+1)*c.Experts]
	s.l.router.finish(logits)
	ids, w := m.ids[r*c.ExpertsUsed:(r+1)*c.ExpertsUsed], m.weight[r*c.ExpertsUsed:(r+1)*c.ExpertsUsed]
	if c.Arch.MoE.Gate == GateSoftmax {
		kernels.Softmax(logits)
	}
	topK(ids, w, logits)
	if c.Arch.MoE.Gate == GateSoftmaxChosen {
		kernels.Softmax(w)
	}
	if c.Arch.MoE.Norm {
		sum := float32(0)
		for _, v := range w {
			sum += v
		}
		kernels.Scale(w, w, 1/max(sum, minWeightSum))
	}
	if f := c.ExpertScale; f != 0 && f != 1 {
		kernels.Scale(w, w, f)
	}
}

// topK writes the indexes and values of the len(ids) largest of x, in
// descending order.
func topK(ids []int32, val, x []float32) {
	n := 0
	for i, v := range x {
		j := n
		for j > 0 && val[j-1] < v {
			j--
		}
		if j == len(ids) {
			continue
		}
		n = min(n+1, len(ids))
		copy(ids[j+1:n], ids[j:n-1])
		copy(val[j+1:n], val[j:n-1])
		ids[j], val[j] = int32(i), v
	}
}
