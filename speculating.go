package kvasir

import (
	"context"
	"errors"
	"time"

	"kvasir/internal/speculate"
	"kvasir/kvcache"
	"kvasir/model"
	"kvasir/sampler"
)

// speculating is the speculation of one generation.
type speculating struct {
	p       *Speculation
	g       *generator
	drafter drafter
	ctrl    *speculate.Controller // guarded by p.mu
	rule    speculate.Rule        // nil: match
	tree    speculate.Tree
	walk    speculate.Walk
	dist    sampler.Dist

	ready  []Token // of the last round
	failed error   // of drawing a token
	steps  int     // nodes that were judged

	// The pass.
	leaves []int
	nodes  []int // of the rows
	paths  [][]int
	seqs   []*kvcache.Seq
	batch  model.Batch
	shown  []bool // node has a row whose logits are computed
}

// check reports why p cannot be used in s. p may be nil.
func (p *Speculation) check(s *Session) error {
	switch {
	case p == nil:
	case s.eng != p.eng:
		return errors.New("the speculation belongs to another engine")
	case s.seq.Cuts():
		return errors.New("speculation needs a cache policy that keeps every token, such as dense")
	}
	return nil
}

// begin prepares the speculation of a generation.
func (p *Speculation) begin(g *generator) (*speculating, error) {
	w := &speculating{p: p, g: g, ctrl: p.ctrl, rule: p.verify.Rule()}
	if w.rule != nil {
		w.ctrl = p.controller(p.nominalCost())
	}
	if p.draft.Source == speculate.FromLookup {
		w.drafter = newLookupDrafter(p.draft.Match)
		return w, nil
	}
	d, err := p.modelDraft(g)
	w.drafter = d
	return w, err
}

// run generates to the end. The session holds what was yielded and no more.
func (w *speculating) run(ctx context.Context, yield func(Token, error) bool) {
	s := w.g.s
	given := len(s.tokens)
	defer func() {
		s.tokens = s.tokens[:given]
		_ = s.rewind(given) // a cache that cannot be cut is made anew by the next pass
	}()
	for {
		err := w.round(ctx)
		for _, t := range w.ready {
			given++
			if !yield(t, nil) || t.Finish != "" {
				return
			}
		}
		if err != nil {
			yield(Token{}, err)
			return
		}
	}
}

// round computes the next tokens into w.ready.
func (w *speculating) round(ctx context.Context) error {
	s := w.g.s
	w.ready = w.ready[:0]
	if _, forced := w.g.forced(); forced || s.seq.Len() != len(s.tokens)-1 { // the prompt
		if err := w.g.next(ctx); err != nil {
			return err
		}
		w.ready = append(w.ready, w.g.cur)
		return nil
	}
	n, declined := w.choose()
	w.tree.Reset(s.tokens[len(s.tokens)-1], w.p.verify.K)
	if n > 0 {
		if err := w.drafter.draft(ctx, &w.tree, s.tokens, n); err != nil {
			return err
		}
	}
	if err := w.verify(ctx); err != nil {
		return err
	}
	w.learn(declined)
	return w.failed
}

// choose returns how many tokens to draft, and whether it does without a draft that
// is at hand.
func (w *speculating) choose() (n int, declined bool) {
	s, o := w.g.s, &w.g.o
	most := min(w.p.o.Most, s.eng.opts.Context-len(s.tokens)-1)
	if o.MaxTokens > 0 {
		most = min(most, o.MaxTokens-w.g.count-1)
	}
	k := w.p.verify.K
	most = min(most, s.eng.opts.Batch/k-1) // rows of all paths
	if most = w.drafter.offer(s.tokens, max(most, 0)); most <= 0 {
		return 0, false
	}
	if w.p.o.Always {
		return most, false
	}
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	n = w.ctrl.Choose(most, w.drafter.bucket, func(g int) int { return k * (g + 1) })
	return n, n == 0
}

// verify runs the target over the tree and takes the tokens that it leads to.
func (w *speculating) verify(ctx context.Context) error {
	s := w.g.s
	w.walk, w.steps, w.failed = speculate.Walk{Tree: &w.tree}, 0, nil
	if err := w.lay(); err != nil {
		return err
	}
	took, err := s.eng.timed(ctx, nil, &w.batch, w.judge)
	if err == nil {
		w.p.mu.Lock()
		w.ctrl.Passed(len(w.nodes), took.Seconds())
		w.p.mu.Unlock()
	}
	w.keep()
	if err != nil {
		return err
	}
	if n := len(s.tokens) - 1; n < s.seq.Len() {
		return s.rewind(n)
	}
	return nil
}

