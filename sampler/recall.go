package sampler

import (
	"math"
	"slices"
)

// recall remembers the candidates of the position being sampled, so that Accept can
// tell the probability of the token that was taken. It holds for one Accept: tokens
// that were not sampled (prompt, forced) find nothing.
type recall struct {
	valid  bool
	dense  bool
	ids    []int32
	logits []float32
	top, z float64
}

// store remembers c; z is Σ exp(l - max).
func (m *recall) store(c *Cand, z float64) {
	m.valid, m.dense = true, c.IDs == nil
	m.ids, m.logits = append(m.ids[:0], c.IDs...), append(m.logits[:0], c.Logits...)
	m.top, m.z = float64(c.top()), z
}

// take forgets the candidates and returns the probability of tok among them, and false
// when nothing was remembered or tok had no chance.
func (m *recall) take(tok int32) (p float64, ok bool) {
	if !m.valid {
		return 0, false
	}
	m.valid = false
	i := int(tok)
	if !m.dense {
		i = slices.Index(m.ids, tok)
	}
	if i < 0 || i >= len(m.logits) {
		return 0, false
	}
	p = math.Exp(float64(m.logits[i])-m.top) / m.z
	return p, p > 0
}

// clone returns a deep copy.
func (m *recall) clone() recall {
	c := *m
	c.ids, c.logits = nil, nil
	if m.valid {
		c.ids, c.logits = slices.Clone(m.ids), slices.Clone(m.logits)
	}
	return c
}
