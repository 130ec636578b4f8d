package model

import "kvasir/kernels"

// block is one decoder layer, for all rows of the step:
//
//	h = attention(norm(x));  x += norm?(h)
//	h = ffn(norm(x));        x += norm?(h)
//
// The first norm has been done before: with the embedding, or at the end of the layer
// before, which saves waiting for all rows once more.
func (s *State) block() error {
	s.project3()
	s.forRows(s.rows, rotateAndStore)
	if err := s.attend(); err != nil {
		return err
	}
	s.forRows(s.rows, afterAttention)
	if s.m.cfg.Experts > 0 {
		s.experts()
	} else {
		s.dense()
	}
	s.forRows(s.rows, afterFFN)
	return nil
}

// normed writes norm(x) of row r, or x itself, to the input of a product.
func (s *State) normed(r int, w []float32) {
	dst := s.inEmbd.row(r)
	if s.m.cfg.Arch.NoPreNorm {
		copy(dst, s.rowX(r))
	} else {
		kernels.RMSNorm(dst, s.rowX(r), w, s.m.cfg.Eps)
	}
	s.inEmbd.done(r)
}

// project3 computes queries, keys and values of all rows.
func (s *State) project3() {
	mul := s.mul(s.inEmbd)
	o := 0
	for _, w := range s.l.qkv {
		mul.add(w, s.qkv[o:], s.ldq)
		o += w.W.Rows
	}
	mul.run()
}

// rotateAndStore finishes q, k and v of one row and stores k and v.
func rotateAndStore(s *State, worker, r int) {
	c, l := s.m.cfg, s.l
	row := s.qkv[r*s.ldq:]
	o := 0
	for _, w := range l.qkv {
		w.finish(row[o : o+w.W.Rows])
		o += w.W.Rows
	}
	kv := c.KVHeads[s.li]
	nq, nk, nv := c.Heads*c.KeyDim, kv*c.KeyDim, kv*c.ValueDim
	q, k, v := row[:nq], row[nq:nq+nk], row[nq+nk:nq+nk+nv]
	if c.Arch.QKNorm != QKNone {
		normHeads(q, l.qNorm, c.Eps)
		normHeads(k, l.kNorm, c.Eps)
	}
	if l.rope >= 0 {
		s.rotate(r, q, k)
	}
	s.step.Put(s.li, r, k, v, s.tmp[worker])
	if c.Windows[s.li] == 0 {
		s.step.Queries(s.li, r, q)
	}
}

// rotate turns q and k of one row to its position; k stays where it is, but
// for the magnitude, where the cache rotates it on load.
func (s *State) rotate(r int, q, k []float32) {
	c, spec := s.m.cfg, s.m.ropeSpecs[s.l.rope]
	half := c.RopeDim / 2
	cos, sin := s.cos[s.l.rope][r*half:(r+1)*half], s.sin[s.l.rope][r*half:(r+1)*half]
	full, heads := c.Windows[s.li] == 0, len(k)/c.KeyDim
	if full && s.step.RotPos()[r] != s.step.Pos()[r] {
		cos, sin = s.movedCos[r*half:(r+1)*half], s.movedSin[r*half:(r+1)*half]
	}
	spec.Turn(q, cos, sin, c.Heads, c.KeyDim)
	if !full || !s.step.Raw(r) {
		spec.Turn(k, cos, sin, heads, c.KeyDim)
		return
	}
	if f := float32(spec.mscale); f != 1 {
		for ; len(k) > 0; k = k[c.KeyDim:] {
			kernels.Scale(k[:2*half], k[:2*half], f)
		}
	}
}

// normHeads norms x in pieces as long as w: per head, or whole.
func normHeads(x, w []float32, eps float32) {
	for ; len(x) > 0; x = x[len(w):] {
		kernels.RMSNorm(x[:len(w)], x[:len(w)], w, eps)
	}
}

// attend runs attention and the output projection into h.
func (s *State) attend() error {
	if err := s.runner.Forward(s.inAttn.F, &s.m.attn[s.li], s.step, s.qkv, s.ldq); err != nil {
		return err
	}
	s.forRows(s.rows, quantizeAttn)
	mul := s.mul(s.inAttn)
	mul.add(s.l.out, s.h, s.m.cfg.EmbedDim)
	mul.run()
	return nil
}

func quantizeAttn(s *State, _, r int) { s.inAttn.done(r) }

// afterAttention adds h to the residual stream and prepares the FFN's input.
func afterAttention(s *State, _, r int) {
	s.l.out.finish(s.rowH(r))
	s.addH(r, s.l.attnPostNorm)
	s.normed(r, s.l.ffnNorm)
}

// addH adds row r of h, normed when the block has post norms, to x.
func (s *State) addH(r int, postNorm []float32) {
	h, x := s.rowH(r), s.rowX(r)
	if postNorm != nil {
		kernels.RMSNorm(h, h, postNorm, s.m.cfg.Eps)
	}
	if f := s.m.cfg.ResScale; f != 1 {
		kernels.AddScaled(x, h, f)
	} else {
		kernels.Add(x, x, h)
	}
}

// dense is the feed-forward network: h = down(act(gate(x), up(x))).
func (s *State) dense() {
	l := s.l
	s.gated(l.gate, l.up, l.down)
}

// gated runs one gated network over all rows, from inEmbd to h.
func (s *State) gated(gate, up, down *Linear) {
	n := down.W.Cols
	s.inFFN.set(s.rows, n)
	mul := s.mul(s.inEmbd)
	if gate != nil {
		mul.add(gate, s.gate, n)
	}
	mul.add(up, s.up, up.W.Rows)
	mul.run()
	s.ffnGate, s.ffnUp = gate, up
	s.forRows(s.rows, activate)
	mul = s.mul(s.inFFN)
	mul.add(down, s.h, s.m.cfg.EmbedDim)
	mul.run()
}

// activate combines gate and up of one row into the input of down.
func activate(s *State, _, r int) {
	n := s.inFFN.Cols
	up := s.up[r*s.ffnUp.W.Rows : (r+1)*s.ffnUp.W.Rows]
	s.ffnUp.finish(up)
	gate := up[:n] // fused: gate first, then up
	if s.ffnGate != nil {
		gate = s.gate[r*n : (r+1)*n]
		s.ffnGate.finish(gate)
	} else {
		up = up[n:]
	}
	s.m.cfg.Arch.FFN.apply(s.inFFN.row(r), gate, up)
	s.inFFN.done(r)
}

// apply computes the gated activation. dst may be gate or up.
func (f FFN) apply(dst, gate, up []float32) {
	switch f {
	case FFNGELU:
		kernels.GELUMul(dst, gate, up)
	case FFNOAI:
		kernels.SwiGLUOAI(dst, gate, up)
	default:
		kernels.SiLUMul(dst, gate, up)
	}
}

// afterFFN adds h to the residual stream and prepares the next layer's input.
func afterFFN(s *State, _, r int) {
	if s.m.cfg.Experts == 0 {
		s.l.down.finish(s.rowH(r))
	}
	s.addH(r, s.l.ffnPostNorm)
	s.prepare(r)
}

// prepare norms row r for the layer to come, if any.
func (s *State) prepare(r int) {
	if s.next < len(s.m.layers) {
		s.normed(r, s.m.layers[s.next].attnNorm)
	}
}
