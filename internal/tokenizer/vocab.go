package tokenizer

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math/bits"
	"strconv"
)

// TokenType is what a token is for, numbered as in the file.
type TokenType uint8

// The token types.
const (
	Undefined   TokenType = iota
	Normal                // text
	Unknown               // stands for text that has no token
	Control               // structure: hidden in output, never made from plain text
	UserDefined           // text that is always one token
	Unused
	Byte // one byte, written <0xNN>
)

// maxTokenBytes bounds the text of one token.
const maxTokenBytes = 64 << 10

// none is the id of no token.
const none int32 = -1

// vocabulary is the list of tokens with an index by text. It does not change after
// loading. All texts lie in one slice, so that a quarter of a million tokens cost
// the collector nothing.
type vocabulary struct {
	texts   []byte
	offsets []uint32 // token i is texts[offsets[i]:offsets[i+1]]
	types   []TokenType
	longest int // bytes of the longest text

	// slots is an open-addressing hash table: the upper half of the text's hash,
	// then id+1; 0 is an empty slot. The seed is random, so that a file cannot aim
	// for collisions.
	slots []uint64
	shift uint
	seed  maphash.Seed
}

// newVocabulary copies the tokens. types may be nil: all normal.
func newVocabulary(tokens stringList, types []int32) (*vocabulary, error) {
	n := tokens.Len()
	v := &vocabulary{
		texts:   make([]byte, 0, 10*n),
		offsets: make([]uint32, 1, n+1),
		types:   make([]TokenType, n),
		seed:    maphash.MakeSeed(),
	}
	v.makeSlots(n)
	for i := range n {
		t := Normal
		if types != nil {
			t = tokenType(types[i])
		}
		if err := v.add(tokens.At(i), t); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func tokenType(t int32) TokenType {
	if t < int32(Undefined) || t > int32(Byte) {
		return Undefined
	}
	return TokenType(t)
}

func (v *vocabulary) makeSlots(n int) {
	size := bits.Len(uint(n+n/2) | 15)
	v.slots = make([]uint64, 1<<size)
	v.shift = uint(64 - size)
}

func (v *vocabulary) add(text []byte, t TokenType) error {
	id := int32(len(v.offsets) - 1)
	if len(text) == 0 {
		text = strconv.AppendInt([]byte("[EMPTY_"), int64(id), 10)
		text = append(text, ']')
	}
	if len(text) > maxTokenBytes {
		return fmt.Errorf("%w: token %d has %d bytes, more than %d", ErrVocabulary, id, len(text), maxTokenBytes)
	}
	if t == Byte {
		if _, ok := byteValue(text); !ok {
			return fmt.Errorf("%w: byte token %d is %q, not <0xNN>", ErrVocabulary, id, text)
		}
	}
	h := maphash.Bytes(v.seed, text)
	slot, found := v.probe(h, text)
	if found != none {
		return fmt.Errorf("%w: tokens %d and %d are both %q", ErrVocabulary, found, id, text)
	}
	v.texts = append(v.texts, text...)
	if uint64(len(v.texts)) > 1<<32-1 {
		return fmt.Errorf("%w: token texts exceed 4 GiB", ErrVocabulary)
	}
	v.offsets = append(v.offsets, uint32(len(v.texts)))
	v.types[id] = t
	v.slots[slot] = h&^(1<<32-1) | uint64(id+1)
	v.longest = max(v.longest, len(text))
	return nil
}

// probe returns the id of text, or none and the slot where it belongs.
func (v *vocabulary) probe(h uint64, text []byte) (slot int, id int32) {
	// The slot comes from the hash's low bits, mixed by the multiplication; the tag
	// is its upper half.
	at := int((h * 0x9E3779B97F4A7C15) >> v.shift)
	for {
		s := v.slots[at]
		if s == 0 {
			return at, none
		}
		if s>>32 == h>>32 {
			if id := int32(uint32(s)) - 1; bytes.Equal(v.text(id), text) {
				return at, id
			}
		}
		at = (at + 1) & (len(v.slots) - 1)
	}
}

// find returns the id of the token with this text, or none.
func (v *vocabulary) find(text []byte) int32 {
	if len(text) > v.longest {
		return none
	}
	_, id := v.probe(maphash.Bytes(v.seed, text), text)
	return id
}

// findText is find for tokens that plain text may become: control, unknown and
// byte tokens stand for something else than their text.
func (v *vocabulary) findText(text []byte) int32 {
	id := v.find(text)
	if id != none && !v.fromText(id) {
		return none
	}
	return id
}

func (v *vocabulary) fromText(id int32) bool {
	const hidden = 1<<Control | 1<<Unknown | 1<<Byte
	return hidden>>v.types[id]&1 == 0
}

// text returns the text of a valid id as the file has it. Read only.
func (v *vocabulary) text(id int32) []byte {
	lo, hi := v.offsets[id], v.offsets[id+1]
	return v.texts[lo:hi:hi]
}

func (v *vocabulary) size() int { return len(v.types) }

// byteValue reads "<0xNN>", two hexadecimal digits.
func byteValue(text []byte) (byte, bool) {
	if len(text) != 6 || string(text[:3]) != "<0x" || text[5] != '>' {
		return 0, false
	}
	hi, lo := hexDigit(text[3]), hexDigit(text[4])
	return hi<<4 | lo, hi < 16 && lo < 16
}

func hexDigit(b byte) byte {
	switch {
	case '0' <= b && b <= '9':
		return b - '0'
	case 'a' <= b && b <= 'f':
		return b - 'a' + 10
	case 'A' <= b && b <= 'F':
		return b - 'A' + 10
	}
	return 0xFF
}

// byteTokens returns the ids of the byte tokens <0x00>…<0xFF>, none where missing.
func (v *vocabulary) byteTokens() (ids [256]int32) {
	const hex = "0123456789ABCDEF"
	for b := range ids {
		id := v.find([]byte{'<', '0', 'x', hex[b>>4], hex[b&15], '>'})
		if id != none && (v.types[id] == Control || v.types[id] == Unknown) {
			id = none
		}
		ids[b] = id
	}
	return ids
}
