package grammar

import (
	"unicode/utf8"

	"kvasir/sampler"
)

// Vocab is a vocabulary prepared for masks. It is safe for concurrent use.
type Vocab struct {
	size   int
	end    []int32
	piece  func(id int32) []byte
	encode func(text string) []int32

	all *trie // every token with a text
	// ordinary are the tokens of at most plainMax ordinary characters; rest is the
	// tree of the others.
	ordinary *sampler.Bitset
	rest     *trie
}

// plainMax is how many ordinary characters a token may have to be allowed without a
// walk.
const plainMax = 32

// NewVocab prepares the tokens 0 to size-1. piece returns the bytes that a token adds
// to the text, none for tokens that must not appear in constrained text (control
// tokens); the bytes are kept and must not change. end are the tokens that end a
// text. encode returns the tokens that the model would expect for a text; nil
// switches off [Matcher.Forced] for texts of several tokens.
func NewVocab(size int, end []int32, piece func(id int32) []byte, encode func(text string) []int32) *Vocab {
	v := &Vocab{size: size, end: end, piece: piece, encode: encode, ordinary: sampler.NewBitset(size)}
	var all, rest []int32
	ended := map[int32]bool{}
	for _, id := range end {
		ended[id] = true
	}
	for id := range int32(size) {
		p := piece(id)
		if len(p) == 0 || len(p) > maxPiece || ended[id] {
			continue
		}
		all = append(all, id)
		if ordinary(p) {
			v.ordinary.Set(id)
		} else {
			rest = append(rest, id)
		}
	}
	v.all, v.rest = newTrie(all, piece), newTrie(rest, piece)
	return v
}

// ordinary says whether a text is at most plainMax whole characters that stand for
// themselves in a JSON string.
func ordinary(p []byte) bool {
	n := 0
	for len(p) > 0 {
		r, size := utf8.DecodeRune(p)
		if n++; n > plainMax || r == utf8.RuneError && size == 1 || r < ' ' || r == '"' || r == '\\' {
			return false
		}
		p = p[size:]
	}
	return true
}

// plainSpans are the encodings of ordinary characters.
var plainSpans = func() (all [][]byteSpan) {
	ranges := notClass(0, ' '-1, '"', '"', '\\', '\\').ranges
	for i := 0; i < len(ranges); i += 2 {
		encodings(ranges[i], ranges[i+1], func(s []byteSpan) {
			all = append(all, append([]byteSpan(nil), s...))
		})
	}
	return all
}()

// plain returns how many ordinary characters state s takes at least, whichever they
// are and without leaving its rule; at most plainMax.
func (g *Grammar) plain(s int32) int {
	if known := g.states[s].plain; known > 0 {
		return int(known - 1)
	}
	seen := map[int32]bool{s: true}
	edge := []int32{s}
	n := 0
	for n < plainMax && len(edge) > 0 {
		next := map[int32]bool{}
		ok := true
		for _, e := range edge {
			ok = ok && g.plainStep(e, next)
		}
		if !ok {
			break
		}
		n++
		edge = edge[:0]
		for t := range next {
			if !seen[t] {
				seen[t] = true
				edge = append(edge, t)
			}
		}
		if len(edge) == 0 {
			n = plainMax
		}
	}
	g.states[s].plain = int32(n + 1)
	return n
}

// plainStep adds the states after an ordinary character to next, and returns whether
// s takes each of them.
func (g *Grammar) plainStep(s int32, next map[int32]bool) bool {
	if !g.states[s].bytes {
		return false
	}
	for _, spans := range plainSpans {
		if !g.spans(s, spans, next) {
			return false
		}
	}
	return true
}

// spans follows every way through byte ranges.
func (g *Grammar) spans(s int32, spans []byteSpan, next map[int32]bool) bool {
	if len(spans) == 0 {
		next[s] = true
		return true
	}
	for b := int(spans[0].lo); b <= int(spans[0].hi); b++ {
		if b > int(spans[0].lo) && g.classes[b] == g.classes[b-1] {
			continue
		}
		t := g.step(s, byte(b))
		if t == dead || !g.spans(t, spans[1:], next) {
			return false
		}
	}
	return true
}
