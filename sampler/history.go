package sampler

import "slices"

// history holds the last limit tokens in one piece: it appends up to twice as many,
// then moves the newest half to the front.
type history struct {
	limit int // -1: all
	toks  []int32
}

// push appends tok and forgets what is older than limit.
func (h *history) push(tok int32) {
	if h.limit >= 0 && len(h.toks)-h.limit >= h.limit {
		h.toks = h.toks[:copy(h.toks, h.toks[len(h.toks)-h.limit:])]
	}
	h.toks = append(h.toks, tok)
}

// last returns the last limit tokens, oldest first, valid until the next push.
func (h *history) last() []int32 {
	if h.limit < 0 {
		return h.toks
	}
	return h.toks[max(0, len(h.toks)-h.limit):]
}

// clone returns a deep copy.
func (h *history) clone() history {
	c := *h
	c.toks = slices.Clone(h.last())
	return c
}
