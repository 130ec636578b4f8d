package sampler

import "slices"

// window holds the last limit tokens and how often each occurs.
type window struct {
	limit int     // -1: all
	ring  []int32 // grows to limit, then wraps; unused when limit is -1
	next  int     // slot of the oldest token once the ring is full
	tally tally
}

// windowPrealloc bounds the memory taken before the first token.
const windowPrealloc = 1024

// newWindow returns an empty window; memory grows with use, so a huge limit costs
// nothing by itself.
func newWindow(limit int) window {
	n := min(max(limit, 0), windowPrealloc)
	w := window{limit: limit, ring: make([]int32, 0, n)}
	w.tally.resize(2 * max(n, 32))
	return w
}

// push appends tok and forgets the oldest token when the window is full.
func (w *window) push(tok int32) {
	switch {
	case w.limit < 0:
	case len(w.ring) < w.limit:
		w.ring = append(w.ring, tok)
	default:
		w.tally.remove(w.ring[w.next])
		w.ring[w.next] = tok
		w.next = (w.next + 1) % w.limit
	}
	w.tally.add(tok)
}

// reset empties the window and keeps its memory.
func (w *window) reset() {
	w.ring, w.next = w.ring[:0], 0
	w.tally.clear()
}

// clone returns a deep copy.
func (w *window) clone() window {
	c := *w
	c.ring = append(make([]int32, 0, cap(w.ring)), w.ring...)
	c.tally.slots = slices.Clone(w.tally.slots)
	return c
}

// tally counts tokens in an open-addressed table with linear probing. A Go map would
// do, but it may allocate while tokens come and go at constant size.
type tally struct {
	slots []tallySlot // power of two, at most half full
	used  int
}

// tallySlot is empty when count is 0.
type tallySlot struct{ id, count int32 }

// resize rehashes into at least n slots.
func (t *tally) resize(n int) {
	size := 1
	for size < n {
		size *= 2
	}
	old := t.slots
	t.slots, t.used = make([]tallySlot, size), 0
	for _, e := range old {
		if e.count > 0 {
			t.slots[t.find(e.id)] = e
			t.used++
		}
	}
}

// home returns the first slot to try for id (Fibonacci hashing).
func (t *tally) home(id int32) int {
	h := uint64(uint32(id)) * 0x9E3779B97F4A7C15
	return int(h>>32) & (len(t.slots) - 1)
}

// find returns the slot of id, or the empty slot where it belongs.
func (t *tally) find(id int32) int {
	i := t.home(id)
	for t.slots[i].count > 0 && t.slots[i].id != id {
		i = (i + 1) & (len(t.slots) - 1)
	}
	return i
}

// count returns how often id is held.
func (t *tally) count(id int32) int32 { return t.slots[t.find(id)].count }

// add counts id once more.
func (t *tally) add(id int32) {
	i := t.find(id)
	if t.slots[i].count == 0 {
		if 2*(t.used+1) > len(t.slots) {
			t.resize(2 * len(t.slots))
			i = t.find(id)
		}
		t.slots[i].id = id
		t.used++
	}
	t.slots[i].count++
}

// remove counts id once less; id must be held. A slot that becomes empty is closed by
// moving later entries of the same probe run back, so that no tombstones pile up.
func (t *tally) remove(id int32) {
	hole := t.find(id)
	t.slots[hole].count--
	if t.slots[hole].count > 0 {
		return
	}
	t.used--
	mask := len(t.slots) - 1
	for i := (hole + 1) & mask; t.slots[i].count > 0; i = (i + 1) & mask {
		// Entry i may move to the hole unless its home lies behind the hole.
		if (i-t.home(t.slots[i].id))&mask >= (i-hole)&mask {
			t.slots[hole], t.slots[i] = t.slots[i], tallySlot{}
			hole = i
		}
	}
}

// clear empties the table and keeps its memory.
func (t *tally) clear() {
	clear(t.slots)
	t.used = 0
}
