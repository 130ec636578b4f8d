package kvasir

import (
	"context"
	"errors"
	"fmt"

	"kvasir/kvcache"
	"kvasir/model"
)

// NextLogits appends tokens and calls emit once, with the logits of what may
// follow the last of them: logits[id] belongs to token id. The slice is valid
// during the call. Without tokens it is about the session as it is, which must
// not be empty.
func (s *Session) NextLogits(ctx context.Context, tokens []int32, emit func(logits []float32) error) error {
	if err := s.acquire(); err != nil {
		return err
	}
	defer s.done()
	if len(tokens) > 0 {
		if err := s.append(Prompt{Tokens: tokens}, 0); err != nil {
			return err
		}
	}
	if len(s.tokens) == 0 {
		return errors.New("an empty session has no next token")
	}
	s.kept.user = emit
	return s.last(ctx, s.kept.one)
}

// Step appends tokens[i] to sessions[i], all in one pass, and calls emit with the
// logits of what may follow in each of them, in order of i. The slice is valid
// during the call. A pass over several sessions reads the weights once; each gets
// the logits that it would get alone. The sessions are different ones of this
// engine, at most as many as a pass holds tokens (Options.Batch).
func (e *Engine) Step(ctx context.Context, sessions []*Session, tokens []int32, emit func(i int, logits []float32) error) error {
	switch limit := min(e.opts.Batch, e.opts.Context); {
	case len(sessions) == 0 || len(sessions) > limit:
		return fmt.Errorf("step of %d sessions: a pass holds 1 to %d tokens", len(sessions), limit)
	case len(tokens) != len(sessions):
		return fmt.Errorf("step of %d sessions has %d tokens", len(sessions), len(tokens))
	}
	b := model.Batch{Tokens: tokens, Want: make([]bool, len(tokens))}
	for i, s := range sessions {
		if s.eng != e {
			return fmt.Errorf("session %d belongs to another engine", i)
		}
		if err := s.acquire(); err != nil {
			return fmt.Errorf("session %d: %w", i, err)
		}
		defer s.done()
		if err := s.catchUp(ctx, len(s.tokens), nil); err != nil {
			return fmt.Errorf("session %d: %w", i, err)
		}
		b.Rows = append(b.Rows, kvcache.Rows{Seq: s.seq, N: 1})
		b.Want[i] = true
	}
	return e.step(ctx, sessions, &b, emit)
}

// step appends the tokens of b to sessions that are acquired and caught up.
func (e *Engine) step(ctx context.Context, sessions []*Session, b *model.Batch, emit func(i int, logits []float32) error) error {
	for i, s := range sessions { // all of them or none
		if n := len(s.tokens) + 1; n > e.opts.Context && !s.seq.Endless() {
			return &ContextError{Have: len(s.tokens), Prompt: 1, Context: e.opts.Context}
		}
		if _, err := e.encode(Prompt{Tokens: b.Tokens[i : i+1]}, false); err != nil {
			return err
		}
	}
	for i, s := range sessions {
		s.tokens = append(s.tokens, b.Tokens[i])
		s.kept.at = -1
	}
	return fullError(e.forward(ctx, b, func(i int, logits []float32) error {
		if s := sessions[i]; s.seq.Cuts() {
			s.kept.at, s.kept.logits = len(s.tokens), append(s.kept.logits[:0], logits...)
		}
		return emit(i, logits)
	}))
}
