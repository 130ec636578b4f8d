package tokenizer

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math/bits"
	"unicode/utf8"
)

// bpe is byte-pair encoding by a list of ranked merges (Sennrich, Haddow & Birch,
// 2016), on bytes mapped to printable characters as GPT-2 does, or, raw, on UTF-8
// with spaces as U+2581.
type bpe struct {
	preTokenizer
	vocab *vocabulary
	pairs pairTable
	// ghosts gives ids past the vocabulary to texts that merges name but that are
	// no token, so that merges can pass through them.
	ghosts map[string]int32
	bytes  [256]int32 // the symbol of each byte; not raw
}

// maxGhosts bounds the ghosts; real files have a few dozen, for bytes that their
// vocabulary lacks.
const maxGhosts = 1 << 16

func newBPE(v *vocabulary, pre preTokenizer, merges stringList) (*bpe, error) {
	b := &bpe{preTokenizer: pre, vocab: v, ghosts: map[string]int32{}}
	b.pairs.init(merges.Len())
	var merged []byte
	last := none
	for i := range merges.Len() {
		m := merges.At(i)
		left, right, ok := cutMerge(m)
		if !ok {
			return nil, fmt.Errorf("%w: merge %d is %q, not two texts with a space between", ErrVocabulary, i, m)
		}
		merged = append(append(merged[:0], left...), right...)
		result := b.result(last, merged)
		if result == none {
			continue
		}
		last = result
		b.pairs.add(b.symbol(left), b.symbol(right), uint32(i), result)
		if len(b.ghosts) > maxGhosts {
			return nil, fmt.Errorf("%w: merges name more than %d texts that are no tokens", ErrVocabulary, maxGhosts)
		}
	}
	for c := range b.bytes {
		b.bytes[c] = b.byteSymbol(byte(c))
	}
	return b, nil
}

// byteSymbol returns the symbol of one byte. DeepSeek's files declare "ö" and other
// names of bytes that no text has to be user-defined tokens: these stand for the
// character then, and the byte has no token.
func (b *bpe) byteSymbol(c byte) int32 {
	id := b.symbol(byteText[c])
	if int(id) < b.vocab.size() && b.vocab.types[id] == UserDefined && len(byteText[c]) > 1 {
		return b.ghost(append([]byte("byte "), byteText[c]...))
	}
	return id
}

// cutMerge splits "a b" at the first space after its first byte.
func cutMerge(m []byte) (left, right []byte, ok bool) {
	if len(m) < 3 {
		return nil, nil, false
	}
	i := bytes.IndexByte(m[1:], ' ') + 1
	if i == 0 || i+1 == len(m) {
		return nil, nil, false
	}
	return m[:i], m[i+1:], true
}

// symbol returns the id of a token's text, or of the ghost that it gets.
func (b *bpe) symbol(text []byte) int32 {
	if id := b.vocab.findText(text); id != none {
		return id
	}
	return b.ghost(text)
}

func (b *bpe) ghost(text []byte) int32 {
	id, ok := b.ghosts[string(text)]
	if !ok {
		id = int32(b.vocab.size() + len(b.ghosts))
		b.ghosts[string(text)] = id
	}
	return id
}

// result returns the symbol that a merge makes, none if that is a token which plain
// text must not become. Most vocabularies list what merges make in the order of the
// merges, so the token after the last result is tried first.
func (b *bpe) result(last int32, text []byte) int32 {
	id := last + 1
	if int(id) >= b.vocab.size() || !bytes.Equal(b.vocab.text(id), text) {
		id = b.vocab.find(text)
	}
	switch {
	case id == none:
		return b.ghost(text)
	case !b.vocab.fromText(id):
		return none
	}
	return id
}

func (b *bpe) fragment(e *encoder, text []byte, _ bool) {
	if b.raw {
		e.scratch = appendMarked(e.scratch[:0], text)
		text = e.scratch
	}
	split(text, classes(), b.chain, e.onWord)
}

func (b *bpe) whole(e *encoder, word []byte) int32 {
	switch {
	case b.raw && word[0] == '\n': // a run of line breaks, by the rule lineRuns
		return b.vocab.findText(word)
	case b.ignoreMerges && !b.raw && len(word) <= b.vocab.longest:
		e.mapped = appendMapped(e.mapped[:0], word)
		return b.vocab.findText(e.mapped)
	}
	return none
}

