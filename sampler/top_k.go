package sampler

// topK keeps the k best candidates, sorted.
type topK struct {
	stateless
	k int
}

// newTopK returns nil when k is 0 or less.
func newTopK(p Params, _ Vocab) (Stage, error) {
	if p.TopK <= 0 {
		return nil, nil
	}
	return topK{k: p.TopK}, nil
}

// Name implements Stage.
func (topK) Name() string { return "top_k" }

// Clone implements Stage.
func (s topK) Clone() Stage { return s }

// Apply implements Stage.
func (s topK) Apply(c *Cand, _ Rand) error {
	c.cut(len(c.leaders(s.k)))
	return nil
}
