package kvasir

import (
	"context"
	"errors"
	"math"

	"kvasir/internal/speculate"
	"kvasir/kvcache"
	"kvasir/model"
	"kvasir/sampler"
)

// modelDraft drafts with a second model, or with the same one computed more
// cheaply. It belongs to a session and outlives a generation, so that a draft model
// need not read the text again.
type modelDraft struct {
	p      *Speculation
	g      *generator
	eng    *Engine
	seq    *kvcache.Seq // of a draft with a cache of its own; else nil
	tokens []int32      // what seq holds
	known  int          // tokens of the text that the draft has; -1: it lacks one
	level  []draftPath  // the nodes to go on from
	below  []draftPath
	batch  model.Batch
	logits []float32 // padded to the target's vocabulary
	scores sampler.Logprobs
}

// draftPath is a node whose continuations are drafted next.
type draftPath struct {
	node  int
	seq   *kvcache.Seq
	fork  bool // seq is to be closed
	chain *sampler.Chain
	sure  float64 // probability of the path, by the draft
}

// sureEnough is the probability of its path below which a draft in match mode ends.
const sureEnough = 0.3

// modelDraft returns the session's draft of p, made anew when it is another's.
func (p *Speculation) modelDraft(g *generator) (*modelDraft, error) {
	d := g.s.draft
	if d == nil || d.p != p {
		if err := d.close(); err != nil {
			return nil, err
		}
		g.s.draft = nil
		d = &modelDraft{p: p, eng: p.eng}
		if p.model != nil {
			d.eng = p.model
		}
		if p.model != nil || p.draft.KV != "" {
			if err := d.open(); err != nil {
				return nil, err
			}
		}
		g.s.draft = d
	}
	d.g, d.known = g, 0
	return d, nil
}

// open starts the draft's own sequence.
func (d *modelDraft) open() error {
	if err := d.eng.enter(); err != nil {
		return err
	}
	seq, err := d.eng.cache.NewSeq(d.p.draft.KV)
	if err != nil {
		return errors.Join(err, d.eng.leave())
	}
	d.seq = seq
	return nil
}

// close gives the draft's cache back. d may be nil.
func (d *modelDraft) close() error {
	if d == nil || d.seq == nil {
		return nil
	}
	d.seq.Close()
	d.seq = nil
	return d.eng.leave()
}

// offer implements drafter. A text with a token that the draft model lacks cannot
// be drafted for.
func (d *modelDraft) offer(text []int32, most int) int {
	for ; d.seq != nil && d.known >= 0 && d.known < len(text); d.known++ {
		if int(text[d.known]) >= d.eng.model.Config().VocabSize {
			d.known = -2
		}
	}
	if d.known < 0 {
		return 0
	}
	return most
}

// bucket implements drafter.
func (d *modelDraft) bucket(i int) int { return min(i, speculate.Buckets-1) }

// draft implements drafter.
func (d *modelDraft) draft(ctx context.Context, t *speculate.Tree, text []int32, n int) error {
	root, base, err := d.catchUp(ctx, text)
	if err != nil {
		return err
	}
	if d.p.draft.KV != "" { // a policy may cut: what was drafted cannot be taken back
		if base, err = base.Fork(); err != nil {
			return err
		}
		defer base.Close()
	}
	start := base.Len()
	d.level = append(d.level[:0], draftPath{node: 0, seq: base, chain: d.g.chain.Clone(), sure: 1})
	d.batch.Rows = append(d.batch.Rows[:0], kvcache.Rows{Seq: base, N: 1})
	d.batch.Tokens = append(d.batch.Tokens[:0], root)
	for depth := 0; depth < n && len(d.level) > 0 && err == nil; depth++ {
		err = d.grow(ctx, t, uint32(len(text)+depth))
		if err == nil && depth+1 < n {
			err = d.descend(t)
		}
	}
	for _, list := range [][]draftPath{d.level, d.below} {
		for i := range list {
			if list[i].fork {
				list[i].seq.Close()
			}
			list[i] = draftPath{}
		}
	}
	d.level, d.below = d.level[:0], d.below[:0]
	switch {
	case d.seq == nil && base.Len() > start:
		return errors.Join(err, base.Truncate(start))
	case d.seq == base:
		d.tokens = append(d.tokens[:min(len(d.tokens), start)], d.held(t, base.Len()-start, root)...)
	}
	return err
}

// held returns what a draft appended to its own sequence: the root and the nodes
// that were first at their depth.
func (d *modelDraft) held(t *speculate.Tree, n int, root int32) []int32 {
	out := make([]int32, 0, n)
	if n > 0 {
		out = append(out, root)
	}
	for node := 0; len(out) < n; {
		node = t.Child(node, t.Nodes[node].Tried[0])
		out = append(out, t.Nodes[node].Token)
	}
	return out
}

