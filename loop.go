package kvasir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kvasir/internal/sched"
	"kvasir/kvcache"
	"kvasir/model"
)

// scheduler feeds a sched.Core, runs its passes and delivers the tokens.
type scheduler struct {
	eng   *Engine
	o     Schedule
	start time.Time

	mu     sync.Mutex // guards what follows, never held during a pass
	core   *sched.Core
	jobs   map[uint64]*Job
	lastID uint64
	graves []*Session // to be closed by the loop
	closed bool
	alive  int // jobs of the running pass that still matter

	wake chan struct{}
	done chan struct{}

	// Of the running pass; owned by the loop but for dead.
	pass  sched.Pass
	rows  []rowRef
	batch model.Batch
	seqs  []*Job // job of each slice
	ctx   passContext
}

// rowRef says whose a row of a pass is.
type rowRef struct {
	j    *Job
	b    *branch // nil: a row of a prompt
	pos  int
	last bool // the last row of a prompt that is continued
}

// passContext is the context of a pass: cancelled when nobody waits for it.
type passContext struct {
	context.Context
	dead atomic.Bool
}

func (c *passContext) Err() error {
	if c.dead.Load() {
		return context.Canceled
	}
	return nil
}

func newScheduler(e *Engine, o Schedule) *scheduler {
	s := &scheduler{
		eng: e, o: o, start: time.Now(), jobs: map[uint64]*Job{},
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	s.ctx.Context = context.Background()
	s.core = sched.New(sched.Config{
		MaxRows: min(e.opts.Batch, e.opts.Context), MaxRunning: o.MaxRunning, MaxWaiting: o.MaxWaiting, MaxPerKey: o.MaxPerKey,
		Pool: e.opts.CacheBytes, Gamma: o.Gamma, Unsplit: o.Unsplit,
	}, sched.NewCost(e.prior()))
	go s.loop()
	return s
}

func (s *scheduler) now() sched.Time { return sched.Time(time.Since(s.start)) }

func (s *scheduler) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// offer queues a job.
func (s *scheduler) offer(j *Job) error {
	now := s.now()
	r := sched.Req{
		Key: keyHash(j.req.Key), Class: j.req.Class, Prompt: int32(len(j.prompt)), N: int16(j.req.N),
		Arrived: now, AllLogits: j.req.Score, Reused: int32(j.usage.CachedTokens),
	}
	more := 0
	if !j.req.ScoreOnly {
		longest, _ := s.eng.longest(j.req.Session)
		more = longest - len(j.prompt)
		if j.req.MaxTokens > 0 {
			more = min(more, j.req.MaxTokens)
		}
		r.MaxNew = int32(more)
	}
	if s.o.QueueTimeout > 0 {
		r.Until = now + sched.Time(s.o.QueueTimeout)
	}
	r.Worst = s.eng.worst(j.req.Session, len(j.prompt), more, j.req.N)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.lastID++
	r.ID = s.lastID
	if err := s.core.Offer(now, &r); err != nil {
		return offerError(err)
	}
	j.id, j.queued = r.ID, time.Now()
	s.jobs[j.id] = j
	s.poke()
	return nil
}

func offerError(err error) error {
	var full *sched.FullError
	var big *sched.TooBigError
	switch {
	case errors.As(err, &full):
		return &QueueError{RetryAfter: time.Duration(full.RetryAfter), Position: full.Ahead, PerKey: full.PerKey}
	case errors.As(err, &big):
		return &PoolError{Need: big.Need, Pool: big.Pool}
	}
	return err
}

// cancel ends a job with err, wherever it is.
func (s *scheduler) cancel(j *Job, err error) {
	s.mu.Lock()
	s.end(j, err)
	s.mu.Unlock()
}

// end takes a job out of the schedule. s.mu is held.
func (s *scheduler) end(j *Job, err error) {
	if s.jobs[j.id] != j {
		return
	}
	delete(s.jobs, j.id)
	s.core.Cancel(s.now(), j.id)
	if !j.dead && s.inPass(j) {
		if s.alive--; s.alive == 0 {
			s.ctx.dead.Store(true)
		}
	}
	j.dead = true
	if j.ready != nil {
		s.graves = append(s.graves, j.ready)
		j.ready = nil
	}
	s.graves = append(s.graves, j.sessions...)
	j.sessions = nil
	j.finish(err)
	s.poke()
}

// inPass reports whether the running pass computes rows of j.
func (s *scheduler) inPass(j *Job) bool {
	for _, o := range s.seqs {
		if o == j {
			return true
		}
	}
	return false
}

// bury hands the session of a branch that has ended to the loop to be closed.
// s.mu is held.
func (s *scheduler) bury(j *Job, b *branch) {
	b.ended = true
	if i := slices.Index(j.sessions, b.g.s); i >= 0 {
		j.sessions = slices.Delete(j.sessions, i, i+1)
		s.graves = append(s.graves, b.g.s)
	}
}

// resume goes on with a job whose reader has caught up.
func (s *scheduler) resume(j *Job) {
	go func() { // the caller holds j.mu, which comes after s.mu
		s.mu.Lock()
		for _, b := range j.branches {
			b.stall = false
			s.core.Stall(j.id, int16(b.index), false)
		}
		s.mu.Unlock()
		s.poke()
	}()
}

// close ends all jobs and the loop.
func (s *scheduler) close() {
	s.mu.Lock()
	s.closed = true
	for _, j := range s.jobs {
		s.end(j, ErrClosed)
	}
	s.mu.Unlock()
	s.poke()
	<-s.done
}

// loop runs passes until the scheduler is closed.
func (s *scheduler) loop() {
	defer close(s.done)
	timer := time.NewTimer(math.MaxInt64)
	defer timer.Stop()
	for {
		s.mu.Lock()
		work := s.next()
		graves := s.graves
		s.graves = nil
		closed, wake := s.closed, s.core.Wake()
		s.mu.Unlock()
		for _, g := range graves {
			_ = g.Close() // a session that is not in use closes without fail
		}
		switch {
		case work:
			s.run()
		case closed && len(graves) == 0:
			return
		case closed:
		default:
			timer.Reset(s.sleep(wake))
			select {
			case <-s.wake:
			case <-timer.C:
			}
		}
	}
}

// sleep is how long the loop waits when nothing runs.
func (s *scheduler) sleep(wake sched.Time) time.Duration {
	if wake == 0 {
		return time.Hour
	}
	return max(time.Millisecond, time.Duration(wake-s.now()))
}

// next plans a pass. s.mu is held.
func (s *scheduler) next() bool {
	ok := s.core.Next(s.now(), &s.pass)
	for _, id := range s.core.Expired() {
		if j := s.jobs[id]; j != nil {
			s.end(j, ErrQueueTimeout)
		}
	}
	s.seqs = s.seqs[:0]
	s.ctx.dead.Store(false)
	s.alive = 0
	if !ok {
		return false
	}
	for i := range s.pass.Slices {
		j := s.jobs[s.pass.Slices[i].ID]
		if !s.inPass(j) {
			s.alive++
		}
		s.seqs = append(s.seqs, j)
	}
	return true
}

// run computes the planned pass and delivers what it gave.
func (s *scheduler) run() {
	began := time.Now()
	err := s.fill()
	if err == nil {
		err = s.forward()
	}
	took := time.Since(began)
	if err == nil {
		s.fork()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed(err)
	} else {
		s.core.Done(s.now(), &s.pass, sched.Time(took))
		s.deliver()
	}
	s.seqs = s.seqs[:0]
	if s.o.OnPass != nil && err == nil {
		p := &s.pass
		s.o.OnPass(PassInfo{took, time.Duration(p.Predicted), int(p.Decodes), int(p.Rows - p.Decodes)})
	}
}

// forward runs the pass; a panic is an error of its jobs.
func (s *scheduler) forward() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrInternal, r)
			if l := s.eng.opts.Logger; l != nil {
				l.Error("panic in a pass", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			}
		}
	}()
	return s.eng.forward(&s.ctx, &s.batch, s.emit)
}

