package tokenizer

import "unicode/utf8"

// Stream decodes the ids of one generation as they come. What it returns is always
// valid UTF-8: a character whose bytes come in several tokens is held back until it
// is whole, and bytes that can be no character become U+FFFD, one for each
// truncated character and one for each stray byte. Not safe for concurrent use.
type Stream struct {
	t       *Tokenizer
	opts    DecodeOptions
	opening bool
	pending []byte // the beginning of a character, at most 3 bytes
	in, out []byte
}

// NewStream returns a stream of the tokenizer's text; CleanSpaces has no effect.
func (t *Tokenizer) NewStream(o DecodeOptions) *Stream {
	return &Stream{t: t, opts: o, opening: true}
}

// Next takes the next id and returns the text that is now settled, which may be
// empty. It is valid until the next call.
func (s *Stream) Next(id int32) []byte {
	s.in = append(append(s.in[:0], s.pending...), s.t.piece(id, s.opts, &s.opening)...)
	in := s.in
	s.out = s.out[:0]
	for len(in) > 0 {
		r, n := utf8.DecodeRune(in)
		if r == utf8.RuneError && n == 1 {
			if !utf8.FullRune(in) {
				break
			}
			n = brokenLength(in)
		}
		s.out = utf8.AppendRune(s.out, r)
		in = in[n:]
	}
	s.pending = append(s.pending[:0], in...)
	return s.out
}

// Flush ends the text: a character that never became whole is returned as U+FFFD.
// The stream can then begin another text.
func (s *Stream) Flush() []byte {
	s.out = s.out[:0]
	if len(s.pending) > 0 {
		s.out = utf8.AppendRune(s.out, utf8.RuneError)
	}
	s.pending, s.opening = s.pending[:0], true
	return s.out
}

// Pending returns how many bytes are held back.
func (s *Stream) Pending() int { return len(s.pending) }

// brokenLength returns how many of the bytes in, which start no valid character,
// are the beginning of one that is cut short; at least 1.
func brokenLength(in []byte) int {
	n := 1
	for n < len(in) && n < utf8.UTFMax-1 && !utf8.FullRune(in[:n+1]) {
		n++
	}
	return n
}
