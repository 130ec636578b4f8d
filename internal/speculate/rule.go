package speculate

import (
	"slices"

	"kvasir/sampler"
)

// Rule verifies the trials of one node. It may overwrite p. It is used by one
// goroutine at a time.
type Rule interface {
	// Choose returns the token that follows a node with target distribution p, and
	// whether it is one of the trials; q is what they were drawn from, nil for a
	// guess. Over all draws of the trials and all of c, the token has distribution p.
	Choose(p, q *sampler.Dist, tried []int32, c Chance) (token int32, accepted bool)
}

// Walk follows a tree from the root.
type Walk struct {
	Tree *Tree
	Node int // present node; its target distribution is wanted next
	Done bool
}

// Step judges the present node by the target's distribution p there and returns
// the token that follows; c is for its position. p may be overwritten.
func (w *Walk) Step(r Rule, p *sampler.Dist, c Chance) int32 {
	n := &w.Tree.Nodes[w.Node]
	if len(n.Tried) == 0 {
		w.Done = true
		return c.Draw(0, p)
	}
	token, accepted := r.Choose(p, n.Q, n.Tried, c)
	if !accepted {
		w.Done = true
		return token
	}
	w.Node = w.Tree.Child(w.Node, token)
	return token
}

// Take goes to the child with a token that was drawn elsewhere, and reports whether
// there is one.
func (w *Walk) Take(token int32) bool {
	child := w.Tree.Child(w.Node, token)
	if child < 0 {
		w.Done = true
		return false
	}
	w.Node = child
	return true
}

// guessed verifies trials that were not drawn: one token of probability 1.
// Accepting it with probability p(x), else drawing from the rest of p, is the
// ratio rule for that q.
func guessed(p *sampler.Dist, tried []int32, c Chance) (int32, bool) {
	x := tried[0]
	if c.Coin(0, p.Prob(x)) {
		return x, true
	}
	if i := index(p, x); i >= 0 {
		p.P[i] = 0
	}
	return c.Draw(0, p), false
}

// index returns where token lies in d, -1 when it is absent.
func index(d *sampler.Dist, token int32) int {
	if i, ok := slices.BinarySearch(d.IDs, token); ok {
		return i
	}
	return -1
}

// each calls f for every entry of p with the probability that q gives its token.
func each(p, q *sampler.Dist, f func(i int, qx float64)) {
	j := 0
	for i, id := range p.IDs {
		for j < len(q.IDs) && q.IDs[j] < id {
			j++
		}
		if j < len(q.IDs) && q.IDs[j] == id {
			f(i, q.P[j])
		} else {
			f(i, 0)
		}
	}
}