// catchUp makes the draft's cache hold the text but for its last token, which it
// returns with the sequence.
func (d *modelDraft) catchUp(ctx context.Context, text []int32) (int32, *kvcache.Seq, error) {
	last := len(text) - 1
	if d.seq == nil {
		return text[last], d.g.s.seq, nil
	}
	same := 0
	for same < min(len(d.tokens), last) && d.tokens[same] == text[same] {
		same++
	}
	if err := d.cut(same); err != nil {
		return 0, nil, err
	}
	limit, first := min(d.eng.opts.Batch, d.eng.opts.Context), len(d.tokens) == 0
	for len(d.tokens) < last {
		part := text[len(d.tokens):min(last, len(d.tokens)+limit)]
		rows := kvcache.Rows{Seq: d.seq, N: len(part), Prompt: first, End: first && len(d.tokens)+len(part) == last}
		b := model.Batch{Rows: []kvcache.Rows{rows}, Tokens: part, Want: make([]bool, len(part))}
		if err := d.eng.forward(ctx, &b, nil); err != nil {
			return 0, nil, err
		}
		d.tokens = append(d.tokens, part...)
	}
	return text[last], d.seq, nil
}

// cut makes the draft's own sequence hold its first n tokens.
func (d *modelDraft) cut(n int) error {
	err := d.seq.Truncate(n)
	if errors.Is(err, kvcache.ErrCannotTruncate) {
		var fresh *kvcache.Seq
		if fresh, err = d.eng.cache.NewSeq(d.p.draft.KV); err != nil {
			return err
		}
		d.seq.Close()
		d.seq, n = fresh, 0
	}
	d.tokens = d.tokens[:n]
	return err
}

// grow runs the draft over the nodes of the level and adds their children.
func (d *modelDraft) grow(ctx context.Context, t *speculate.Tree, pos uint32) error {
	b := &d.batch
	b.Want = b.Want[:0]
	for range b.Tokens {
		b.Want = append(b.Want, true)
	}
	b.Skip = d.p.skip
	drawn := 0
	took, err := d.eng.timed(ctx, d.p.state, b, func(i int, logits []float32) error {
		return d.children(t, &d.level[i], d.pad(logits), pos, &drawn)
	})
	if err != nil {
		return err
	}
	d.p.mu.Lock()
	d.g.spec.ctrl.Drafted(took.Seconds())
	d.p.mu.Unlock()
	return nil
}

// children adds the drafted continuations of one node.
func (d *modelDraft) children(t *speculate.Tree, at *draftPath, logits []float32, pos uint32, drawn *int) error {
	if d.p.verify.Match {
		token, err := at.chain.Next(logits, pos, nil)
		if err != nil {
			return err
		}
		if err := d.scores.Load(logits); err != nil {
			return err
		}
		score, err := d.scores.Of(token)
		if err != nil {
			return err
		}
		t.Guess(at.node, token)
		at.sure *= math.Exp(score)
		return nil
	}
	q := &sampler.Dist{}
	if err := at.chain.Dist(q, logits, pos); err != nil {
		return err
	}
	c := speculate.Seeded{Rand: at.chain.Rand(pos), Purpose: sampler.PurposeDraft}
	*drawn = t.Grow(at.node, q, t.Nodes[at.node].Mult, d.p.verify.Distinct, *drawn, c)
	return nil
}

// pad makes the logits of the draft as many as the target's vocabulary has.
func (d *modelDraft) pad(logits []float32) []float32 {
	n := d.p.eng.model.Config().VocabSize
	if len(logits) >= n {
		return logits[:n]
	}
	d.logits = append(d.logits[:0], logits...)
	for len(d.logits) < n {
		d.logits = append(d.logits, float32(math.Inf(-1)))
	}
	return d.logits
}

// descend makes the children of the level the next level: the first child of a node
// goes on in its sequence, the others in forks of it.
func (d *modelDraft) descend(t *speculate.Tree) error {
	d.below = d.below[:0]
	d.batch.Rows, d.batch.Tokens = d.batch.Rows[:0], d.batch.Tokens[:0]
	vocab := d.eng.model.Config().VocabSize
	for i := range d.level {
		at := d.level[i]
		d.level[i].fork = false // the first child takes it over
		first := true
		for c := at.node + 1; c < len(t.Nodes); c++ {
			n := &t.Nodes[c]
			if n.Parent != at.node || int(n.Token) >= vocab || d.p.verify.Match && at.sure < sureEnough {
				continue
			}
			next := draftPath{node: c, seq: at.seq, fork: at.fork, chain: at.chain, sure: at.sure}
			if !first {
				f, err := at.seq.Fork()
				if err != nil {
					return err
				}
				next.seq, next.fork = f, true
			}
			next.chain = at.chain.Clone()
			if err := next.chain.Accept(n.Token); err != nil {
				return err
			}
			first = false
			d.below = append(d.below, next)
			d.batch.Rows = append(d.batch.Rows, kvcache.Rows{Seq: next.seq, N: 1})
			d.batch.Tokens = append(d.batch.Tokens, n.Token)
		}
		if first && at.fork {
			at.seq.Close()
		}
	}
	d.level, d.below = d.below, d.level[:0]
	return nil
}
