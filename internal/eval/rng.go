package eval

import (
	"hash/fnv"

	"kvasir/internal/recall"
)

// Purposes of draws that are not a task's own.
const (
	useGroups = 64 + iota
	useBlocks
	useFill
	useNeedle
	usePlace
	useValue
	useList
)

// docOf is the document number of a named cell.
func docOf(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return h.Sum64()
}

// draw hands out the draws of one purpose in order.
type draw struct{ seed, doc, pos, use uint64 }

func (d *draw) below(n int) int {
	d.pos++
	return recall.Below(recall.U(d.seed, d.doc, d.pos-1, d.use), n)
}

// shuffle is Fisher and Yates's.
func (d *draw) shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, d.below(i+1))
	}
}
