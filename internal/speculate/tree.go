package speculate

import "kvasir/sampler"

// Node is one drafted token. Node 0 of a tree stands for the last committed token.
type Node struct {
	Token  int32
	Parent int // index of a node before this one; -1 for the root
	Depth  int // 0 for the root
	// Mult is how many of the drafts that were drawn independently run through
	// the node.
	Mult int
	// Tried are the tokens that were drafted to follow, in the order in which a
	// rule tries them: each is the token of a child, and may occur more than once.
	Tried []int32
	// Q is the distribution that Tried was drawn from; nil when it was not drawn:
	// a guess, which has probability 1.
	Q *sampler.Dist
}

// Tree is a draft. It may be used again after Reset.
type Tree struct {
	Nodes []Node
}

// Reset makes t a tree of the root only: the last committed token.
func (t *Tree) Reset(token int32, drafts int) {
	t.Nodes = append(t.Nodes[:0], Node{Token: token, Parent: -1, Mult: drafts})
}

// Child returns the child of node with that token, -1 when there is none.
func (t *Tree) Child(node int, token int32) int {
	for i := node + 1; i < len(t.Nodes); i++ {
		if n := &t.Nodes[i]; n.Parent == node && n.Token == token {
			return i
		}
	}
	return -1
}

// Guess adds one child that was not drawn from a distribution, and returns it.
func (t *Tree) Guess(node int, token int32) int {
	return t.add(node, token)
}

// add records a trial and returns the child that it belongs to.
func (t *Tree) add(node int, token int32) int {
	t.Nodes[node].Tried = append(t.Nodes[node].Tried, token)
	if c := t.Child(node, token); c >= 0 {
		t.Nodes[c].Mult++
		return c
	}
	t.Nodes = append(t.Nodes, Node{Token: token, Parent: node, Depth: t.Nodes[node].Depth + 1, Mult: 1})
	return len(t.Nodes) - 1
}

// Grow draws the trials of a node from q, which the tree keeps: with distinct, n
// different tokens without replacement (fewer when q has fewer), else n
// independent ones. first numbers the first draw at this depth; Grow returns the
// number of the next.
func (t *Tree) Grow(node int, q *sampler.Dist, n int, distinct bool, first int, c Chance) int {
	t.Nodes[node].Q = q
	if !distinct {
		for range n {
			t.add(node, c.Draw(first, q))
			first++
		}
		return first
	}
	var left sampler.Dist
	left.Set(q)
	for range min(n, len(q.IDs)) {
		token := c.Draw(first, &left)
		first++
		t.add(node, token)
		left.P[index(&left, token)] = 0
	}
	return first
}

// Depth is the depth of the deepest node.
func (t *Tree) Depth() int {
	d := 0
	for i := range t.Nodes {
		d = max(d, t.Nodes[i].Depth)
	}
	return d
}

// Path appends the nodes from the root to node, both included.
func (t *Tree) Path(dst []int, node int) []int {
	n := t.Nodes[node].Depth + 1
	for range n {
		dst = append(dst, 0)
	}
	for i := len(dst) - 1; node >= 0; i, node = i-1, t.Nodes[node].Parent {
		dst[i] = node
	}
	return dst
}

// Leaves appends the nodes without children, in order.
func (t *Tree) Leaves(dst []int) []int {
	for i := range t.Nodes {
		if len(t.Nodes[i].Tried) == 0 {
			dst = append(dst, i)
		}
	}
	return dst
}
