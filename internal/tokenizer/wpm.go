package tokenizer

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wpm is WordPiece as BERT uses it (Devlin et al., 2019; Schuster & Nakajima, 2012):
// words are made of the longest tokens from the left, and a word that cannot be made
// up entirely is unknown. A token that starts a word is stored with U+2581 before it.
type wpm struct {
	vocab        *vocabulary
	lowercase    bool
	stripAccents bool
	unknown      int32
	lengths      []bool // whether any token has so many bytes
}

func newWPM(r *reader, v *vocabulary, unknown int32) (*wpm, error) {
	w := &wpm{vocab: v, unknown: unknown, lengths: make([]bool, v.longest+1)}
	w.lowercase = r.bool(keyLowercase, true)
	w.stripAccents = r.bool(keyStripAccents, w.lowercase)
	for id := range int32(v.size()) {
		w.lengths[len(v.text(id))] = true
	}
	return w, r.err
}

func (w *wpm) fragment(e *encoder, text []byte, _ bool) {
	if w.stripAccents {
		e.mapped = norm.NFD.Append(e.mapped[:0], text...)
		text = e.mapped
	}
	table := classes()
	e.scratch = append(e.scratch[:0], spaceMark...)
	flush := func() {
		if len(e.scratch) > len(spaceMark) {
			w.word(e, e.scratch)
			e.scratch = e.scratch[:len(spaceMark)]
		}
	}
	for i := 0; i < len(text); {
		c, n := utf8.DecodeRune(text[i:])
		i += n
		switch p := table.of(c); {
		case p&space != 0:
			flush()
		case c == 0 || c == utf8.RuneError || unicode.In(c, unicode.Cc, unicode.Cf, unicode.Co):
		case w.stripAccents && p&mark != 0 && unicode.Is(unicode.Mn, c):
		case p&punct != 0 || p&symbol != 0 && c < runeSelf || isIdeograph(c):
			flush()
			e.scratch = utf8.AppendRune(e.scratch, w.fold(c))
			flush()
		default:
			e.scratch = utf8.AppendRune(e.scratch, w.fold(c))
		}
	}
	flush()
}

func (w *wpm) fold(c rune) rune {
	if w.lowercase {
		return unicode.ToLower(c)
	}
	return c
}

// word appends the ids of one word, which starts with U+2581.
func (w *wpm) word(e *encoder, word []byte) {
	if e.cache.get(e, word) {
		return
	}
	start := len(e.out)
	for at := 0; at < len(word); {
		n, id := w.longestToken(word[at:])
		if id == none {
			e.out = append(e.out[:start], w.unknown)
			break
		}
		e.out = append(e.out, id)
		at += n
	}
	e.cache.put(word, e.out[start:])
}

// longestToken returns the longest token that text starts with.
func (w *wpm) longestToken(text []byte) (n int, id int32) {
	for n = min(len(text), w.vocab.longest); n > 0; n-- {
		if !w.lengths[n] || n < len(text) && !utf8.RuneStart(text[n]) {
			continue
		}
		if id = w.vocab.findText(text[:n]); id != none {
			return n, id
		}
	}
	return 0, none
}

// isIdeograph reports whether c is a word of its own in BERT's view: the CJK blocks
// of its normalizer, which leaves out the beginning of extension E.
func isIdeograph(c rune) bool {
	switch {
	case c < 0x3400:
		return false
	case c <= 0x4DBF, 0x4E00 <= c && c <= 0x9FFF, 0xF900 <= c && c <= 0xFAFF:
		return true
	case 0x20000 <= c && c <= 0x2A6DF, 0x2A700 <= c && c <= 0x2B81F, 0x2B920 <= c && c <= 0x2CEAF, 0x2F800 <= c && c <= 0x2FA1F:
		return true
	}
	return false
}
