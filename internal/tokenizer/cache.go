package tokenizer

import "hash/maphash"

const (
	cacheEntries   = 4096
	cacheWordBytes = 32
	cacheWordIDs   = 7
)

// wordCache remembers the ids of short words; a new word displaces the one in its
// place. It belongs to one encoder, so that it needs no lock.
type wordCache struct {
	seed    maphash.Seed
	entries [cacheEntries]cacheEntry
}

// cacheEntry is one word in 64 bytes; a zero length marks an empty entry.
type cacheEntry struct {
	length, n uint8
	word      [cacheWordBytes]byte
	ids       [cacheWordIDs]int32
}

func (c *wordCache) entry(word []byte) *cacheEntry {
	return &c.entries[maphash.Bytes(c.seed, word)%cacheEntries]
}

// get appends the ids of word to e.out if it knows them.
func (c *wordCache) get(e *encoder, word []byte) bool {
	if len(word) > cacheWordBytes {
		return false
	}
	x := c.entry(word)
	if string(x.word[:x.length]) != string(word) {
		return false
	}
	e.out = append(e.out, x.ids[:x.n]...)
	return true
}

// put remembers the ids of word, unless either is too long.
func (c *wordCache) put(word []byte, ids []int32) {
	if len(word) > cacheWordBytes || len(ids) > cacheWordIDs {
		return
	}
	x := c.entry(word)
	x.length, x.n = uint8(len(word)), uint8(len(ids))
	copy(x.word[:], word)
	copy(x.ids[:], ids)
}
