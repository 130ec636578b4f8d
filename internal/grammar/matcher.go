package grammar

import (
	"fmt"
	"slices"

	"kvasir/sampler"
)

// Matcher follows one text through a grammar. It implements [sampler.Constraint] and
// belongs to one goroutine; the grammar may be shared.
type Matcher struct {
	g    *Grammar
	v    *Vocab
	name string
	past []point // one before each accepted token, the present one last
	over bool    // an end token was accepted
}

// point is where a text is.
type point struct {
	config
	queue   []int32 // tokens that are certain to come
	planned bool    // the queue is computed
}

// maxUndo is how many tokens a matcher can take back; a clone starts with a quarter.
const maxUndo = 256

// NewMatcher starts a text. name says in errors what limits it: "grammar".
func NewMatcher(name string, g *Grammar, v *Vocab) (*Matcher, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := &Matcher{g: g, v: v, name: name, past: []point{{config: g.initial()}}}
	return m, m.fail(g.err)
}

func (m *Matcher) fail(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", m.name, err)
}

// Name implements sampler.Constraint.
func (m *Matcher) Name() string { return m.name }

func (m *Matcher) here() *point { return &m.past[len(m.past)-1] }

func (m *Matcher) now() *config { return &m.here().config }

// Mask implements sampler.Constraint.
func (m *Matcher) Mask(dst *sampler.Bitset) error {
	dst.Resize(m.v.size)
	if m.over {
		return nil
	}
	e, err := m.entry()
	if err != nil {
		return err
	}
	dst.CopyFrom(e.set)
	return nil
}

// entry returns the present mask.
func (m *Matcher) entry() (*entry, error) {
	m.g.mu.Lock()
	defer m.g.mu.Unlock()
	if m.g.err != nil {
		return nil, m.fail(m.g.err)
	}
	e, err := m.g.mask(m.v, m.now())
	return e, m.fail(err)
}

// Accept implements sampler.Constraint.
func (m *Matcher) Accept(tok int32) error {
	if m.over {
		return fmt.Errorf("%s: token %d after the end: %w", m.name, tok, sampler.ErrConstraint)
	}
	m.plan()
	m.g.mu.Lock()
	defer m.g.mu.Unlock()
	if slices.Contains(m.v.end, tok) && m.now().ended {
		m.push(point{config: *m.now()})
		m.over = true
		return nil
	}
	var next point
	if q := m.here().queue; len(q) > 1 && q[0] == tok {
		next.queue, next.planned = q[1:], true
	}
	if !m.take(&next.config, tok) {
		if err := m.fail(m.g.err); err != nil {
			return err
		}
		return fmt.Errorf("%s: token %d is not allowed here: %w", m.name, tok, sampler.ErrConstraint)
	}
	m.push(next)
	return m.fail(m.g.err)
}

// push makes c the present state.
func (m *Matcher) push(c point) {
	if len(m.past) > 2*maxUndo {
		m.past = slices.Delete(m.past, 0, maxUndo)
	}
	m.past = append(m.past, c)
}

// take sets next to the state after tok.
func (m *Matcher) take(next *config, tok int32) bool {
	var piece []byte
	if tok >= 0 && int(tok) < m.v.size && !slices.Contains(m.v.end, tok) {
		piece = m.v.piece(tok)
	}
	text := len(piece) > 0 && len(piece) <= maxPiece
	m.g.token(next, m.now(), tok, text)
	if !text {
		return m.g.alive(next)
	}
	var a, b config
	a.copyFrom(m.now())
	for _, x := range piece {
		if !m.g.advance(&b, &a, x) {
			return m.g.alive(next)
		}
		a, b = b, a
	}
	for _, it := range a.items {
		m.g.put(next, it)
	}
	next.ended = next.ended || a.ended
	return true
}

// Done implements sampler.Constraint: only an end token may follow.
func (m *Matcher) Done() bool {
	if !m.Complete() {
		return false
	}
	for _, it := range m.now().items {
		m.g.mu.Lock()
		d := &m.g.states[it.state]
		more := d.bytes || d.toks
		m.g.mu.Unlock()
		if more {
			return false
		}
	}
	return true
}

// Complete implements sampler.Constraint: the text may end here.
func (m *Matcher) Complete() bool { return m.over || m.now().ended }

// Rollback implements sampler.Constraint.
func (m *Matcher) Rollback(n int) error {
	if n < 0 || n >= len(m.past) {
		return fmt.Errorf("%s: cannot take back %d of %d tokens: %w", m.name, n, len(m.past)-1, sampler.ErrConstraint)
	}
	if n > 0 {
		m.past, m.over = m.past[:len(m.past)-n], false
	}
	return nil
}

// Clone implements sampler.Constraint.
func (m *Matcher) Clone() sampler.Constraint {
	c := *m
	c.past = slices.Clone(m.past[max(0, len(m.past)-maxUndo/4):])
	return &c
}
