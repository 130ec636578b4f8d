package grammar

// maxForced is how many bytes are looked ahead for.
const maxForced = 512

// Forced implements sampler.Constraint. Where the grammar leaves one text only, such
// as the name of the next property, it is the tokens that the model would expect for
// that text, without those that longer tokens might replace once it is known how the
// text goes on. Elsewhere it is the only token of the mask, if there is just one.
func (m *Matcher) Forced(limit int) []int32 {
	m.plan()
	q := m.here().queue
	return q[:max(0, min(limit, len(q)))]
}

// plan computes the queue of the present point. It is kept from token to token, so
// that it does not matter whether the tokens are asked for one by one.
func (m *Matcher) plan() {
	if p := m.here(); !p.planned {
		p.queue, p.planned = m.forced(), true
	}
}

func (m *Matcher) forced() []int32 {
	if m.over {
		return nil
	}
	if m.Done() {
		return m.v.end[:min(1, len(m.v.end))]
	}
	text, closed := m.forcedText()
	if toks := m.tokens(text, closed); len(toks) > 0 {
		return toks
	}
	if len(text) == 0 {
		return nil
	}
	if e, err := m.entry(); err == nil && e.count == 1 {
		return []int32{e.only}
	}
	return nil
}

// forcedText returns the bytes that must follow; closed: nothing can follow them.
func (m *Matcher) forcedText() (text []byte, closed bool) {
	m.g.mu.Lock()
	defer m.g.mu.Unlock()
	var a, b config
	a.copyFrom(m.now())
	for len(text) < maxForced {
		x, ok := m.g.nextByte(&a)
		if !ok {
			break
		}
		if !m.g.advance(&b, &a, x) {
			return nil, false
		}
		text = append(text, x)
		a, b = b, a
	}
	closed = a.ended
	for _, it := range a.items {
		if d := &m.g.states[it.state]; d.bytes || d.toks {
			closed = false
		}
	}
	return text, closed
}

// tokens returns tokens that spell the beginning of text.
func (m *Matcher) tokens(text []byte, closed bool) []int32 {
	if len(text) < 2 || m.v.encode == nil {
		return nil
	}
	toks := m.v.encode(string(text))
	at, keep := 0, 0
	for _, id := range toks {
		p := m.v.piece(id)
		if len(p) == 0 || at+len(p) > len(text) || string(text[at:at+len(p)]) != string(p) {
			return nil // the tokens spell another text
		}
		if n := m.v.all.find(text[at:]); !closed && n >= 0 && !m.v.all.leaf(n) {
			break // a longer token may begin here
		}
		at += len(p)
		keep++
	}
	return toks[:keep]
}