func (b *bpe) first(word []byte) (int, int32) {
	if !b.raw {
		return 1, b.bytes[word[0]]
	}
	n := leadLength(word)
	id := b.vocab.findText(word[:n])
	if id == none {
		if ghost, ok := b.ghosts[string(word[:n])]; ok {
			id = ghost
		}
	}
	return n, id
}

func (b *bpe) pair(_ []byte, l, r *unit) (uint32, int32) {
	return b.pairs.find(l.id, r.id)
}

// fallback returns the token for each byte of a symbol that is no token, none where
// there is none: some vocabularies lack bytes that their training never saw.
func (b *bpe) fallback() *[256]int32 {
	if b.raw {
		ids := b.vocab.byteTokens()
		return &ids
	}
	ids := b.bytes
	for c := range ids {
		if int(ids[c]) >= b.vocab.size() {
			ids[c] = none
		}
	}
	return &ids
}

// pairTable maps two symbol ids to the rank and result of their merge, in an
// open-addressing table.
type pairTable struct {
	slots []pairSlot
	shift uint
	seed  [2]uint64
}

type pairSlot struct {
	key  uint64 // left<<32 | right
	rank uint32 // plus one; 0 for an empty slot
	id   int32
}

func (p *pairTable) init(n int) {
	size := bits.Len(uint(n+n/2) | 15)
	p.slots = make([]pairSlot, 1<<size)
	p.shift = uint(64 - size)
	seed := maphash.MakeSeed() // random, so that a file cannot aim for collisions
	p.seed = [2]uint64{maphash.String(seed, "left"), maphash.String(seed, "right")}
}

// slot returns the slot of key, or the empty one where it belongs.
func (p *pairTable) slot(key uint64) *pairSlot {
	hi, lo := bits.Mul64(key^p.seed[0], p.seed[1]|1)
	at := (hi ^ lo) * 0x9E3779B97F4A7C15 >> p.shift
	for {
		s := &p.slots[at]
		if s.rank == 0 || s.key == key {
			return s
		}
		at = (at + 1) & uint64(len(p.slots)-1)
	}
}

// add sets the merge of a pair; the first of several keeps its rank.
func (p *pairTable) add(left, right int32, rank uint32, id int32) {
	key := uint64(uint32(left))<<32 | uint64(uint32(right))
	if s := p.slot(key); s.rank == 0 {
		*s = pairSlot{key, rank + 1, id}
	}
}

func (p *pairTable) find(left, right int32) (key uint32, id int32) {
	if left == none || right == none {
		return noPair, none
	}
	s := p.slot(uint64(uint32(left))<<32 | uint64(uint32(right)))
	if s.rank == 0 {
		return noPair, none
	}
	return s.rank - 1, s.id
}

// byteText is GPT-2's name for each byte: printable Latin-1 characters name
// themselves, the other 68 bytes are U+0100 and up, in order. byteOf is its inverse
// by code point, -1 for what names no byte.
var byteText, byteOf = func() (texts [256][]byte, bytes [0x144]int16) {
	for c := range bytes {
		bytes[c] = -1
	}
	next := rune(0x100)
	for b := range texts {
		c := rune(b)
		if !('!' <= c && c <= '~' || 0xA1 <= c && c <= 0xAC || 0xAE <= c && c <= 0xFF) {
			c = next
			next++
		}
		texts[b] = utf8.AppendRune(nil, c)
		bytes[c] = int16(b)
	}
	return texts, bytes
}()

// appendMapped appends text with each byte under its name.
func appendMapped(dst, text []byte) []byte {
	for _, b := range text {
		dst = append(dst, byteText[b]...)
	}
	return dst
}

// appendUnmapped appends the bytes that text names; other characters stay.
func appendUnmapped(dst, text []byte) []byte {
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		if int(c) < len(byteOf) && byteOf[c] >= 0 {
			dst = append(dst, byte(byteOf[c]))
		} else {
			dst = append(dst, text[:n]...)
		}
		text = text[n:]
	}
	return dst
}
