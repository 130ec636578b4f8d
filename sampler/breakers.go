package sampler

import (
	"bytes"
	"slices"
	"strings"
	"sync"
)

const (
	maxBreaker = 40 // bytes of a sequence breaker
	maxTail    = 20 // tokens of a breaker behind the first
)

// Breakers finds out which tokens DRY's sequence breakers are made of, and remembers
// it. It is safe for concurrent use.
type Breakers struct {
	size   int
	piece  func(id int32) []byte
	encode func(text string) []int32

	mu    sync.Mutex
	known map[string][][]int32
}

// maxKnownBreakers bounds the memory of Breakers against ever new texts.
const maxKnownBreakers = 64

// NewBreakers takes a vocabulary of size tokens: piece returns the text that a token
// adds, special tokens included, and encode the tokens of a text in which nothing is
// special. Both must be safe for concurrent use.
func NewBreakers(size int, piece func(id int32) []byte, encode func(text string) []int32) *Breakers {
	return &Breakers{size: size, piece: piece, encode: encode, known: map[string][][]int32{}}
}

// Sequences returns every token sequence in which text may appear: a token that
// contains it, alone; or a token that ends with a beginning of it, followed by the
// tokens of the rest, at most 20. The result must not be changed.
func (b *Breakers) Sequences(text string) [][]int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if seqs, ok := b.known[text]; ok {
		return seqs
	}
	if len(b.known) >= maxKnownBreakers {
		clear(b.known)
	}
	b.known[text] = b.find(text)
	return b.known[text]
}

// find computes Sequences: one look at each token.
func (b *Breakers) find(text string) [][]int32 {
	tails := make([][]int32, len(text)) // of the text behind the first i bytes
	for i := 1; i < len(text); i++ {
		tail := b.encode(text[i:])
		tails[i] = tail[:min(len(tail), maxTail)]
	}
	whole, seqs := []byte(text), [][]int32(nil)
	for id := range int32(b.size) {
		piece := b.piece(id)
		if bytes.Contains(piece, whole) {
			seqs = append(seqs, []int32{id})
			continue
		}
		for i := 1; i < len(text); i++ {
			if bytes.HasSuffix(piece, whole[:i]) {
				seqs = append(seqs, append([]int32{id}, tails[i]...))
			}
		}
	}
	return seqs
}

// breakers returns the set for the settings p.
func (v Vocab) breakers(p Params) (*breakerSet, error) {
	texts := p.DRYBreakers
	if texts == nil {
		texts = DefaultBreakers()
	}
	set := &breakerSet{tails: map[int32][][]int32{}}
	if len(texts) == 0 {
		return set, nil
	}
	if v.Breakers == nil {
		return nil, &ParamError{Param: "dry_sequence_breakers", Value: strings.Join(texts, " "), Reason: "need a vocabulary with texts (an empty list needs none)"}
	}
	for _, text := range texts {
		for _, seq := range v.Breakers.Sequences(text) {
			set.tails[seq[0]] = append(set.tails[seq[0]], seq[1:])
		}
	}
	return set, nil
}

// breakerSet maps the first token of a sequence breaker to the tokens that complete
// it. It is never changed and may be shared.
type breakerSet struct{ tails map[int32][][]int32 }

// single reports whether tok is a breaker by itself.
func (s *breakerSet) single(tok int32) bool {
	return slices.ContainsFunc(s.tails[tok], func(tail []int32) bool { return len(tail) == 0 })
}

// limit returns how many of the last tokens come behind the last complete breaker, of
// the longest where several begin at the same token; all when there is none.
func (s *breakerSet) limit(toks []int32) int {
	n := len(toks)
	for i := range n {
		longest := -1
		for _, tail := range s.tails[toks[n-1-i]] {
			if len(tail) <= i && len(tail) > longest && slices.Equal(tail, toks[n-i:n-i+len(tail)]) {
				longest = len(tail)
			}
		}
		if longest >= 0 {
			return i - longest
		}
	}
	return n
}
