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
