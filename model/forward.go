package model

import (
	"context"
	"fmt"

	"kvasir/kernels"
	"kvasir/kvcache"
)

// Batch is the input of one forward pass: for each sequence some new tokens.
type Batch struct {
	Rows   []kvcache.Rows // sequences and how many tokens each gets
	Tokens []int32        // all tokens, sequence by sequence
	Want   []bool         // for which tokens logits are computed
	// Parallel lets emit be called for several rows at a time, from any worker
	// and in any order.
	Parallel bool
	// Skip, when set, leaves out layers: layer i iff Skip[i]. The cache then holds
	// nothing of use in those layers, and the tokens must be taken back before a
	// pass that reads them.
	Skip []bool
	// Hidden, when set, gets the final norm of each wanted row, which embeddings
	// are made of, in place of emit: [EmbedDim], valid during the call.
	Hidden func(row int, x []float32) error
}

// Forward appends the tokens of b to their sequences and calls emit with the
// logits of each wanted row, in order. The slice is valid during the call and
// may be changed. On an error, ctx's included, the sequences are as before; but
// after kvcache.ErrPolicy, or an error of the policy itself, the rows are part of
// them.
// Cancellation is noticed within one layer. It allocates nothing after the
// first pass that wants several rows.
func (s *State) Forward(ctx context.Context, cache *kvcache.Cache, b *Batch, emit func(row int, logits []float32) error) error {
	if err := s.begin(cache, b); err != nil {
		return err
	}
	if err := s.run(ctx, b.Skip); err != nil {
		s.step.Abort()
		return err
	}
	s.out = outTask{s: s, emit: emit, hidden: b.Hidden, parallel: b.Parallel}
	if err := s.project(ctx); err != nil {
		s.step.Abort()
		return err
	}
	return s.step.Commit()
}

// begin checks the batch, reserves the cache and loads the embeddings.
func (s *State) begin(cache *kvcache.Cache, b *Batch) error {
	n := len(b.Tokens)
	if n == 0 || n > s.maxRows || len(b.Want) != n {
		return fmt.Errorf("a pass over %d tokens: must be 1 to %d", n, s.maxRows)
	}
	if b.Skip != nil && len(b.Skip) != len(s.m.layers) {
		return fmt.Errorf("layers to skip out of %d: the model has %d", len(b.Skip), len(s.m.layers))
	}
	for i, t := range b.Tokens {
		if t < 0 || int(t) >= s.m.cfg.VocabSize {
			return fmt.Errorf("token %d at row %d: the vocabulary has %d", t, i, s.m.cfg.VocabSize)
		}
	}
	if err := cache.Begin(s.step, b.Rows); err != nil {
		return err
	}
	if s.step.Rows() != n {
		s.step.Abort()
		return fmt.Errorf("%d tokens for %d rows", n, s.step.Rows())
	}
	s.rows = n
	copy(s.tokens, b.Tokens)
	s.want = s.want[:0]
	for i, w := range b.Want {
		if w {
			s.want = append(s.want, int32(i))
		}
	}
	s.inEmbd.set(n, s.m.cfg.EmbedDim)
	s.inAttn.set(n, s.m.cfg.Heads*s.m.cfg.ValueDim)
	s.next = s.m.following(-1, b.Skip)
	s.forRows(n, embedRow)
	return nil
}

// embedRow loads a token's embedding, prepares the first layer's input and computes the
// rotation angles.
func embedRow(s *State, _, r int) {
	c := s.m.cfg
	x := s.rowX(r)
	s.m.embedding(x, int(s.tokens[r]))
	if c.EmbedScale != 1 {
		kernels.Scale(x, x, c.EmbedScale)
	}
	s.prepare(r)
	half := c.RopeDim / 2
	for i, spec := range s.m.ropeSpecs {
		spec.fill(s.cos[i][r*half:(r+1)*half], s.sin[i][r*half:(r+1)*half], s.step.Pos()[r])
	}
	if p := s.step.RotPos()[r]; p != s.step.Pos()[r] {
		s.m.ropeSpecs[0].fill(s.movedCos[r*half:(r+1)*half], s.movedSin[r*half:(r+1)*half], p)
	}
}

