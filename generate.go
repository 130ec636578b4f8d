package kvasir

import (
	"context"
	"errors"
	"iter"

	"kvasir/internal/tokenizer"
	"kvasir/sampler"
)

// Token is one generated token.
type Token struct {
	ID int32
	// Text is what the token adds to the text: whole characters only, so a
	// token may add nothing and the next one more. Text that may turn out to
	// be the beginning of a stop string is held back.
	Text string
	// Logprob and Top are set when GenerateOptions.TopLogprobs asks for them.
	Logprob float64
	Top     []TokenScore
	// Finish is set on the last token.
	Finish Finish
	// Incomplete is set on the last token when the text does not satisfy
	// GenerateOptions.Constraint: it was cut off by a limit or a stop string.
	Incomplete bool
	// Forced: the constraint left no choice, and no pass was computed for it.
	Forced bool
}

// TokenScore is a token with its log-probability.
type TokenScore struct {
	ID      int32
	Logprob float64
}

// Finish says why a generation ended; "" while it goes on.
type Finish string

// Reasons to end.
const (
	FinishStop    Finish = "stop"    // the model ended, or a stop string came
	FinishLength  Finish = "length"  // MaxTokens were generated
	FinishContext Finish = "context" // the context is full
)

// Generate appends p, which may be empty, and yields tokens until the model
// ends its text or a limit is reached. The last pair may carry an error with a
// zero Token. Breaking out of the loop or cancelling ctx ends the generation,
// within one layer of a pass; what was yielded stays in the session. The
// iterator can be ranged over once.
func (s *Session) Generate(ctx context.Context, p Prompt, o GenerateOptions) iter.Seq2[Token, error] {
	used := false
	return func(yield func(Token, error) bool) {
		if used {
			yield(Token{}, ErrBusy)
			return
		}
		used = true
		if err := s.acquire(); err != nil {
			yield(Token{}, err)
			return
		}
		defer s.done()
		g, err := s.generator(p, o)
		if err != nil {
			yield(Token{}, err)
			return
		}
		g.run(ctx, yield)
	}
}

// generator is the state of one generation.
type generator struct {
	s      *Session
	o      GenerateOptions
	chain  *sampler.Chain
	stream *tokenizer.Stream // nil without a vocabulary
	stop   *tokenizer.Stops  // nil without stop strings
	scores *sampler.Logprobs
	count  int
	sample func(row int, logits []float32) error
	spec   *speculating // nil without speculation
	cur    Token
}

