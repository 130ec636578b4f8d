package tokenizer

// Stops looks for stop strings in a text that comes in parts, and holds back what
// may be the beginning of one. It runs one Knuth-Morris-Pratt matcher a stop string,
// so its cost does not depend on how the text is cut. Not safe for concurrent use.
type Stops struct {
	stops   []stopMatcher
	pending []byte // not released yet; its end is the beginning of a stop string
	out     []byte
	done    bool
}

type stopMatcher struct {
	text   string
	border []int // border[i] is the longest proper border of text[:i+1]
	state  int   // bytes of text matched by the end of the input
}

// NewStops returns a matcher of the given strings; empty ones are ignored.
func NewStops(stops []string) *Stops {
	s := &Stops{}
	for _, text := range stops {
		if text == "" {
			continue
		}
		m := stopMatcher{text: text, border: make([]int, len(text))}
		for i := 1; i < len(text); i++ {
			k := m.border[i-1]
			for k > 0 && text[i] != text[k] {
				k = m.border[k-1]
			}
			if text[i] == text[k] {
				k++
			}
			m.border[i] = k
		}
		s.stops = append(s.stops, m)
	}
	return s
}

// Push takes the next part of the text. It returns the text that is released, valid
// until the next call, and the stop string that ended the text, "" while it goes on.
// The first stop string to be complete ends the text, the longest if several are;
// neither it nor what follows is released. After that, Push releases nothing.
func (s *Stops) Push(part []byte) (released []byte, stop string) {
	if s.done {
		return nil, ""
	}
	for _, b := range part {
		s.pending = append(s.pending, b)
		for i := range s.stops {
			if m := &s.stops[i]; m.step(b) && len(m.text) > len(stop) {
				stop = m.text
			}
		}
		if stop != "" {
			s.done = true
			return s.release(len(stop)), stop
		}
	}
	hold := 0
	for _, m := range s.stops {
		hold = max(hold, m.state)
	}
	return s.release(hold), ""
}

// Flush ends the text without a stop string and returns what was held back.
func (s *Stops) Flush() []byte {
	if s.done {
		return nil
	}
	s.done = true
	return s.release(0)
}

// release returns the pending text but for its last hold bytes, which it keeps.
func (s *Stops) release(hold int) []byte {
	n := len(s.pending) - hold
	s.out = append(s.out[:0], s.pending[:n]...)
	s.pending = append(s.pending[:0], s.pending[n:]...)
	return s.out
}

// step takes one byte and reports whether the stop string ends with it.
func (m *stopMatcher) step(b byte) bool {
	if m.state == len(m.text) {
		m.state = m.border[m.state-1]
	}
	for m.state > 0 && b != m.text[m.state] {
		m.state = m.border[m.state-1]
	}
	if b == m.text[m.state] {
		m.state++
	}
	return m.state == len(m.text)
}