// lay makes the batch: one sequence for each path of the tree, forked from the
// session's, which takes the first path itself.
func (w *speculating) lay() error {
	s := w.g.s
	w.leaves = w.tree.Leaves(w.leaves[:0])
	w.nodes, w.paths, w.seqs = w.nodes[:0], w.paths[:0], append(w.seqs[:0], s.seq)
	w.shown = append(w.shown[:0], make([]bool, len(w.tree.Nodes))...)
	b := &w.batch
	b.Rows, b.Tokens, b.Want = b.Rows[:0], b.Tokens[:0], b.Want[:0]
	for i, leaf := range w.leaves {
		if i > 0 {
			f, err := s.seq.Fork()
			if err != nil {
				w.keep()
				return err
			}
			w.seqs = append(w.seqs, f)
		}
		at := len(w.nodes)
		w.nodes = w.tree.Path(w.nodes, leaf)
		path := w.nodes[at:]
		w.paths = append(w.paths, path)
		b.Rows = append(b.Rows, kvcache.Rows{Seq: w.seqs[i], N: len(path)})
		for _, n := range path {
			b.Tokens = append(b.Tokens, w.tree.Nodes[n].Token)
			b.Want = append(b.Want, !w.shown[n])
			w.shown[n] = true
		}
	}
	return nil
}

// keep makes the sequence of the path that was taken the session's and closes the
// others.
func (w *speculating) keep() {
	best := 0
	for i, path := range w.paths {
		if d := w.tree.Nodes[w.walk.Node].Depth; d < len(path) && path[d] == w.walk.Node {
			best = i
			break
		}
	}
	for i, q := range w.seqs {
		if i != best {
			q.Close()
		}
	}
	w.g.s.seq = w.seqs[best]
}

// judge takes a token by the logits of one row, when the walk has come to its node.
// What goes wrong ends the round, not the pass: the tokens before it stay.
func (w *speculating) judge(row int, logits []float32) error {
	if w.walk.Done || w.nodes[row] != w.walk.Node {
		return nil
	}
	g := w.g
	err := g.judge(logits, func(pos uint32) (int32, error) { return w.pick(pos, logits) })
	if err == nil {
		err = g.accept()
	}
	if err != nil {
		w.failed, w.walk.Done = err, true
		return nil
	}
	w.ready = append(w.ready, g.cur)
	if w.rule == nil {
		w.walk.Take(g.cur.ID)
	}
	if g.cur.Finish != "" {
		w.walk.Done = true
	}
	return nil
}

// pick chooses the token at pos, behind the walk's node.
func (w *speculating) pick(pos uint32, logits []float32) (int32, error) {
	w.steps++
	if w.rule == nil {
		return w.g.chain.Next(logits, pos, nil)
	}
	if err := w.g.chain.Dist(&w.dist, logits, pos); err != nil {
		return 0, err
	}
	c := speculate.Seeded{Rand: w.g.chain.Rand(pos), Purpose: sampler.PurposeResidual}
	return w.walk.Step(w.rule, &w.dist, c), nil
}

// learn records the round.
func (w *speculating) learn(declined bool) {
	p, depth := w.p, w.tree.Nodes[w.walk.Node].Depth
	drafted := len(w.tree.Nodes) - 1
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range depth {
		w.ctrl.Tried(w.drafter.bucket(i), true)
	}
	rejected := w.steps > depth && len(w.tree.Nodes[w.walk.Node].Tried) > 0
	if rejected && w.failed == nil {
		w.ctrl.Tried(w.drafter.bucket(depth), false)
	}
	w.ctrl.Emitted(len(w.ready), drafted > 0)
	st := &p.stats
	st.Tokens += len(w.ready)
	st.Passes++
	for len(st.PassRows) <= len(w.nodes) {
		st.PassRows = append(st.PassRows, 0)
	}
	st.PassRows[len(w.nodes)]++
	st.Drafted += drafted
	st.Accepted += depth
	if drafted > 0 {
		st.Rounds++
	}
	if declined {
		st.Declined++
	}
}

// timed runs one pass under the engine's lock, in st or else the engine's own
// state, and returns the time that it took without waiting.
func (e *Engine) timed(ctx context.Context, st *model.State, b *model.Batch, emit func(int, []float32) error) (time.Duration, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return 0, ErrClosed
	}
	if st == nil {
		st = e.state
	}
	t := time.Now()
	err := st.Forward(ctx, e.cache, b, emit)
	return time.Since(t), err
}
