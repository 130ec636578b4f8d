package sampler

import "fmt"

// Chain samples the tokens of one sequence. It owns all memory it needs, and after
// the first token neither Next nor Accept allocates, but for a
// mirostat set that is wider than any before. A Chain serves one goroutine at
// a time.
type Chain struct {
	stages []Stage
	vocab  Vocab
	seed   uint64
	stream uint64
	cand   Cand

	limits      []Constraint
	mask, mask2 Bitset
}

// NewChain builds the chain that p describes: logit bias, then the stages of
// p.Samplers that have an effect, then the draw. A random seed is drawn here; see
// [Chain.Seed].
func NewChain(p Params, v Vocab) (*Chain, error) {
	p = p.OrDefault()
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("sampling settings: %w", err)
	}
	if err := v.validate(); err != nil {
		return nil, err
	}
	stages, err := buildStages(p, v)
	if err != nil {
		return nil, fmt.Errorf("sampling settings: %w", err)
	}
	seed, _ := p.Seed.Resolve().Value()
	return &Chain{stages: stages, vocab: v, seed: seed}, nil
}

// Seed returns the seed in use; with it the same settings give the same tokens again.
func (c *Chain) Seed() uint64 { return c.seed }

// Stages returns the names of the stages in order, a fresh slice.
func (c *Chain) Stages() []string {
	names := make([]string, len(c.stages))
	for i, s := range c.stages {
		names[i] = s.Name()
	}
	return names
}

// Next returns a token for the absolute position pos, given the logits of that
// position (one per token of the vocabulary, only read). It changes no state: asking
// twice gives the same token, and Accept must follow for the token that is taken. If
// want is not nil it receives the distribution the token was drawn from.
func (c *Chain) Next(logits []float32, pos uint32, want *Dist) (int32, error) {
	r := NewRand(c.seed, c.stream, pos)
	if err := c.run(logits, r); err != nil {
		return 0, err
	}
	if want != nil {
		want.fill(&c.cand)
	}
	return c.cand.draw(r.U(PurposeDist, 0)), nil
}

// Dist sets dst to the distribution that Next draws from at pos.
func (c *Chain) Dist(dst *Dist, logits []float32, pos uint32) error {
	if err := c.run(logits, NewRand(c.seed, c.stream, pos)); err != nil {
		return err
	}
	dst.fill(&c.cand)
	return nil
}

// Rand returns the random numbers of position pos in the chain's seed and stream.
func (c *Chain) Rand(pos uint32) Rand { return NewRand(c.seed, c.stream, pos) }

// run loads the logits and applies the stages.
func (c *Chain) run(logits []float32, r Rand) error {
	if len(logits) != c.vocab.Size {
		return fmt.Errorf("position %d: %w: %d logits for a vocabulary of %d", r.pos, ErrBadLogits, len(logits), c.vocab.Size)
	}
	if err := c.cand.load(logits); err != nil {
		return fmt.Errorf("position %d: %w", r.pos, err)
	}
	limited := len(c.limits) == 0
	for _, s := range c.stages {
		if _, first := s.(*bias); !limited && !first {
			if err := c.limit(); err != nil {
				return fmt.Errorf("position %d: %w", r.pos, err)
			}
			limited = true
		}
		if err := s.Apply(&c.cand, r); err != nil {
			return fmt.Errorf("position %d: %s: %w", r.pos, s.Name(), err)
		}
	}
	if !limited {
		if err := c.limit(); err != nil {
			return fmt.Errorf("position %d: %w", r.pos, err)
		}
	}
	return nil
}

// Accept tells the stages and constraints that tok is now part of the sequence. Call
// it for every token in order, those of the prompt included. A token that a
// constraint does not allow is an error that wraps ErrConstraint and changes nothing.
func (c *Chain) Accept(tok int32) error {
	if err := c.vocab.check(tok); err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	if err := c.acceptLimits(tok); err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	for _, s := range c.stages {
		s.Accept(tok)
	}
	return nil
}

// Reset forgets all accepted tokens and the constraints; seed and stream stay.
func (c *Chain) Reset() {
	c.limits = nil
	for _, s := range c.stages {
		s.Reset()
	}
}

// Clone returns an independent chain in the same state with the same seed and stream:
// both give the same tokens for the same logits. Working memory is not copied.
func (c *Chain) Clone() *Chain { return c.Fork(c.stream) }

// Fork is Clone with another stream of random numbers, for a second continuation of
// the same text. A new chain has stream 0.
func (c *Chain) Fork(stream uint64) *Chain {
	f := &Chain{stages: make([]Stage, len(c.stages)), vocab: c.vocab, seed: c.seed, stream: stream}
	for i, s := range c.stages {
		f.stages[i] = s.Clone()
	}
	for _, l := range c.limits {
		f.limits = append(f.limits, l.Clone())
	}
	return f
}
