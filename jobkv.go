package kvasir

import "fmt"

// checkSession reports a setting that no session could be opened with.
func (e *Engine) checkSession(o SessionSettings) error {
	if o.KV != "" && o.KV != e.opts.KV {
		return fmt.Errorf("kv %q: %w for single requests; the engine has %q", o.KV, ErrUnsupported, e.opts.KV)
	}
	return nil
}

// sessionFor opens a session of a job.
func (e *Engine) sessionFor(SessionSettings) (*Session, error) { return e.NewSession() }

// seqBytes is what the cache of a session takes.
func (e *Engine) seqBytes(s *Session) int64 {
	c := e.cache.Config()
	return c.SeqBytes(s.seq.Len(), 1)
}
