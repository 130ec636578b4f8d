package tokenizer

import (
	"bytes"
	"fmt"
	"math"
)

// spaceMark is U+2581, which stands for a space in SPM, WPM and raw BPE texts.
const spaceMark = "\u2581"

// spm is SentencePiece's BPE: of all neighbours whose texts together are a token,
// the pair whose token has the highest score merges first (Kudo & Richardson,
// "SentencePiece", 2018; the scores are the ranks of the training, negated).
type spm struct {
	vocab       *vocabulary
	keys        []uint32 // sortKey of the score of each token
	spacePrefix bool     // a text, and what follows a special token, starts with a space
	joins       joinSet
}

func newSPM(r *reader, v *vocabulary, spacePrefix bool) (*spm, error) {
	scores := r.floats(keyScores)
	if r.err != nil {
		return nil, r.err
	}
	if len(scores) < v.size() {
		return nil, fmt.Errorf("%w: %d scores for %d tokens", ErrVocabulary, len(scores), v.size())
	}
	s := &spm{vocab: v, keys: make([]uint32, v.size()), spacePrefix: spacePrefix}
	for i := range s.keys {
		if math.IsNaN(float64(scores[i])) {
			return nil, fmt.Errorf("%w: the score of token %d is not a number", ErrVocabulary, i)
		}
		s.keys[i] = sortKey(scores[i])
	}
	s.joins.fill(v)
	return s, nil
}

func (s *spm) fragment(e *encoder, text []byte, opening bool) {
	e.scratch = e.scratch[:0]
	if s.spacePrefix && opening {
		e.scratch = append(e.scratch, spaceMark...)
	}
	e.scratch = appendMarked(e.scratch, text)
	s.joins.split(e.scratch, e.onWord)
}

func (s *spm) whole(*encoder, []byte) int32 { return none }

func (s *spm) first(word []byte) (int, int32) {
	n := leadLength(word)
	return n, s.vocab.findText(word[:n])
}

func (s *spm) pair(word []byte, l, r *unit) (uint32, int32) {
	id := s.vocab.findText(word[l.start:r.end])
	if id == none {
		return noPair, none
	}
	return s.keys[id], id
}

// spmFallback returns the token for each byte of a character that is no token: the
// byte token, else the byte itself as text, else unknown.
func spmFallback(v *vocabulary, unknown int32) *[256]int32 {
	ids := v.byteTokens()
	for b := range ids {
		if ids[b] == none {
			ids[b] = v.findText([]byte{byte(b)})
		}
		if ids[b] == none {
			ids[b] = unknown
		}
	}
	return &ids
}

// leadLength returns how many bytes the lead byte of word asks for, at most all.
func leadLength(word []byte) int {
	n := 1
	switch b := word[0]; {
	case b >= 0xF0:
		n = 4
	case b >= 0xE0:
		n = 3
	case b >= 0xC0:
		n = 2
	}
	return min(n, len(word))
}

// appendMarked appends text with its spaces as U+2581.
func appendMarked(dst, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, ' ')
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		dst = append(dst, spaceMark...)
		text = text[i+1:]
	}
}

// appendUnmarked appends text with U+2581 as spaces.
func appendUnmarked(dst, text []byte) []byte {
	for {
		i := bytes.Index(text, []byte(spaceMark))
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		dst = append(dst, ' ')
		text = text[i+len(spaceMark):]
	}
}

// joinSet tells where a text can be cut before a U+2581 because no token reaches
// across: it holds the bytes that stand before such a mark within some token. In
// practice it is empty or nearly so, and texts fall into words.
type joinSet [256]bool

func (j *joinSet) fill(v *vocabulary) {
	for id := range int32(v.size()) {
		text := v.text(id)
		for at := 0; ; {
			i := bytes.Index(text[at:], []byte(spaceMark))
			if i < 0 {
				break
			}
			at += i
			if at > 0 && !bytes.HasSuffix(text[:at], []byte(spaceMark)) {
				j[text[at-1]] = true
			}
			at += len(spaceMark)
		}
	}
}

// split hands the words of a marked text to emit in order.
func (j *joinSet) split(text []byte, emit func(word []byte)) {
	start := 0
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte(spaceMark))
		if i < 0 {
			break
		}
		at += i
		if at > start && !j[text[at-1]] && !bytes.HasSuffix(text[start:at], []byte(spaceMark)) {
			emit(text[start:at])
			start = at
		}
		at += len(spaceMark)
	}
	emit(text[start:])
}
