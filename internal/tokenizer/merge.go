package tokenizer

import (
	"math"
	"unicode/utf8"
)

// unit is a stretch of a word on its way to becoming a token.
type unit struct {
	start, end int32 // byte offsets in the word
	prev, next int32 // neighbours, none at the ends; a dead symbol has end == start
	id         int32 // token, an id past the vocabulary (see ghosts), or none
}

// merger is what tells the merging families apart. Its methods only read.
type merger interface {
	// whole returns the token that word becomes without merging, or none.
	whole(e *encoder, word []byte) int32
	// first returns the length and id of the first symbol of word.
	first(word []byte) (n int, id int32)
	// pair returns what the neighbours l and r merge to; the pair with the lowest
	// key goes first, noPair means that they do not merge.
	pair(word []byte, l, r *unit) (key uint32, id int32)
}

// noPair is the key of symbols that do not merge.
const noPair = math.MaxUint32

// candidate is a possible merge in the queue. It is stale once left is dead or
// right, which may have grown, no longer ends at end.
type candidate struct {
	order            uint64 // key, then left: the lowest goes first
	left, right, end int32
	id               int32
}

const (
	// shortWord is how many symbols are merged by linear search.
	shortWord = 16
	// maxWord bounds the bytes merged as one, so that offsets fit 32 bits.
	maxWord = 1 << 28
)

// word appends the ids of one word to e.out.
func (e *encoder) word(word []byte) {
	for len(word) > maxWord {
		cut := maxWord
		for cut > maxWord-utf8.UTFMax && !utf8.RuneStart(word[cut]) {
			cut--
		}
		e.word(word[:cut])
		word = word[cut:]
	}
	if len(word) == 0 || e.cache.get(e, word) {
		return
	}
	start := len(e.out)
	if id := e.t.merges.whole(e, word); id != none {
		e.out = append(e.out, id)
	} else {
		e.symbolize(word)
		if len(e.symbols) <= shortWord {
			e.mergeShort(word)
		} else {
			e.mergeLong(word)
		}
		e.emit(word)
	}
	e.cache.put(word, e.out[start:])
}

// symbolize cuts word into its first symbols.
func (e *encoder) symbolize(word []byte) {
	e.symbols = e.symbols[:0]
	for at := 0; at < len(word); {
		n, id := e.t.merges.first(word[at:])
		i := int32(len(e.symbols))
		e.symbols = append(e.symbols, unit{int32(at), int32(at + n), i - 1, i + 1, id})
		at += n
	}
	e.symbols[len(e.symbols)-1].next = none
}

// mergeShort merges by looking through all pairs for the best one; removed symbols
// leave the list at once.
func (e *encoder) mergeShort(word []byte) {
	var keys [shortWord]uint32
	var ids [shortWord]int32
	s := e.symbols
	pairs := len(s) - 1
	for i := range pairs {
		keys[i], ids[i] = e.t.merges.pair(word, &s[i], &s[i+1])
	}
	for {
		best, key := 0, uint32(noPair)
		for i, k := range keys[:pairs] {
			if k < key {
				best, key = i, k
			}
		}
		if key == noPair {
			e.symbols = s
			return
		}
		s[best].end, s[best].id = s[best+1].end, ids[best]
		copy(s[best+1:], s[best+2:])
		s = s[:len(s)-1]
		copy(keys[best:pairs], keys[best+1:pairs])
		copy(ids[best:pairs], ids[best+1:pairs])
		pairs--
		if best > 0 {
			keys[best-1], ids[best-1] = e.t.merges.pair(word, &s[best-1], &s[best])
		}
		if best < pairs {
			keys[best], ids[best] = e.t.merges.pair(word, &s[best], &s[best+1])
		}
	}
}

// mergeLong merges with a queue of candidates, O(n log n) in the symbols.
func (e *encoder) mergeLong(word []byte) {
	e.queue = e.queue[:0]
	s := e.symbols
	for i := 1; i < len(s); i++ {
		e.propose(word, int32(i-1), int32(i))
	}
	for len(e.queue) > 0 {
		c := e.popCandidate()
		l, r := &s[c.left], &s[c.right]
		if l.start == l.end || r.start == r.end || r.end != c.end {
			continue
		}
		l.end, l.id, l.next = r.end, c.id, r.next
		r.end = r.start
		if r.next != none {
			s[r.next].prev = c.left
		}
		e.propose(word, l.prev, c.left)
		e.propose(word, c.left, l.next)
	}
	live := s[:0]
	for _, x := range s {
		if x.start != x.end {
			live = append(live, x)
		}
	}
	e.symbols = live
}

// propose queues the merge of the symbols left and right, if there is one.
func (e *encoder) propose(word []byte, left, right int32) {
	if left == none || right == none {
		return
	}
	key, id := e.t.merges.pair(word, &e.symbols[left], &e.symbols[right])
	if key == noPair {
		return
	}
	h := append(e.queue, candidate{uint64(key)<<32 | uint64(left), left, right, e.symbols[right].end, id})
	e.queue = h
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if h[parent].order <= h[i].order {
			break
		}
		h[parent], h[i] = h[i], h[parent]
		i = parent
	}
}

// popCandidate removes the first candidate from the queue, a binary min-heap.
func (e *encoder) popCandidate() candidate {
	h := e.queue
	top, last := h[0], len(h)-1
	moved := h[last]
	h = h[:last]
	e.queue = h
	for i := 0; last > 0; {
		c := 2*i + 1
		if c >= last {
			h[i] = moved
			break
		}
		if c+1 < last && h[c+1].order < h[c].order {
			c++
		}
		if moved.order <= h[c].order {
			h[i] = moved
			break
		}
		h[i] = h[c]
		i = c
	}
	return top
}

// emit appends the ids of the symbols; one that is not a token becomes the tokens
// of its bytes. A byte without a token is left out if it is a control character, and
// becomes U+FFFD if it is part of another character.
func (e *encoder) emit(word []byte) {
	size := int32(e.t.vocab.size())
	for _, s := range e.symbols {
		if s.id >= 0 && s.id < size {
			e.out = append(e.out, s.id)
			continue
		}
		for _, b := range word[s.start:s.end] {
			if id := e.t.fallback[b]; id != none {
				e.out = append(e.out, id)
			} else if b >= utf8.RuneSelf {
				e.out = append(e.out, e.t.replacement...)
			}
		}
	}
}