func (s *Session) generator(p Prompt, o GenerateOptions) (*generator, error) {
	if err := errors.Join(o.Validate(), o.Speculation.check(s)); err != nil {
		return nil, err
	}
	chain, err := s.eng.newChain(o.Sampling)
	if err != nil {
		return nil, err
	}
	had := len(s.tokens)
	if err := s.append(p, 1); err != nil { // there must be room for a token
		return nil, err
	}
	if len(s.tokens) > had {
		s.prompt = len(s.tokens)
		s.reuse()
	}
	if len(s.tokens) == 0 {
		return nil, errors.New("nothing to continue: the prompt is empty and the model has no beginning-of-text token")
	}
	for _, t := range s.tokens {
		if err := chain.Accept(t); err != nil {
			return nil, err
		}
	}
	if err := s.eng.constrain(chain, o.Constraint); err != nil {
		return nil, err
	}
	g := &generator{s: s, o: o, chain: chain}
	if s.eng.tok != nil {
		g.stream = s.eng.tok.NewStream(tokenizer.DecodeOptions{Continue: true})
	}
	if len(o.Stop) > 0 {
		g.stop = tokenizer.NewStops(o.Stop)
	}
	if o.TopLogprobs > 0 {
		g.scores = &sampler.Logprobs{}
	}
	g.sample = g.draw
	if o.Speculation != nil {
		if g.spec, err = o.Speculation.begin(g); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// newChain builds a sampler chain for the engine's vocabulary.
func (e *Engine) newChain(p Sampling) (*sampler.Chain, error) {
	v := sampler.Vocab{Size: e.model.Config().VocabSize, Breakers: e.dry}
	if e.tok != nil {
		v.End, v.Suppress = e.tok.EOG(), e.tok.Suppressed()
	}
	return sampler.NewChain(p, v)
}

func (g *generator) run(ctx context.Context, yield func(Token, error) bool) {
	if g.spec != nil {
		g.spec.run(ctx, yield)
		return
	}
	for {
		if err := g.next(ctx); err != nil {
			yield(Token{}, err)
			return
		}
		if !yield(g.cur, nil) || g.cur.Finish != "" {
			return
		}
	}
}

// next computes the next token into g.cur and appends it to the session.
func (g *generator) next(ctx context.Context) error {
	if id, ok := g.forced(); ok && ctx.Err() == nil {
		g.cur = Token{ID: id, Forced: true}
		return g.accept()
	}
	if err := g.s.last(ctx, g.sample); err != nil {
		return err
	}
	if g.count == 0 {
		if err := g.s.keepPrefix(); err != nil {
			return err
		}
	}
	return g.accept()
}

// accept makes the drawn token part of the session and settles its text.
func (g *generator) accept() error {
	if err := g.chain.Accept(g.cur.ID); err != nil {
		return err
	}
	g.s.tokens = append(g.s.tokens, g.cur.ID)
	g.count++
	g.finish()
	return nil
}

// draw samples from the logits of the last position.
func (g *generator) draw(_ int, logits []float32) error {
	return g.judge(logits, func(pos uint32) (int32, error) { return g.chain.Next(logits, pos, nil) })
}

// judge has pick choose the current token by the logits of the last position.
func (g *generator) judge(logits []float32, pick func(pos uint32) (int32, error)) error {
	pos := len(g.s.tokens)
	if g.o.Logits != nil {
		g.o.Logits(pos, logits)
	}
	g.cur = Token{}
	if g.scores != nil {
		if err := g.scores.Load(logits); err != nil {
			return err
		}
	}
	id, err := pick(uint32(pos))
	if err != nil {
		return err
	}
	g.cur.ID = id
	if g.scores == nil {
		return nil
	}
	for _, t := range g.scores.Top(g.o.TopLogprobs) {
		g.cur.Top = append(g.cur.Top, TokenScore{ID: t.ID, Logprob: t.Logprob})
	}
	g.cur.Logprob, err = g.scores.Of(id)
	return err
}

// finish sets the text of the current token and whether it is the last.
func (g *generator) finish() {
	s, t := g.s, &g.cur
	switch {
	case Tokenizer{s.eng.tok}.IsEnd(t.ID):
		t.Finish = FinishStop
	case g.o.MaxTokens > 0 && g.count >= g.o.MaxTokens:
		t.Finish = FinishLength
	case len(s.tokens) >= s.eng.opts.Context && !s.seq.Endless():
		t.Finish = FinishContext
	}
	if g.stream != nil {
		g.settle()
	}
	t.Incomplete = t.Finish != "" && g.chain.Constrained() && !g.chain.Complete()
}

// settle sets the text of the current token.
func (g *generator) settle() {
	t := &g.cur
	if t.Finish != FinishStop {
		g.show(g.stream.Next(t.ID))
	}
	if t.Finish != "" {
		g.show(g.stream.Flush())
		if g.stop != nil {
			t.Text += string(g.stop.Flush())
		}
	}
}

// show adds text to the current token, up to a stop string.
func (g *generator) show(text []byte) {
	if g.stop != nil {
		released, hit := g.stop.Push(text)
		if text = released; hit != "" {
			g.cur.Finish = FinishStop
		}
	}
	g.cur.Text += string(text)
}

// last computes the cache up to the last token and hands its logits to emit.
func (s *Session) last(ctx context.Context, emit func(int, []float32) error) error {
	n := len(s.tokens)
	if s.seq.Len() >= n && s.kept.at == n {
		s.kept.spare = append(s.kept.spare[:0], s.kept.logits...)
		return emit(0, s.kept.spare)
	}
	if s.seq.Len() >= n { // the logits of the last token were not kept
		if err := s.rewind(n - 1); err != nil {
			return err
		}
	}
	for {
		from := s.seq.Len()
		r := s.nextRows(n)
		clear(s.want[:r.N])
		s.want[r.N-1] = from+r.N == n
		if err := s.pass(ctx, r, emit); err != nil {
			return err
		}
		if from+r.N == n {
			return nil
		}
	}
}
