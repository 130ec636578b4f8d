package kvcache

// lane is the block table of one (layer, KV head). blocks[i] holds the slots
// (first+i)*BlockSlots and on; earlier blocks of a windowed layer were freed.
// Until a policy first cuts a lane, slot and position are the same thing and
// meta is nil.
type lane struct {
	blocks []uint32
	first  int
	tail   int // slot of the next token
	meta   *laneMeta
}

// laneMeta describes a lane that a policy has cut. Slots are counted through
// the blocks, so that a block which is not full leaves numbers unused.
type laneMeta struct {
	at     int       // length of the sequence when it was cut
	base   int       // tail at that time
	gap    int       // numbers that no slot has
	pos    []int32   // position of each slot number
	logW   []float32 // nil = all 0
	fills  []uint8   // slots of the blocks up to the cut
	shifts []int32   // of these blocks; nil = none
}

// live is the number of slots that the lane holds.
func (l *lane) live() int {
	if l.meta == nil {
		return l.tail - l.first*BlockSlots
	}
	return l.tail - l.meta.gap
}

// fill is the number of slots in block b.
func (l *lane) fill(b int) int {
	if (b+1)*BlockSlots > l.tail {
		return l.tail - b*BlockSlots
	}
	if l.meta == nil || b >= len(l.meta.fills) {
		return BlockSlots
	}
	return int(l.meta.fills[b])
}

// shift is by how many positions the keys of block b are moved for scores.
func (l *lane) shift(b int) int32 {
	if l.meta == nil || b >= len(l.meta.shifts) {
		return 0
	}
	return l.meta.shifts[b]
}

// last returns the number of the block that the next token goes to if it
// exists already, else -1.
func (l *lane) last() int {
	if l.tail%BlockSlots == 0 {
		return -1
	}
	return l.tail / BlockSlots
}

// extend notes the positions of n tokens that are about to be appended.
func (l *lane) extend(n, pos int) {
	m := l.meta
	if m == nil {
		return
	}
	end := l.tail + n
	m.pos = grown(m.pos, end)
	for k := range n {
		m.pos[l.tail+k] = int32(pos + k)
	}
	if m.logW != nil {
		m.logW = grown(m.logW, end)
		clear(m.logW[l.tail:end])
	}
}

// grown returns s with at least n elements, in steps of some blocks.
func grown[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	size := (n + 4*BlockSlots) &^ (BlockSlots - 1)
	return append(s, make([]T, size-len(s))...)
}

// cutTo makes the next token the one at position n.
func (l *lane) cutTo(n int) {
	if l.meta == nil {
		l.tail = n
		return
	}
	l.tail = l.meta.base + n - l.meta.at
}

// copy returns a lane with the same blocks and its own description.
func (l *lane) copy() lane {
	c := lane{blocks: append([]uint32(nil), l.blocks...), first: l.first, tail: l.tail}
	if l.meta != nil {
		m := *l.meta
		m.pos = append([]int32(nil), m.pos...)
		if m.logW != nil {
			m.logW = append([]float32(nil), m.logW...)
		}
		m.fills, m.shifts = append([]uint8(nil), m.fills...), append([]int32(nil), m.shifts...)
		c.meta = &m
	}
	return c
}

// metaBytes is what the description of the lane takes.
func (l *lane) metaBytes() int64 {
	if l.meta == nil {
		return 0
	}
	m := l.meta
	return int64(4*cap(m.pos) + 4*cap(m.logW) + cap(m.fills) + 4*cap(m.shifts))
}
