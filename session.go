package kvasir

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"kvasir/kvcache"
	"kvasir/model"
)

// Session is one sequence of tokens with its cache. It is used by one
// goroutine at a time: a second call while one runs returns ErrBusy.
type Session struct {
	eng    *Engine
	seq    *kvcache.Seq
	tokens []int32 // all tokens; the cache may be behind
	busy   atomic.Bool
	closed bool

	// Reused by every pass.
	batch model.Batch
	rows  [1]kvcache.Rows
	want  []bool

	draft *modelDraft // of the last speculation, nil without a draft model
}

// NewSession starts an empty sequence. It takes cache memory as it grows.
func (e *Engine) NewSession() (*Session, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	seq, err := e.cache.NewSeq(e.opts.KV)
	if err != nil {
		return nil, errors.Join(err, e.leave())
	}
	return e.session(seq), nil
}

func (e *Engine) session(seq *kvcache.Seq) *Session {
	return &Session{eng: e, seq: seq, want: make([]bool, min(e.opts.Batch, e.opts.Context))}
}

// acquire marks the session as in use.
func (s *Session) acquire() error {
	if !s.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	if s.closed {
		s.busy.Store(false)
		return ErrClosed
	}
	return nil
}

func (s *Session) done() { s.busy.Store(false) }

// Tokens returns a copy of the session's tokens.
func (s *Session) Tokens() []int32 { return append([]int32(nil), s.tokens...) }

// Len is the number of tokens in the session.
func (s *Session) Len() int { return len(s.tokens) }

// Prefill appends a prompt without generating. On an error, ctx's included,
// what was computed until then stays usable: the session holds all tokens of
// the prompt or, when the prompt does not fit, none.
func (s *Session) Prefill(ctx context.Context, p Prompt) error {
	if err := s.acquire(); err != nil {
		return err
	}
	defer s.done()
	if err := s.append(p, 0); err != nil {
		return err
	}
	return s.catchUp(ctx, len(s.tokens), nil)
}

// append adds the tokens of p to the session, without computing anything, if
// they and room more fit into the context.
func (s *Session) append(p Prompt, room int) error {
	toks, err := s.eng.encode(p, len(s.tokens) == 0)
	if err != nil {
		return err
	}
	if n := len(s.tokens) + len(toks) + room; n > s.eng.opts.Context {
		return &ContextError{Have: len(s.tokens), Prompt: len(toks), Context: s.eng.opts.Context}
	}
	s.tokens = append(s.tokens, toks...)
	return nil
}

// catchUp computes the cache up to the first n tokens. emit, when set, gets the
// logits of each computed position.
func (s *Session) catchUp(ctx context.Context, n int, emit func(pos int, logits []float32) error) error {
	for s.seq.Len() < n {
		from := s.seq.Len()
		k := min(len(s.want), n-from)
		for i := range k {
			s.want[i] = emit != nil
		}
		var each func(int, []float32) error
		if emit != nil {
			each = func(row int, logits []float32) error { return emit(from+row, logits) }
		}
		if err := s.pass(ctx, s.tokens[from:from+k], each); err != nil {
			return err
		}
	}
	return nil
}

// pass appends tokens to the cache in one forward pass; s.want says whose
// logits are wanted.
func (s *Session) pass(ctx context.Context, tokens []int32, emit func(int, []float32) error) error {
	s.rows[0] = kvcache.Rows{Seq: s.seq, N: len(tokens)}
	s.batch = model.Batch{Rows: s.rows[:], Tokens: tokens, Want: s.want[:len(tokens)]}
	return s.eng.forward(ctx, &s.batch, emit)
}

// Logits appends tokens and calls emit with the logits after each of them, in
// order: pos is the position of the token, and logits[id] belongs to what may
// follow it. The slice is valid during the call.
func (s *Session) Logits(ctx context.Context, tokens []int32, emit func(pos int, logits []float32) error) error {
	if err := s.acquire(); err != nil {
		return err
	}
	defer s.done()
	if len(tokens) == 0 {
		return nil
	}
	if err := s.append(Prompt{Tokens: tokens}, 0); err != nil {
		return err
	}
	first := len(s.tokens) - len(tokens)
	if err := s.catchUp(ctx, first, nil); err != nil {
		return err
	}
	return s.catchUp(ctx, len(s.tokens), emit)
}

// Fork returns a session with the same content; the cache is shared until one
// of the two grows.
func (s *Session) Fork() (*Session, error) {
	if err := s.acquire(); err != nil {
		return nil, err
	}
	defer s.done()
	if err := s.eng.enter(); err != nil {
		return nil, err
	}
	seq, err := s.seq.Fork()
	if err != nil {
		return nil, errors.Join(err, s.eng.leave())
	}
	f := s.eng.session(seq)
	f.tokens = append(f.tokens, s.tokens...)
	return f, nil
}

// Truncate cuts the session to its first n tokens. Where a sliding-window layer
// no longer holds what the shorter sequence needs, the next pass computes the
// remaining tokens anew; the result is the same to the bit.
func (s *Session) Truncate(n int) error {
	if err := s.acquire(); err != nil {
		return err
	}
	defer s.done()
	if n < 0 || n > len(s.tokens) {
		return fmt.Errorf("truncate to %d tokens: the session has %d", n, len(s.tokens))
	}
	if err := s.rewind(n); err != nil {
		return err
	}
	s.tokens = s.tokens[:n]
	return nil
}

// rewind makes the cache hold at most the first n tokens.
func (s *Session) rewind(n int) error {
	if n >= s.seq.Len() {
		return nil
	}
	err := s.seq.Truncate(n)
	if !errors.Is(err, kvcache.ErrCannotTruncate) {
		return err
	}
	fresh, err := s.eng.cache.NewSeq(s.eng.opts.KV)
	if err != nil {
		return err
	}
	s.seq.Close()
	s.seq = fresh
	return nil
}

// Reset empties the session.
func (s *Session) Reset() error { return s.Truncate(0) }

// Close gives the session's cache back. It may be called more than once.
func (s *Session) Close() error {
	if err := s.acquire(); err != nil {
		if errors.Is(err, ErrClosed) {
			return nil
		}
		return err
	}
	defer s.done()
	s.closed = true
	s.seq.Close()
	return errors.Join(s.draft.close(), s.eng.leave())
}
