package grammar

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// trie holds the texts of tokens as a tree of bytes, its nodes in preorder: the
// subtree of node i is i to end[i]-1, and its first child is i+1. Node 0 is the
// root, the empty text.
type trie struct {
	bytes []byte
	depth []uint16 // bytes up to the node
	end   []int32
	first []int32 // tokens of node i are order[first[i]:first[i+1]]
	order []int32 // token ids by text
}

// maxPiece is the length of the longest text of a token that is used; longer ones are
// never allowed.
const maxPiece = 1 << 12

// newTrie makes a tree of the tokens that have a text.
func newTrie(ids []int32, piece func(id int32) []byte) *trie {
	t := &trie{order: sortedByText(ids, piece)}
	var path []int32 // nodes from the root to the last text
	add := func(b byte) {
		path = append(path, int32(len(t.bytes)))
		t.bytes = append(t.bytes, b)
		t.depth = append(t.depth, uint16(len(path)-1))
		t.end = append(t.end, 0)
	}
	add(0)
	t.first = append(t.first, 0)
	var last []byte
	for i, id := range t.order {
		text := piece(id)
		shared := 0
		for shared < len(last) && shared < len(text) && last[shared] == text[shared] {
			shared++
		}
		t.closePath(path[shared+1:])
		path = path[:shared+1]
		for _, b := range text[shared:] {
			add(b)
			t.first = append(t.first, int32(i))
		}
		last = text
	}
	t.closePath(path)
	t.first = append(t.first, int32(len(t.order)))
	return t
}

// closePath notes that no more nodes come below those of a path.
func (t *trie) closePath(path []int32) {
	for _, i := range path {
		t.end[i] = int32(len(t.bytes))
	}
}

// sortedByText sorts ids by their texts, equal texts by id.
func sortedByText(ids []int32, piece func(id int32) []byte) []int32 {
	type key struct {
		head uint64 // first 8 bytes, so that most comparisons need no more
		id   int32
	}
	keys := make([]key, len(ids))
	for i, id := range ids {
		var b [8]byte
		copy(b[:], piece(id))
		keys[i] = key{binary.BigEndian.Uint64(b[:]), id}
	}
	slices.SortFunc(keys, func(a, b key) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		if c := bytes.Compare(piece(a.id), piece(b.id)); c != 0 {
			return c
		}
		return cmp.Compare(a.id, b.id)
	})
	out := make([]int32, len(ids))
	for i, k := range keys {
		out[i] = k.id
	}
	return out
}

// tokens returns the tokens of node i itself.
func (t *trie) tokens(i int32) []int32 { return t.order[t.first[i]:t.first[i+1]] }

// find returns the node of a text, -1 for none.
func (t *trie) find(text []byte) int32 {
	at := int32(0)
	for _, b := range text {
		child := at + 1
		for child < t.end[at] && t.bytes[child] != b {
			child = t.end[child]
		}
		if child >= t.end[at] {
			return -1
		}
		at = child
	}
	return at
}

// leaf says whether no longer text begins with that of node i.
func (t *trie) leaf(i int32) bool { return t.end[i] == i+1 }
