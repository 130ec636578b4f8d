package kvasir

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"kvasir/internal/sched"
	"kvasir/kvcache"
)

// Schedule configures how an engine shares its passes among jobs. The zero
// value works.
type Schedule struct {
	MaxRunning   int           // most sequences that run at a time, never above Options.Batch; 0 = 64
	MaxWaiting   int           // most jobs that wait; 0 = 256
	MaxPerKey    int           // most jobs that wait for one key; 0 = 64
	QueueTimeout time.Duration // how long a job may wait to start; 0 = for ever
	// Gamma is how many times a pass that only decodes a pass with pieces of
	// prompts may take; 0 = 1.8.
	Gamma float64
	// Unsplit computes long prompts in pieces as large as a pass, whoever
	// waits. It is there to be measured against.
	Unsplit bool
	// OnPass, when set, is told about every pass, by the goroutine that runs
	// them: it must not wait.
	OnPass func(PassInfo)
}

// PassInfo describes a pass that was run.
type PassInfo struct {
	Took, Predicted time.Duration
	Decodes         int // rows that continue a sequence
	Prompts         int // rows of prompts
}

// Request is a job for the scheduler.
type Request struct {
	Prompt  Prompt
	Session SessionSettings
	GenerateOptions
	// N is how many continuations are generated from one prefill; 0 = 1. The
	// i-th is the same whatever N is.
	N int
	// ScoreOnly generates nothing; it goes with Score.
	ScoreOnly bool
	// Score asks for the log-probabilities of the prompt's own tokens, each
	// with as many alternatives as TopLogprobs says.
	Score bool
	// Key says whose job it is: keys share the machine by time served, not by
	// number of jobs.
	Key string
	// Class is a priority, higher first.
	Class int8
}

// SessionSettings choose the cache of a job; the zero value means the engine's.
type SessionSettings = SessionOptions

// Errors of the scheduler.
var (
	// ErrQueueFull: too many jobs wait; see [QueueError].
	ErrQueueFull = errors.New("queue is full")
	// ErrQueueTimeout: the job waited longer than Schedule.QueueTimeout.
	ErrQueueTimeout = errors.New("waited too long in the queue")
	// ErrInternal: a bug; the job failed, the engine goes on.
	ErrInternal = errors.New("internal error")
)

// QueueError says that a job was not taken on. errors.Is(err, ErrQueueFull)
// holds.
type QueueError struct {
	RetryAfter time.Duration // when it may be worth trying again
	Position   int           // jobs ahead
	PerKey     bool          // the key has too many, others may still be taken on
}

func (e *QueueError) Error() string {
	what := "the queue is full"
	if e.PerKey {
		what = "too many requests of this key wait"
	}
	return fmt.Sprintf("%s (%d are ahead); try again in %s", what, e.Position, e.RetryAfter.Round(time.Second))
}

// Unwrap makes errors.Is(err, ErrQueueFull) hold.
func (e *QueueError) Unwrap() error { return ErrQueueFull }

// PoolError says that a job can never start: with its longest answer it needs
// more cache than there is. errors.Is(err, ErrPool) holds.
type PoolError struct{ Need, Pool int64 }

func (e *PoolError) Error() string {
	return fmt.Sprintf("the request may need %d bytes of cache and the pool has %d: ask for fewer tokens or a smaller cache policy", e.Need, e.Pool)
}

// Unwrap makes errors.Is(err, ErrPool) hold.
func (e *PoolError) Unwrap() error { return ErrPool }

// SetSchedule configures the scheduler. It must be called before the first
// job is submitted.
func (e *Engine) SetSchedule(o Schedule) error {
	e.schedMu.Lock()
	defer e.schedMu.Unlock()
	if e.sched != nil {
		return errors.New("the scheduler runs already")
	}
	e.schedule = o
	return nil
}

// scheduler returns the engine's scheduler, started on first use.
func (e *Engine) scheduler() (*scheduler, error) {
	e.schedMu.Lock()
	defer e.schedMu.Unlock()
	if e.schedClosed {
		return nil, ErrClosed
	}
	if e.sched == nil {
		e.sched = newScheduler(e, e.schedule)
	}
	return e.sched, nil
}

// stopScheduler ends all jobs with ErrClosed and waits for the running pass.
func (e *Engine) stopScheduler() {
	e.schedMu.Lock()
	s := e.sched
	e.schedClosed = true
	e.schedMu.Unlock()
	if s != nil {
		s.close()
	}
}

// Submit queues a job, which then runs beside others: the weights are read
// once a pass for all of them, and long prompts are computed in pieces between
// the tokens of the rest. What a job gives does not depend on the others. The
// job ends when ctx does. Close it in any case.
//
// Errors are those of the request itself (such as *ContextError), *QueueError,
// *PoolError and ErrClosed.
func (e *Engine) Submit(ctx context.Context, r Request) (*Job, error) {
	s, err := e.scheduler()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	j, err := e.newJob(s, r)
	if err != nil {
		return nil, err
	}
	if err := s.offer(j); err != nil {
		if j.ready != nil {
			err = errors.Join(err, j.ready.Close())
		}
		return nil, err
	}
	j.unwatch = context.AfterFunc(ctx, func() { s.cancel(j, context.Cause(ctx)) })
	return j, nil
}

// SchedulerStats is a snapshot of the scheduler.
type SchedulerStats struct {
	Waiting, Running, Sequences, Keys int
	ReservedBytes, PoolBytes          int64
	Gamma, CostError                  float64
}

// SchedulerStats returns a snapshot; zero before the first job.
func (e *Engine) SchedulerStats() SchedulerStats {
	e.schedMu.Lock()
	s := e.sched
	e.schedMu.Unlock()
	if s == nil {
		return SchedulerStats{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.core.Snapshot()
	return SchedulerStats{c.Waiting, c.Running, c.Sequences, c.Keys, c.Reserved, c.Pool, c.Gamma, c.CostError}
}

// SetKeyWeight gives a key another part of the machine than 1.
func (e *Engine) SetKeyWeight(key string, weight float64) error {
	s, err := e.scheduler()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.core.SetWeight(keyHash(key), weight)
	return nil
}

func keyHash(key string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(key)) // never fails
	return h.Sum64()
}

// worst is the cache that a job may ever hold.
func (e *Engine) worst(o SessionSettings, prompt, more, n int) int64 {
	c := e.cache.Config()
	_, slots := e.longest(o)
	slots = min(slots+e.opts.Batch+kvcache.BlockSlots, e.opts.Context) // a policy cuts after a pass
	total := min(prompt+more, slots)
	sum := c.SeqBytes(total, e.opts.Batch)
	if n > 1 { // a fork shares all but the last block of the prompt
		sum += int64(n-1) * c.SeqBytes(min(more+64, slots), e.opts.Batch)
	}
	return sum
}

// prior estimates the cost of passes before any was run.
func (e *Engine) prior() sched.Prior {
	c := e.model.Config()
	threads := float64(min(e.opts.Threads, 64))
	weights := float64(e.model.PackedBytes())
	ops := 2 * weights / 0.7 // about the parameters of 4 to 6 bits each, twice
	heads := float64(c.Heads * (c.KeyDim + c.ValueDim) * c.Layers)
	cc := e.cache.Config()
	cached := float64(cc.SeqBytes(1024, 1)) / 1024
	return sched.Prior{
		Pass:   weights / 15,          // bytes a ns
		Row:    ops / (threads * 500), // operations a ns
		Logits: 2 * float64(c.VocabSize*c.EmbedDim) / (threads * 300),
		Read:   cached / 10,
		Prompt: 2 * heads / (threads * 150),
	}
}
