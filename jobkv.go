package kvasir

// checkSession reports a setting that no session could be opened with.
func (e *Engine) checkSession(o SessionSettings) error {
	s, err := e.sessionFor(o)
	if err != nil {
		return err
	}
	return s.Close()
}

// sessionFor opens a session of a job.
func (e *Engine) sessionFor(o SessionSettings) (*Session, error) { return e.NewSessionWith(o) }

// reuse looks for what the engine has computed of the prompt already. Scores
// need every row.
func (j *Job) reuse(e *Engine) error {
	if e.prefixes == nil || j.req.Score {
		return nil
	}
	s, err := e.sessionFor(j.req.Session)
	if err != nil {
		return err
	}
	s.tokens = append(s.tokens, j.prompt...)
	s.reuse()
	if s.seq.Len() == 0 {
		return s.Close()
	}
	j.ready, j.usage.CachedTokens = s, s.seq.Len()
	return nil
}

// start returns the session that computes the prompt of a job.
func (j *Job) start(s *scheduler) (*Session, error) {
	s.mu.Lock()
	sess := j.ready
	j.ready = nil
	s.mu.Unlock()
	if sess == nil {
		var err error
		if sess, err = s.eng.sessionFor(j.req.Session); err != nil {
			return nil, err
		}
		sess.tokens = append(sess.tokens, j.prompt...)
	}
	sess.prompt = len(j.prompt)
	return sess, nil
}

// seqBytes is what the cache of a session takes.
func (e *Engine) seqBytes(s *Session) int64 { return s.seq.Stats().Bytes }

// longest is how many tokens a session with these settings may see, and how
// many slots a lane of its cache may have between two passes.
func (e *Engine) longest(o SessionSettings) (tokens, slots int) {
	if o.KV == "" {
		o.KV = e.opts.KV
	}
	n, endless := e.cache.Bound(o.KV)
	if !endless {
		return e.opts.Context, e.opts.Context
	}
	return maxContext, min(n, e.opts.Context)
}
