package eval

import (
	"kvasir"
)

// engineOptions are those of the engine that a setting runs on: the policy is the
// session's own.
func (s *Setting) engineOptions(base kvasir.Options) kvasir.Options {
	base.KV, base.KVType, base.Attention = "dense", s.Type, s.Attention
	return base
}

// session starts a session of a setting; slots is the budget where the setting
// asks for a share of the bytes.
func (r *Runner) session(s *Setting, slots int) (*kvasir.Session, error) {
	e, err := r.engine(s)
	if err != nil {
		return nil, err
	}
	return e.NewSessionWith(kvasir.SessionOptions{KV: s.withBudget(slots)})
}
