package grammar

import (
	"fmt"
	"math/bits"

	"kvasir/sampler"
)

const (
	maskBudget = 1 << 26 // steps of stacks in one mask
	maskBytes  = 64 << 20
)

// masks are what a grammar knows of one vocabulary.
type masks struct {
	states map[int32]*stateMask
	// Masks by configuration: when recent is full it becomes old, and what is used
	// from there moves back.
	recent, old map[uint64]*entry
}

// stateMask is what a state allows whatever the stack below it.
type stateMask struct {
	ordinary bool            // all ordinary tokens, and
	ids      []int32         // these, or
	set      *sampler.Bitset // these, when there are many
	escapes  []int32         // nodes of the trie after which the rule has ended
	rest     bool            // the nodes are of the trie without ordinary tokens
}

// entry is a finished mask.
type entry struct {
	of    config
	set   *sampler.Bitset
	count int
	only  int32 // a token of the set
}

// walker walks a trie with sets of stacks.
type walker struct {
	g      *Grammar
	t      *trie
	levels []config // by depth
	budget int
	err    error
}

// walk follows the texts below node top, which c has taken, and calls visit at every
// node that is taken.
func (w *walker) walk(top int32, c *config, visit func(node int32, c *config)) {
	t, d0 := w.t, w.t.depth[top]
	w.level(0).copyFrom(c)
	for i := top + 1; i < t.end[top]; {
		d := int(t.depth[i] - d0)
		next := w.level(d) // may move the levels
		from := &w.levels[d-1]
		if w.budget -= len(from.items); w.budget < 0 {
			w.err = fmt.Errorf("a mask of tokens takes more than %d steps: %w", maskBudget, ErrTooComplex)
			return
		}
		if !w.g.advance(next, from, t.bytes[i]) {
			i = t.end[i]
			continue
		}
		visit(i, next)
		i++
	}
}

func (w *walker) level(d int) *config {
	for len(w.levels) <= d {
		w.levels = append(w.levels, config{})
	}
	return &w.levels[d]
}

// mask returns the tokens that may follow c.
func (g *Grammar) mask(v *Vocab, c *config) (*entry, error) {
	m := g.masks[v]
	if m == nil {
		m = &masks{states: map[int32]*stateMask{}, recent: map[uint64]*entry{}}
		g.masks[v] = m
	}
	h := c.hash()
	if e := m.recent[h]; e != nil && e.of.equal(c) {
		return e, nil
	}
	if e := m.old[h]; e != nil && e.of.equal(c) {
		m.keep(h, e, v.size)
		return e, nil
	}
	e := &entry{set: sampler.NewBitset(v.size)}
	e.of.copyFrom(c)
	if err := g.compute(v, m, e); err != nil {
		return nil, err
	}
	e.count = e.set.Count()
	e.only = e.set.First()
	m.keep(h, e, v.size)
	return e, nil
}

// keep stores a mask and forgets the oldest half when there are too many.
func (m *masks) keep(h uint64, e *entry, size int) {
	if len(m.recent) >= max(8, maskBytes/2/(size/8+256)) {
		m.old, m.recent = m.recent, map[uint64]*entry{}
	}
	m.recent[h] = e
}

// compute fills e.set.
func (g *Grammar) compute(v *Vocab, m *masks, e *entry) error {
	w := &walker{g: g, budget: maskBudget}
	c := &e.of
	for _, it := range c.items {
		d := &g.states[it.state]
		if d.toks {
			g.tokenEdges(v, it.state, e.set)
		}
		if !g.states[it.state].bytes {
			continue
		}
		if it.stack != nil && it.stack.depth > maxDepth/2 {
			w.deep(v, it, e.set)
		} else if err := w.item(v, m, it, e.set); err != nil {
			return err
		}
		if w.err != nil {
			return w.err
		}
	}
	if c.ended {
		for _, id := range v.end {
			e.set.Set(id)
		}
	}
	return g.err
}

// deep walks everything with the real stack: near the limit of the depth the masks
// of states, which know no depth, do not hold.
func (w *walker) deep(v *Vocab, it item, set *sampler.Bitset) {
	w.t = v.all
	w.walk(0, &config{items: []item{it}}, func(n int32, _ *config) { setAll(set, w.t.tokens(n)) })
}

// item adds what one item allows.
func (w *walker) item(v *Vocab, m *masks, it item, set *sampler.Bitset) error {
	s := m.states[it.state]
	if s == nil {
		s = w.state(v, it.state)
		if w.err != nil {
			return w.err
		}
		m.states[it.state] = s
	}
	if s.ordinary {
		set.Or(v.ordinary)
	}
	if s.set != nil {
		set.Or(s.set)
	}
	setAll(set, s.ids)
	if len(s.escapes) == 0 || it.stack == nil {
		return nil
	}
	var below config
	w.g.add(&below, item{it.stack.state, it.stack.below})
	w.t = v.all
	if s.rest {
		w.t = v.rest
	}
	for _, n := range s.escapes {
		w.walk(n, &below, func(n int32, _ *config) { setAll(set, w.t.tokens(n)) })
	}
	return w.err
}

func setAll(set *sampler.Bitset, ids []int32) {
	for _, id := range ids {
		set.Set(id)
	}
}

// state computes what a state allows.
func (w *walker) state(v *Vocab, state int32) *stateMask {
	s := &stateMask{}
	w.t = v.all
	if w.g.plain(state) >= plainMax {
		s.ordinary, s.rest, w.t = true, true, v.rest
	}
	set := sampler.NewBitset(v.size)
	w.walk(0, &config{items: []item{{state, base}}}, func(n int32, c *config) {
		setAll(set, w.t.tokens(n))
		if c.escaped && !w.t.leaf(n) {
			s.escapes = append(s.escapes, n)
		}
	})
	if set.Count() > v.size/64 {
		s.set = set
		return s
	}
	s.ids = set.AppendTo(nil)
	return s
}

// tokenEdges adds the tokens that are edges themselves. A negated set means any token
// but the ends of a text and those without one.
func (g *Grammar) tokenEdges(v *Vocab, state int32, set *sampler.Bitset) {
	for _, i := range g.states[state].nodes {
		n := &g.a.nodes[i]
		if n.op != opToken {
			continue
		}
		if s := &g.a.sets[n.rule]; s.negate {
			for _, id := range v.all.order {
				if s.has(id, true) {
					set.Set(id)
				}
			}
		} else {
			setAll(set, s.ids)
		}
	}
}

// nextByte returns the only byte that may follow c, if there is just one and the text
// cannot end.
func (g *Grammar) nextByte(c *config) (byte, bool) {
	var all [4]uint64
	for _, it := range c.items {
		d := &g.states[it.state]
		if d.toks {
			return 0, false
		}
		for i, w := range d.first {
			all[i] |= w
		}
	}
	n, b := 0, 0
	for i, w := range all {
		if w != 0 {
			n += bits.OnesCount64(w)
			b = 64*i + bits.TrailingZeros64(w)
		}
	}
	return byte(b), n == 1 && !c.ended
}
