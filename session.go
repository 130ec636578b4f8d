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
	prompt int     // tokens below are prompts, or what came before the last one
	opts   SessionOptions
	busy   atomic.Bool
	closed bool

	// Reused by every pass.
	batch model.Batch
	rows  [1]kvcache.Rows
	want  []bool

	kept keptLogits

	draft *modelDraft // of the last speculation, nil without a draft model
}

// NewSession starts an empty sequence under the engine's cache policy. It takes
// cache memory as it grows.
func (e *Engine) NewSession() (*Session, error) { return e.NewSessionWith(SessionOptions{}) }

// NewSessionWith starts an empty sequence with options of its own.
func (e *Engine) NewSessionWith(o SessionOptions) (*Session, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	if o.KV == "" {
		o.KV = e.opts.KV
	}
	seq, err := e.cache.NewSeq(o.KV)
	if err != nil {
		return nil, errors.Join(err, e.leave())
	}
	return e.session(seq, o), nil
}

func (e *Engine) session(seq *kvcache.Seq, o SessionOptions) *Session {
	s := &Session{eng: e, seq: seq, opts: o, want: make([]bool, min(e.opts.Batch, e.opts.Context))}
	s.kept.at, s.kept.emit, s.kept.one = -1, s.keepLogits, s.oneRow
	return s
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
	s.prompt = len(s.tokens)
	s.reuse()
	if err := s.catchUp(ctx, len(s.tokens), nil); err != nil {
		return err
	}
	return s.keepPrefix()
}

// reuse starts an empty session of a policy that keeps everything with what the
// engine has computed of its tokens already. The last one is left to compute.
func (s *Session) reuse() {
	p := s.eng.prefixes
	if p == nil || s.seq.Len() > 0 || s.seq.Cuts() || len(s.tokens) < 2 {
		return
	}
	seq, n, err := p.Match(s.opts.Scope, s.tokens, len(s.tokens)-1)
	if err != nil || n == 0 { // it is computed then
		return
	}
	s.seq.Close()
	s.seq = seq
}

// keepPrefix remembers the prompt that was just computed for others.
func (s *Session) keepPrefix() error {
	n := s.seq.Len()
	if s.eng.prefixes == nil || n == 0 || n > s.prompt {
		return nil
	}
	return s.eng.prefixes.Keep(s.opts.Scope, s.tokens[:n], s.seq)
}

// append adds the tokens of p to the session, without computing anything, if
// they and room more fit into the context.
func (s *Session) append(p Prompt, room int) error {
	toks, err := s.eng.encode(p, len(s.tokens) == 0)
	if err != nil {
		return err
	}
	if n := len(s.tokens) + len(toks) + room; n > s.eng.opts.Context && !s.seq.Endless() {
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
		r := s.nextRows(n)
		for i := range r.N {
			s.want[i] = emit != nil
		}
		var each func(int, []float32) error
		if emit != nil {
			each = func(row int, logits []float32) error { return emit(from+row, logits) }
		}
		if err := s.pass(ctx, r, each); err != nil {
			return err
		}
	}
	return nil
}

// nextRows returns the next piece of the first n tokens to be computed: not more
// than a pass holds, nor beyond the end of a prompt.
func (s *Session) nextRows(n int) kvcache.Rows {
	from := s.seq.Len()
	r := kvcache.Rows{Seq: s.seq, N: min(len(s.want), n-from)}
	if from < s.prompt {
		r.N = min(r.N, s.prompt-from)
		r.Prompt, r.End = true, from+r.N == s.prompt
	}
	return r
}

// pass computes the next tokens in one forward pass; s.want says whose logits
// are wanted.
func (s *Session) pass(ctx context.Context, r kvcache.Rows, emit func(int, []float32) error) error {
	from := s.seq.Len()
	if from+r.N == len(s.tokens) && s.seq.Cuts() {
		s.want[r.N-1] = true
		s.kept.row, s.kept.at, s.kept.next = r.N-1, from+r.N, emit
		emit = s.kept.emit
	}
	s.rows[0] = r
	s.batch = model.Batch{Rows: s.rows[:], Tokens: s.tokens[from : from+r.N], Want: s.want[:r.N]}
	err := s.eng.forward(ctx, &s.batch, emit)
	if err != nil {
		s.kept.at = -1
	}
	return fullError(err)
}

// fullError makes errors.Is(err, ErrContextFull) hold for a cache that is full.
func fullError(err error) error {
	if errors.Is(err, kvcache.ErrFull) {
		return fmt.Errorf("%w: %w", ErrContextFull, err)
	}
	return err
}

// keptLogits are those after the last token of a session whose policy may cut
// the cache right then, so that the token could not be computed again.
type keptLogits struct {
	at     int // length of the session; -1 = none
	row    int // of the pass
	logits []float32
	spare  []float32
	next   func(int, []float32) error
	emit   func(int, []float32) error // keepLogits, made once
	user   func([]float32) error      // of NextLogits
	one    func(int, []float32) error // oneRow, made once
}

// oneRow hands the logits of the last row to the caller of NextLogits.
func (s *Session) oneRow(_ int, logits []float32) error { return s.kept.user(logits) }

// keepLogits keeps those of the last row and hands on what was asked for.
func (s *Session) keepLogits(row int, logits []float32) error {
	if row == s.kept.row {
		s.kept.logits = append(s.kept.logits[:0], logits...)
	}
	if s.kept.next == nil {
		return nil
	}
	return s.kept.next(row, logits)
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
	f := s.eng.session(seq, s.opts)
	f.tokens, f.prompt = append(f.tokens, s.tokens...), s.prompt
	f.kept.at, f.kept.logits = s.kept.at, append(f.kept.logits, s.kept.logits...)
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
	s.prompt = min(s.prompt, n)
	s.kept.at = -1
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
	fresh, err := s.eng.cache.NewSeq(s.opts.KV)
	if err != nil {
		return err
	}
	s.seq.Close()
	s.seq = fresh
	return nil
}

// CacheStats says what the session's cache holds. It must not be called while
// another call runs.
func (s *Session) CacheStats() kvcache.SeqStats { return s.seq.Stats() }

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
