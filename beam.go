package kvasir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"kvasir/sampler"
)

// BeamOptions configure Beam.
type BeamOptions struct {
	Width         int     // texts that are followed at a time, 1 or more
	MaxTokens     int     // most tokens of a text, 1 or more
	LengthPenalty float64 // score = log-probability / tokens^LengthPenalty; 0 ranks by probability
}

// BeamText is a text that a beam search found.
type BeamText struct {
	Tokens  []int32 // an end token is not among them
	Text    string
	Logprob float64 // by the model's own distribution, an end token included
	Score   float64
	Finish  Finish // FinishStop or FinishLength
}

// beam is a text that goes on.
type beam struct {
	s    *Session
	toks []int32
	sum  float64
	next []TokenScore // most likely tokens
}

// Beam searches the most likely continuations of a prompt, best first: in each step
// every text is extended by its Width likeliest tokens, and the Width best of all are
// kept, ties by parent and token. The prompt is computed once; texts share their cache
// and each step is one pass. Nothing is sampled.
func (e *Engine) Beam(ctx context.Context, p Prompt, o BeamOptions) ([]BeamText, error) {
	if limit := min(e.opts.Batch, e.opts.Context); o.Width < 1 || o.Width > limit || o.MaxTokens < 1 {
		return nil, fmt.Errorf("beam of width %d and %d tokens: width must be 1 to %d, and there must be tokens", o.Width, o.MaxTokens, limit)
	}
	if math.IsNaN(o.LengthPenalty) || math.IsInf(o.LengthPenalty, 0) {
		return nil, fmt.Errorf("length penalty %v: must be finite", o.LengthPenalty)
	}
	s, err := e.NewSession()
	if err != nil {
		return nil, err
	}
	b := &beams{e: e, o: o, live: []*beam{{s: s}}}
	defer b.close()
	if err := s.append(p, o.MaxTokens); err != nil {
		return nil, err
	}
	if err := s.NextLogits(ctx, nil, func(x []float32) error { return b.rank(b.live[0], x) }); err != nil {
		return nil, err
	}
	for n := 1; len(b.live) > 0 && len(b.done) < o.Width; n++ {
		if err := b.step(ctx, n == o.MaxTokens); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(b.done, func(x, y BeamText) int { return cmp.Compare(y.Score, x.Score) })
	return b.done[:min(o.Width, len(b.done))], nil
}

// beams is the state of a search.
type beams struct {
	e    *Engine
	o    BeamOptions
	live []*beam
	done []BeamText
	lp   sampler.Logprobs
}

func (b *beams) close() {
	for _, l := range b.live {
		_ = l.s.Close() // nobody else uses it
	}
}

// rank notes the likeliest tokens behind a text.
func (b *beams) rank(l *beam, logits []float32) error {
	if err := b.lp.Load(logits); err != nil {
		return err
	}
	l.next = l.next[:0]
	for _, t := range b.lp.Top(b.o.Width) {
		l.next = append(l.next, TokenScore{ID: t.ID, Logprob: t.Logprob})
	}
	return nil
}

func (b *beams) score(sum float64, n int) float64 {
	return sum / math.Pow(float64(n), b.o.LengthPenalty)
}

// step extends the texts by a token; last: they end with it.
func (b *beams) step(ctx context.Context, last bool) error {
	type child struct {
		parent *beam
		id     int32
		sum    float64
	}
	var all []child
	for _, l := range b.live {
		for _, t := range l.next {
			all = append(all, child{l, t.ID, l.sum + t.Logprob})
		}
	}
	// All children have the same length, so the penalty does not change their order.
	slices.SortStableFunc(all, func(x, y child) int { return cmp.Compare(y.sum, x.sum) })
	parents := b.live
	b.live = nil
	defer func() {
		for _, p := range parents {
			_ = p.s.Close() // its children have forks
		}
	}()
	for _, c := range all[:min(b.o.Width, len(all))] {
		switch end := (Tokenizer{b.e.tok}).IsEnd(c.id); {
		case end:
			b.finish(c.parent.toks, len(c.parent.toks)+1, c.sum, FinishStop)
		case last:
			toks := append(slices.Clone(c.parent.toks), c.id)
			b.finish(toks, len(toks), c.sum, FinishLength)
		default:
			f, err := c.parent.s.Fork()
			if err != nil {
				return err
			}
			b.live = append(b.live, &beam{s: f, toks: append(slices.Clone(c.parent.toks), c.id), sum: c.sum})
		}
	}
	return b.pass(ctx)
}

// finish adds a text that has ended.
func (b *beams) finish(toks []int32, n int, sum float64, why Finish) {
	t := BeamText{Tokens: toks, Logprob: sum, Score: b.score(sum, n), Finish: why}
	if b.e.tok != nil {
		t.Text = Tokenizer{b.e.tok}.Decode(toks, false)
	}
	b.done = append(b.done, t)
}

// pass computes what may follow the live texts.
func (b *beams) pass(ctx context.Context) error {
	if len(b.live) == 0 {
		return nil
	}
	var sessions []*Session
	var toks []int32
	for _, l := range b.live {
		sessions, toks = append(sessions, l.s), append(toks, l.toks[len(l.toks)-1])
	}
	var failed error
	err := b.e.Step(ctx, sessions, toks, func(i int, x []float32) error {
		failed = errors.Join(failed, b.rank(b.live[i], x))
		return nil
	})
	return errors.Join(err, failed)
}
