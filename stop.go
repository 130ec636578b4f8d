package kvasir

import "strings"

// stopper looks for stop strings in a text that arrives in pieces. It holds
// back the longest end of the text that is a beginning of a stop string.
type stopper struct {
	stops []string
	held  string
}

// push adds text and returns what may be shown, and whether a stop string was
// found; the text from there on is dropped.
func (s *stopper) push(text []byte) (show string, hit bool) {
	if len(text) == 0 {
		return "", false
	}
	if len(s.stops) == 0 {
		return string(text), false
	}
	s.held += string(text)
	at := -1
	for _, stop := range s.stops {
		if i := strings.Index(s.held, stop); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at >= 0 {
		show, s.held = s.held[:at], ""
		return show, true
	}
	n := len(s.held) - s.hold()
	show, s.held = s.held[:n], s.held[n:]
	return show, false
}

// hold returns the length of the longest suffix of the held text that begins a
// stop string.
func (s *stopper) hold() int {
	longest := 0
	for _, stop := range s.stops {
		for n := min(len(stop)-1, len(s.held)); n > longest; n-- {
			if strings.HasSuffix(s.held, stop[:n]) {
				longest = n
			}
		}
	}
	return longest
}

// flush returns what is still held back.
func (s *stopper) flush() string {
	show := s.held
	s.held = ""
	return show
}