// failed ends the jobs of a pass that could not be computed: all of them, or
// the newest where the cache is short. Cancelled passes have no job left that
// matters.
func (s *scheduler) failed(err error) {
	if s.ctx.dead.Load() {
		return
	}
	if errors.Is(err, kvcache.ErrPool) {
		var newest *Job
		for _, j := range s.seqs {
			if newest == nil || j.id > newest.id {
				newest = j
			}
		}
		s.end(newest, err)
		return
	}
	for _, j := range s.seqs {
		s.end(j, err)
	}
}

// deliver hands the drawn tokens to their jobs. s.mu is held.
func (s *scheduler) deliver() {
	now := time.Now()
	for i := range s.rows {
		r := &s.rows[i]
		if r.j.dead {
			continue
		}
		switch {
		case r.b != nil:
			s.token(r.j, r.b, now)
		case r.last:
			r.j.prefilled(now)
			if r.j.scores != nil && r.j.scores.err != nil {
				s.end(r.j, r.j.scores.err)
			}
			for _, b := range r.j.branches {
				s.token(r.j, b, now)
			}
		}
	}
	for i, j := range s.seqs {
		if sl := &s.pass.Slices[i]; sl.Last && j.req.ScoreOnly && !j.dead {
			j.prefilled(now)
			if j.scores.err != nil {
				s.end(j, j.scores.err)
			}
			s.end(j, io.EOF)
		}
	}
}

// token delivers what a branch drew.
func (s *scheduler) token(j *Job, b *branch, now time.Time) {
	if j.dead {
		return
	}
	err := b.drew
	if err == nil {
		err = b.g.accept()
	}
	if err != nil {
		s.end(j, err)
		return
	}
	behind := j.push(Output{Index: b.index, Token: b.g.cur}, now)
	if behind && !b.stall {
		b.stall = true
		s.core.Stall(j.id, int16(b.index), true)
	}
	if b.g.cur.Finish == "" {
		return
	}
	j.account(b, s.eng)
	s.bury(j, b)
	s.core.Finish(s.now(), j.id, int16(b.index))
	for _, o := range j.branches {
		if !o.ended {
			return
		}
	}
	s.end(j, io.EOF)
}
