package kvasir

import (
	"fmt"
	"runtime/debug"
	"time"

	"kvasir/internal/sched"
	"kvasir/kvcache"
)

// fill makes the batch of the planned pass.
func (s *scheduler) fill() error {
	b := &s.batch
	b.Rows, b.Tokens, b.Want, s.rows = b.Rows[:0], b.Tokens[:0], b.Want[:0], s.rows[:0]
	b.Parallel = true
	for i := range s.pass.Slices {
		sl, j := &s.pass.Slices[i], s.seqs[i]
		if sl.Mode == sched.ModeDecode {
			br := j.branches[sl.Seq]
			sess := br.g.s
			n := len(sess.tokens)
			b.Rows = append(b.Rows, kvcache.Rows{Seq: sess.seq, N: 1})
			b.Tokens = append(b.Tokens, sess.tokens[n-1])
			b.Want = append(b.Want, true)
			s.rows = append(s.rows, rowRef{j: j, b: br, pos: n - 1})
			continue
		}
		if err := s.fillPrompt(sl, j); err != nil {
			return err
		}
	}
	return nil
}

// fillPrompt adds a piece of a prompt; the first one opens the session.
func (s *scheduler) fillPrompt(sl *sched.Slice, j *Job) error {
	b := &s.batch
	sess, err := j.session(s)
	if err != nil {
		return err
	}
	b.Rows = append(b.Rows, promptRows(sess, sl))
	b.Tokens = append(b.Tokens, j.prompt[sl.From:sl.From+sl.N]...)
	for p := sl.From; p < sl.From+sl.N; p++ {
		last := sl.Last && p == sl.From+sl.N-1 && !j.req.ScoreOnly
		b.Want = append(b.Want, last || j.req.Score && int(p)+1 < len(j.prompt))
		s.rows = append(s.rows, rowRef{j: j, pos: int(p), last: last})
	}
	return nil
}

// promptRows are the rows of a piece of a prompt.
func promptRows(sess *Session, sl *sched.Slice) kvcache.Rows {
	return kvcache.Rows{Seq: sess.seq, N: int(sl.N), Prompt: true, End: sl.Last}
}

// session returns the session that computes the prompt of a job: the one of
// its first branch.
func (j *Job) session(s *scheduler) (*Session, error) {
	if j.base != nil {
		return j.base, nil
	}
	sess, err := j.start(s)
	if err != nil {
		return nil, err
	}
	j.base = sess
	for _, b := range j.branches { // until it is forked
		b.g.s = sess
	}
	j.mu.Lock()
	j.usage.Queue = time.Since(j.queued)
	j.mu.Unlock()
	s.own(j, sess)
	return sess, nil
}

// own notes whose session it is; one of a job that has ended is to be closed.
func (s *scheduler) own(j *Job, sess *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.dead {
		s.graves = append(s.graves, sess)
		return
	}
	j.sessions = append(j.sessions, sess)
}

// emit takes the logits of a row; several rows may come at a time. An error
// belongs to the row's job alone.
func (s *scheduler) emit(row int, logits []float32) error {
	r := &s.rows[row]
	err := r.emit(logits)
	switch {
	case err == nil:
	case r.b != nil:
		r.b.drew = err
	case r.j.scores != nil:
		r.j.scores.fail(err)
	default:
		r.j.branches[0].drew = err
	}
	return nil
}

func (r *rowRef) emit(logits []float32) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrInternal, p, debug.Stack())
		}
	}()
	if r.b != nil {
		r.b.drew = nil
		return r.b.g.draw(0, logits)
	}
	if r.j.scores != nil {
		if err := r.j.scores.add(r.j.prompt, r.pos, logits); err != nil {
			return err
		}
	}
	if !r.last {
		return nil
	}
	for _, b := range r.j.branches {
		b.drew = b.g.draw(0, logits)
	}
	return nil
}

// fork gives each continuation of a prompt that is now computed a session of
// its own.
func (s *scheduler) fork() {
	for i := range s.rows {
		r := &s.rows[i]
		if !r.last {
			continue
		}
		if err := r.j.base.keepPrefix(); err != nil {
			r.j.branches[0].drew = err
		}
		for _, b := range r.j.branches[1:] {
			f, err := r.j.base.Fork()
			if err != nil {
				b.drew = err
				continue
			}
			b.g.s = f
			s.own(r.j, f)
		}
	}
}

// push queues an output and reports whether the reader is behind.
func (j *Job) push(o Output, now time.Time) bool {
	j.mu.Lock()
	j.out = append(j.out, o)
	j.bytes += len(o.Token.Text)
	j.usage.OutputTokens++
	j.usage.Decode = now.Sub(j.queued) - j.usage.Queue - j.usage.Prefill
	j.stalled = j.stalled || len(j.out) >= maxUnread || j.bytes >= maxUnreadBytes
	behind := j.stalled
	j.mu.Unlock()
	j.signal()
	return behind
}

// prefilled notes that the prompt is computed.
func (j *Job) prefilled(now time.Time) {
	j.mu.Lock()
	j.usage.Prefill = now.Sub(j.queued) - j.usage.Queue
	j.mu.Unlock()
}

// account adds the cache of a branch that has ended.
func (j *Job) account(b *branch, e *Engine) {
	c := e.cache.Config()
	n := b.g.s.seq.Len()
	j.mu.Lock()
	j.usage.DenseBytes += c.SeqBytes(n, 1)
	j.usage.CacheBytes += e.seqBytes(b.g.s)
	j.mu.Unlock()
}
