package tokenizer

import (
	"cmp"
	"slices"
)

// fragment is a stretch of a text: a special token, or plain text.
type fragment struct {
	start, end int
	token      int32 // none for plain text
}

// match is a special token found in a text; node is its state in the automaton.
type match struct {
	start, end int
	node       int32
}

// partitioner cuts texts at special tokens. Its buffers are reused between texts.
type partitioner struct {
	t         *Tokenizer
	text      []byte
	trusted   []interval // where control tokens may stand; sorted, disjoint
	matches   []match
	demoted   []match // min-heap by longerFirst
	taken     []bool
	fragments []fragment
}

// interval is the half-open range [start, end) of byte offsets.
type interval struct{ start, end int }

// cut returns the fragments of text in order, without empty ones. User-defined
// tokens are cut everywhere, control and unknown tokens only where all their bytes
// lie in one trusted interval. The result is valid until the next call.
//
// Where special tokens overlap, a longer one wins over a shorter one, and the
// earlier wins among equals: the text is cut as if it were searched for each token
// in turn, longest first.
func (p *partitioner) cut(text []byte, trusted []interval) []fragment {
	p.text, p.trusted = text, trusted
	p.fragments = p.fragments[:0]
	overlap := p.findMatches()
	if overlap || p.t.strip {
		p.resolve()
	} else {
		slices.Reverse(p.matches)
		for _, m := range p.matches {
			p.accept(m)
		}
	}
	return p.fillGaps()
}

// findMatches lists the longest permitted token at each position, last position
// first, and reports whether any two overlap.
func (p *partitioner) findMatches() (overlap bool) {
	p.matches = p.matches[:0]
	a := p.t.automaton
	state := int32(0)
	next := len(p.text)
	for i := len(p.text) - 1; i >= 0; i-- {
		state = a.step(state, p.text[i])
		m, ok := p.permitted(i, a.longest(state))
		if !ok {
			continue
		}
		p.matches = append(p.matches, m)
		overlap = overlap || m.end > next
		next = i
	}
	return overlap
}

// permitted returns the longest permitted token at start among node's and the
// shorter ones after it.
func (p *partitioner) permitted(start int, node int32) (match, bool) {
	a := p.t.automaton
	for ; node != 0; node = a.nodes[node].shorter {
		id := a.nodes[node].token
		m := match{start, start + len(p.t.vocab.text(id)), node}
		if p.t.vocab.types[id] == UserDefined || p.isTrusted(m) {
			return m, true
		}
	}
	return match{}, false
}

func (p *partitioner) isTrusted(m match) bool {
	i, found := slices.BinarySearchFunc(p.trusted, m.start, func(t interval, start int) int { return cmp.Compare(t.start, start) })
	if !found {
		i--
	}
	return i >= 0 && m.end <= p.trusted[i].end
}

// longerFirst is the order in which overlapping tokens are served.
func longerFirst(a, b match) int {
	if c := cmp.Compare(b.end-b.start, a.end-a.start); c != 0 {
		return c
	}
	return cmp.Compare(a.start, b.start)
}

// resolve accepts matches longest first. One whose end is taken makes way for the
// next shorter token at its start.
func (p *partitioner) resolve() {
	slices.SortFunc(p.matches, longerFirst)
	p.taken = append(p.taken[:0], make([]bool, len(p.text))...)
	p.demoted = p.demoted[:0]
	for next := 0; next < len(p.matches) || len(p.demoted) > 0; {
		var m match
		if len(p.demoted) == 0 || next < len(p.matches) && longerFirst(p.matches[next], p.demoted[0]) < 0 {
			m = p.matches[next]
			next++
		} else {
			m = p.demoted[0]
			p.demoted = popMatch(p.demoted)
		}
		// A taken stretch is never shorter than m, so that it covers one of m's
		// ends if it touches m at all.
		switch {
		case p.taken[m.start]:
		case !p.taken[m.end-1]:
			p.accept(p.eatSpace(m))
		default:
			if m, ok := p.permitted(m.start, p.t.automaton.nodes[m.node].shorter); ok {
				p.demoted = pushMatch(p.demoted, m)
			}
		}
	}
	slices.SortFunc(p.fragments, func(a, b fragment) int { return cmp.Compare(a.start, b.start) })
}

// eatSpace widens m by the free white space that its token strips, and takes it.
func (p *partitioner) eatSpace(m match) match {
	id := p.t.automaton.nodes[m.node].token
	if p.t.stripLeft[id] {
		for m.start > 0 && !p.taken[m.start-1] && isSpaceASCII(p.text[m.start-1]) {
			m.start--
		}
	}
	if p.t.stripRight[id] {
		for m.end < len(p.text) && !p.taken[m.end] && isSpaceASCII(p.text[m.end]) {
			m.end++
		}
	}
	for i := m.start; i < m.end; i++ {
		p.taken[i] = true
	}
	return m
}

func (p *partitioner) accept(m match) {
	p.fragments = append(p.fragments, fragment{m.start, m.end, p.t.automaton.nodes[m.node].token})
}

// fillGaps puts the plain text between the special tokens.
func (p *partitioner) fillGaps() []fragment {
	if len(p.fragments) == 0 {
		if len(p.text) > 0 {
			p.fragments = append(p.fragments, fragment{0, len(p.text), none})
		}
		return p.fragments
	}
	tokens := len(p.fragments)
	at := 0
	for _, f := range p.fragments[:tokens] {
		if f.start > at {
			p.fragments = append(p.fragments, fragment{at, f.start, none})
		}
		p.fragments = append(p.fragments, f)
		at = f.end
	}
	if at < len(p.text) {
		p.fragments = append(p.fragments, fragment{at, len(p.text), none})
	}
	return p.fragments[tokens:]
}

func isSpaceASCII(b byte) bool {
	return b == ' ' || '\t' <= b && b <= '\r'
}

// pushMatch and popMatch keep a binary min-heap by longerFirst.
func pushMatch(h []match, m match) []match {
	h = append(h, m)
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if longerFirst(h[parent], h[i]) <= 0 {
			break
		}
		h[parent], h[i] = h[i], h[parent]
		i = parent
	}
	return h
}

func popMatch(h []match) []match {
	last := len(h) - 1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			return h
		}
		if c+1 < last && longerFirst(h[c+1], h[c]) < 0 {
			c++
		}
		if longerFirst(h[i], h[c]) <= 0 {
			return h
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}
