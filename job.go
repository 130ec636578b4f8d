package kvasir

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	"kvasir/internal/tokenizer"
	"kvasir/sampler"
)

// Job is a request that the scheduler works on. Its methods may be called from
// any goroutine.
type Job struct {
	s       *scheduler
	id      uint64
	req     Request
	prompt  []int32
	unwatch func() bool

	// Owned by the scheduler's loop.
	branches []*branch
	scores   *promptScores
	base     *Session // computes the prompt; the first branch goes on with it

	// Guarded by scheduler.mu.
	dead     bool       // has ended
	ready    *Session   // holds what was computed of the prompt already; nil = nothing
	sessions []*Session // open ones

	mu      sync.Mutex
	out     []Output
	bytes   int // of text in out
	stalled bool
	err     error // io.EOF at the end
	more    chan struct{}
	usage   Usage
	queued  time.Time
}

// branch is one of the continuations of a job.
type branch struct {
	index int
	g     *generator
	drew  error // of the draw in the running pass
	ended bool
	stall bool
}

// Output is what a job gives: a token of one of its continuations.
type Output struct {
	Index int
	Token Token
}

// Usage counts what a job took.
type Usage struct {
	PromptTokens int
	CachedTokens int // of these, found in the cache
	OutputTokens int // of all continuations
	Seed         uint64
	Policy       string // of the cache
	// Queue is the time until the first pass, Prefill until the prompt was
	// computed, Decode from there on.
	Queue, Prefill, Decode time.Duration
	// CacheBytes is what the job's cache took at its end, DenseBytes what keeping
	// every token would have taken.
	CacheBytes, DenseBytes int64
}

// What a job may have undelivered before it is no longer computed.
const (
	maxUnread      = 1024
	maxUnreadBytes = 256 << 10
)

// newJob checks a request and prepares its job in the caller's goroutine.
func (e *Engine) newJob(s *scheduler, r Request) (*Job, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if r.N == 0 {
		r.N = 1
	}
	if err := e.checkSession(r.Session); err != nil {
		return nil, err
	}
	toks, err := e.encode(r.Prompt, true)
	if err != nil {
		return nil, err
	}
	room := 1
	if r.ScoreOnly {
		room = 0
	}
	longest, _ := e.longest(r.Session)
	switch {
	case len(toks) == 0:
		return nil, errors.New("nothing to continue: the prompt is empty and the model has no beginning-of-text token")
	case len(toks)+room > longest:
		return nil, &ContextError{Prompt: len(toks), Context: e.opts.Context}
	}
	j := &Job{s: s, req: r, prompt: toks, more: make(chan struct{}, 1)}
	j.usage.PromptTokens, j.usage.Policy = len(toks), e.opts.KV
	if r.Session.KV != "" {
		j.usage.Policy = r.Session.KV
	}
	if r.Score {
		j.scores = newPromptScores(r.TopLogprobs, toks)
	}
	if r.ScoreOnly {
		return j, nil
	}
	if err := j.makeBranches(e); err != nil {
		return nil, err
	}
	return j, j.reuse(e)
}

// makeBranches builds a sampler for each continuation.
func (j *Job) makeBranches(e *Engine) error {
	chain, err := e.newChain(j.req.Sampling)
	if err != nil {
		return err
	}
	j.usage.Seed = chain.Seed()
	for _, t := range j.prompt {
		if err := chain.Accept(t); err != nil {
			return err
		}
	}
	if err := e.constrain(chain, j.req.Constraint); err != nil {
		return err
	}
	for i := range j.req.N {
		g := &generator{o: j.req.GenerateOptions, chain: chain}
		if i > 0 {
			g.chain = chain.Fork(uint64(i))
		}
		if e.tok != nil {
			g.stream = e.tok.NewStream(tokenizer.DecodeOptions{Continue: true})
		}
		if len(g.o.Stop) > 0 {
			g.stop = tokenizer.NewStops(g.o.Stop)
		}
		if g.o.TopLogprobs > 0 {
			g.scores = &sampler.Logprobs{}
		}
		j.branches = append(j.branches, &branch{index: i, g: g})
	}
	return nil
}

// Next returns the next token of any of the continuations, in the order of
// their generation; io.EOF after the last one, or what ended the job. It waits
// for it as long as ctx allows; the job goes on if that ends.
func (j *Job) Next(ctx context.Context) (Output, error) {
	for {
		j.mu.Lock()
		if len(j.out) > 0 {
			o := j.take()
			j.mu.Unlock()
			return o, nil
		}
		err := j.err
		j.mu.Unlock()
		if err != nil {
			return Output{}, err
		}
		select {
		case <-j.more:
		case <-ctx.Done():
			return Output{}, context.Cause(ctx)
		}
	}
}

// take removes the first output and tells the scheduler when a reader that was
// behind has caught up.
func (j *Job) take() Output {
	o := j.out[0]
	j.bytes -= len(o.Token.Text)
	j.out[0] = Output{}
	j.out = j.out[1:]
	if j.stalled && len(j.out) < maxUnread/2 && j.bytes < maxUnreadBytes/2 {
		j.stalled = false
		j.s.resume(j)
	}
	return o
}

// Ready reports how many outputs can be had without waiting.
func (j *Job) Ready() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.out)
}

// Outputs yields what Next returns; the last pair may carry an error. Breaking
// the loop closes the job.
func (j *Job) Outputs(ctx context.Context) iter.Seq2[Output, error] {
	return func(yield func(Output, error) bool) {
		defer j.Close()
		for {
			o, err := j.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// Wait waits until the job has ended and returns why; nil for its proper end.
// It must not be used while outputs are left unread beyond what a job buffers.
func (j *Job) Wait(ctx context.Context) error {
	for _, err := range j.Outputs(ctx) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Prompt returns the tokens of the prompt.
func (j *Job) Prompt() []int32 { return j.prompt }

// Scores returns what Request.Score asked for, once the first output or the
// end was returned: entry i is about prompt token i; the first has no score.
func (j *Job) Scores() []PromptScore {
	if j.scores == nil {
		return nil
	}
	return j.scores.list
}

// Usage returns what the job took so far; its end makes it final.
func (j *Job) Usage() Usage {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.usage
}

// Ahead is how many jobs of the same key wait before this one.
func (j *Job) Ahead() int {
	j.s.mu.Lock()
	defer j.s.mu.Unlock()
	return j.s.core.Ahead(j.id)
}

// Close ends the job if it still runs. It may be called more than once.
func (j *Job) Close() error {
	if j.unwatch != nil {
		j.unwatch()
	}
	j.s.cancel(j, context.Canceled)
	return nil
}

// signal wakes the reader.
func (j *Job) signal() {
	select {
	case j.more <- struct{}{}:
	default:
	}
}

// finish ends the outputs with err, io.EOF for a proper end.
func (j *Job) finish(err error) {
	j.mu.Lock()
	if j.err == nil {
		j.err = err
	}
	j.mu.Unlock()
	j.signal()
}
