package sampler

import "math/bits"

// Bitset is a set of token ids below a size.
type Bitset struct {
	words []uint64
	size  int
}

// NewBitset returns an empty set for ids below size.
func NewBitset(size int) *Bitset {
	b := &Bitset{}
	b.Resize(size)
	return b
}

// Resize empties the set and makes it one for ids below size.
func (b *Bitset) Resize(size int) {
	n := (size + 63) / 64
	if cap(b.words) < n {
		b.words = make([]uint64, n)
	}
	b.words, b.size = b.words[:n], size
	clear(b.words)
}

// Size is the number of ids that the set can hold.
func (b *Bitset) Size() int { return b.size }

// Set adds an id; one outside the size is ignored.
func (b *Bitset) Set(id int32) {
	if id >= 0 && int(id) < b.size {
		b.words[id>>6] |= 1 << (id & 63)
	}
}

// Clear removes an id.
func (b *Bitset) Clear(id int32) {
	if id >= 0 && int(id) < b.size {
		b.words[id>>6] &^= 1 << (id & 63)
	}
}

// Has reports whether id is in the set.
func (b *Bitset) Has(id int32) bool {
	return id >= 0 && int(id) < b.size && b.words[id>>6]>>(id&63)&1 != 0
}

// Or adds the ids of o, a set of the same size.
func (b *Bitset) Or(o *Bitset) {
	for i, w := range o.words {
		b.words[i] |= w
	}
}

// And removes the ids that are not in o, a set of the same size.
func (b *Bitset) And(o *Bitset) {
	for i, w := range o.words {
		b.words[i] &= w
	}
}

// CopyFrom makes b equal to o.
func (b *Bitset) CopyFrom(o *Bitset) {
	b.words, b.size = append(b.words[:0], o.words...), o.size
}

// Count is the number of ids in the set.
func (b *Bitset) Count() (n int) {
	for _, w := range b.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// First returns the lowest id, -1 when the set is empty.
func (b *Bitset) First() int32 {
	for i, w := range b.words {
		if w != 0 {
			return int32(64*i + bits.TrailingZeros64(w))
		}
	}
	return -1
}

// AppendTo appends the ids in rising order.
func (b *Bitset) AppendTo(dst []int32) []int32 {
	for i, w := range b.words {
		for ; w != 0; w &= w - 1 {
			dst = append(dst, int32(64*i+bits.TrailingZeros64(w)))
		}
	}
	return dst
}
