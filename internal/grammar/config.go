package grammar

import "slices"

// frame is a call that is not finished: where to go on after it. Frames are never
// changed, so stacks share their tails.
type frame struct {
	state int32
	depth int32
	below *frame
	hash  uint64
}

// item is a place in the grammar: a state and the calls it is inside of; nil below
// is the end of the text, or unknown (base).
type item struct {
	state int32
	stack *frame
}

// base is the unknown stack below the state whose mask is computed. Its depth stands
// for that of any stack that is used with such masks.
var base = &frame{depth: maxDepth / 2}

// config is the set of places that the text so far may have led to.
type config struct {
	items   []item
	ended   bool // the text may end here
	escaped bool // the unknown stack below may go on here
}

func (c *config) reset() { c.items, c.ended, c.escaped = c.items[:0], false, false }

// copyFrom makes c an independent copy of o.
func (c *config) copyFrom(o *config) {
	c.items = append(c.items[:0], o.items...)
	c.ended, c.escaped = o.ended, o.escaped
}

const hashFactor = 0x9E3779B97F4A7C15

func mix(h, x uint64) uint64 {
	h = (h ^ x) * hashFactor
	return h ^ h>>29
}

// push returns the stack with a frame more.
func push(state int32, below *frame) *frame {
	f := &frame{state: state, below: below}
	h := uint64(0x243F6A8885A308D3)
	if below != nil {
		f.depth, h = below.depth+1, below.hash
	}
	f.hash = mix(h, uint64(uint32(state))+1)
	return f
}

// same says whether two stacks are equal.
func same(a, b *frame) bool {
	for a != b {
		if a == nil || b == nil || a.hash != b.hash || a.state != b.state || a.depth != b.depth {
			return false
		}
		a, b = a.below, b.below
	}
	return true
}

// equal says whether two sets were gathered alike; equal sets in another order may
// count as different.
func (c *config) equal(o *config) bool {
	if len(c.items) != len(o.items) || c.ended != o.ended {
		return false
	}
	for i, it := range c.items {
		if it.state != o.items[i].state || !same(it.stack, o.items[i].stack) {
			return false
		}
	}
	return true
}

// hash of a set, by its items in order.
func (c *config) hash() uint64 {
	h := uint64(len(c.items))
	if c.ended {
		h = ^h
	}
	for _, it := range c.items {
		h = mix(h, uint64(uint32(it.state))+1)
		if it.stack != nil {
			h = mix(h, it.stack.hash)
		}
	}
	return h
}

// add puts an item into the set with all that it leads to without a byte: the rules
// that it calls, and its caller where its rule may end.
func (g *Grammar) add(c *config, it item) {
	from := len(c.items)
	g.put(c, it)
	for i := from; i < len(c.items); i++ {
		it := c.items[i]
		calls, final := g.states[it.state].calls, g.states[it.state].final
		for _, k := range calls {
			below := it.stack
			if !k.tail {
				if below != nil && below.depth >= maxDepth {
					continue
				}
				below = push(k.ret, below)
			}
			g.put(c, item{g.start(k.rule), below})
		}
		if !final {
			continue
		}
		switch it.stack {
		case nil:
			c.ended = true
		case base:
			c.escaped = true
		default:
			g.put(c, item{it.stack.state, it.stack.below})
		}
	}
}

// put adds an item that is not there yet.
func (g *Grammar) put(c *config, it item) {
	if it.state == dead {
		return
	}
	for _, o := range c.items {
		if o.state == it.state && same(o.stack, it.stack) {
			return
		}
	}
	if len(c.items) >= maxItems {
		g.fail("more than %d ways to read the text so far", maxItems)
		return
	}
	c.items = append(c.items, it)
}

// alive says whether the text can go on or end.
func (g *Grammar) alive(c *config) bool {
	if c.ended || c.escaped {
		return true
	}
	for _, it := range c.items {
		if d := &g.states[it.state]; d.bytes || d.toks {
			return true
		}
	}
	return false
}

// advance sets dst to the set after byte b and reports whether anything is left.
func (g *Grammar) advance(dst, src *config, b byte) bool {
	dst.reset()
	for _, it := range src.items {
		t := g.step(it.state, b)
		if t == dead {
			continue
		}
		if d := &g.states[t]; len(src.items) == 1 && len(d.calls) == 0 && !d.final {
			dst.items = append(dst.items, item{t, it.stack})
			return true
		}
		g.add(dst, item{t, it.stack})
	}
	return len(dst.items) > 0 && g.alive(dst)
}

// token sets dst to the set after a whole token by token edges, which may be empty;
// only a token with a text is one of a negated set.
func (g *Grammar) token(dst, src *config, id int32, text bool) {
	dst.reset()
	for _, it := range src.items {
		if !g.states[it.state].toks {
			continue
		}
		var outs []int32
		for _, i := range g.states[it.state].nodes {
			if n := &g.a.nodes[i]; n.op == opToken && g.a.sets[n.rule].has(id, text) {
				outs = append(outs, n.out)
			}
		}
		if len(outs) > 0 {
			if t := g.state(outs); t != dead {
				g.add(dst, item{t, it.stack})
			}
		}
	}
}

func (s *tokenSet) has(id int32, text bool) bool {
	return slices.Contains(s.ids, id) != s.negate && (text || !s.negate)
}

// initial returns the set of a text that has not begun.
func (g *Grammar) initial() config {
	var c config
	g.add(&c, item{state: g.start(0)})
	return c
}