func (s *State) rowX(r int) []float32 {
	d := s.m.cfg.EmbedDim
	return s.x[r*d : (r+1)*d]
}

func (s *State) rowH(r int) []float32 {
	d := s.m.cfg.EmbedDim
	return s.h[r*d : (r+1)*d]
}

// following returns the number of the layer after layer i, without those to skip;
// after the last one it is the number of layers.
func (m *Model) following(i int, skip []bool) int {
	for i++; i < len(skip) && skip[i]; i++ {
	}
	return i
}

// run passes the rows through all layers but those to skip.
func (s *State) run(ctx context.Context, skip []bool) error {
	for i := s.m.following(-1, skip); i < len(s.m.layers); i = s.m.following(i, skip) {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.li, s.l, s.next = i, &s.m.layers[i], s.m.following(i, skip)
		if err := s.block(); err != nil {
			return err
		}
	}
	return nil
}

// project computes the logits of the wanted rows, a few at a time, and hands
// them on.
func (s *State) project(ctx context.Context) error {
	m, c := s.m, s.m.cfg
	ld := m.head.matrix.Rows
	if n := min(headRows, len(s.want)) * ld; n > len(s.logits) && s.out.hidden == nil {
		s.logits = make([]float32, n)
	}
	for s.head = 0; s.head < len(s.want); s.head += headRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(headRows, len(s.want)-s.head)
		s.inHead.set(n, c.EmbedDim)
		s.forRows(n, headRow)
		if s.out.hidden == nil {
			mul := s.mul(s.inHead)
			mul.add(m.head, s.logits, ld)
			mul.run()
		}
		if err := s.out.run(n); err != nil {
			return err
		}
	}
	return nil
}

// outTask hands computed rows to the caller.
type outTask struct {
	s        *State
	emit     func(int, []float32) error
	hidden   func(int, []float32) error
	parallel bool
	errs     [headRows]error
}

func (t *outTask) run(n int) error {
	if t.parallel && n > 1 {
		t.s.pool.Run(t, n)
	} else {
		for i := range n {
			if t.Do(0, i); t.errs[i] != nil {
				break
			}
		}
	}
	for _, err := range t.errs[:n] {
		if err != nil {
			return err
		}
	}
	return nil
}

// Do hands on one row.
func (t *outTask) Do(_, i int) {
	s := t.s
	row := int(s.want[s.head+i])
	if t.hidden != nil {
		t.errs[i] = t.hidden(row, s.inHead.row(i))
		return
	}
	ld := s.m.head.matrix.Rows
	logits := s.logits[i*ld : i*ld+s.m.cfg.VocabSize]
	s.finishLogits(logits)
	t.errs[i] = t.emit(row, logits)
}

// headRow norms one wanted row for the output projection.
func headRow(s *State, _, i int) {
	kernels.RMSNorm(s.inHead.row(i), s.rowX(int(s.want[s.head+i])), s.m.outNorm, s.m.cfg.Eps)
	s.inHead.done(i)
}

func (s *State) finishLogits(x []float32) {
	c := s.m.cfg
	s.m.head.finish(x)
	if c.LogitScale != 1 {
		kernels.Scale(x, x, 1/c.LogitScale)
	}
	if c.FinalCap > 0 {
		kernels.SoftCap(x, c.FinalCap)
	}
}

// finish applies the scale and bias of a linear to one row of its output.
func (l *Linear) finish(x []float32) {
	if l.Scale != 1 && !l.BiasFirst {
		kernels.Scale(x, x, l.Scale)
	}
	if l.Bias != nil {
		kernels.Add(x, x, l.Bias[:len(x)])
	}
	if l.Scale != 1 && l.BiasFirst {
		kernels.Scale(x, x, l.Scale)
	}
}
