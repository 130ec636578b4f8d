package kvcache

import (
	"cmp"
	"math"
	"slices"
)

// layout is how a lane is to look after its plan. Its memory is used again by
// the next compaction.
type layout struct {
	on     bool       // the plan touches the lane
	order  []int32    // the slots that stay, as they were numbered, in their new order
	pos    []int32    // their positions
	logW   []float32  // their log sizes; empty = all 0
	merge  []int32    // per old slot: 1 + its number among the plan's merges; empty = none
	blocks []newBlock // what they go to
	gone   []uint32   // blocks that the lane gives back
	stays  []bool     // per old block: it goes on as it is
	fresh  int        // blocks to be taken
	freed  int        // of those in gone, the ones that become free
	meta   *laneMeta  // to be filled
}

// newBlock is a block of the new table: an old one as it is, or slots that are
// copied to a fresh one.
type newBlock struct {
	old         int32 // number of the old block, -1 = a fresh one
	first, fill int32 // its slots in order
	shift       int32
}

// lay works out the layout of one lane.
func (c *Compaction) lay(i int) {
	v, p, l := &c.views[i], &c.plans[i], &c.layouts[i]
	l.on = p.Keep != nil && (len(p.Keep) < v.n || p.Shift != 0)
	if !l.on {
		return
	}
	l.order = append(l.order[:0], p.Keep...)
	l.pos, l.logW, l.merge = l.pos[:0], l.logW[:0], l.merge[:0]
	for _, s := range l.order {
		l.pos = append(l.pos, v.pos[s])
		if v.logW != nil {
			l.logW = append(l.logW, v.logW[s])
		}
	}
	if len(p.Merge) > 0 {
		l.layMerges(v, p)
	}
	l.layBlocks(v, p)
	l.layOld(v)
}

// layMerges computes positions and sizes of merged slots and puts the lane in
// the order of positions again.
func (l *layout) layMerges(v *LaneView, p *LanePlan) {
	l.merge = append(l.merge, make([]int32, v.n)...)
	sized := v.logW != nil || !p.Unweighted
	if sized && len(l.logW) == 0 {
		l.logW = append(l.logW, make([]float32, len(l.order))...)
	}
	for m := range p.Merge {
		l.merge[p.Merge[m].Dst] = int32(m + 1)
	}
	for i, s := range l.order {
		m := l.merge[s]
		if m == 0 {
			continue
		}
		total := v.size(s)
		at := total * float64(v.pos[s])
		for _, o := range p.Merge[m-1].Src {
			total += v.size(o)
			at += v.size(o) * float64(v.pos[o])
		}
		l.pos[i] = int32(at/total + 1e-3) // sizes are rounded
		if sized && !p.Unweighted {
			l.logW[i] = float32(math.Log(total))
		}
	}
	l.sort()
}

// size is the number of tokens that a slot stands for.
func (v *LaneView) size(s int32) float64 {
	if v.logW == nil {
		return 1
	}
	return math.Exp(float64(v.logW[s]))
}

// sort orders the slots by position, equal ones by slot.
func (l *layout) sort() {
	if slices.IsSorted(l.pos) {
		return
	}
	idx := make([]int, len(l.order))
	for i := range idx {
		idx[i] = i
	}
	slices.SortStableFunc(idx, func(a, b int) int { return cmp.Compare(l.pos[a], l.pos[b]) })
	order, pos, logW := slices.Clone(l.order), slices.Clone(l.pos), slices.Clone(l.logW)
	for i, j := range idx {
		l.order[i], l.pos[i] = order[j], pos[j]
		if len(logW) > 0 {
			l.logW[i] = logW[j]
		}
	}
}

// wasteShare is the share of slot numbers that may stay unused so that blocks
// can go on as they are.
const wasteShare = 8

// layBlocks deals the slots out to blocks: a new one where the shift changes,
// and old ones as they are where all of their slots stay.
func (l *layout) layBlocks(v *LaneView, p *LanePlan) {
	l.blocks, l.fresh = l.blocks[:0], 0
	n, waste := len(l.order), 0
	for i := 0; i < n; {
		shift := l.shift(v, p, i)
		if b, fill := l.whole(v, p, i); fill > 0 {
			l.blocks = append(l.blocks, newBlock{old: int32(b), first: int32(i), fill: int32(fill), shift: shift})
			i += fill
			continue
		}
		from := i
		for i++; i < n && i-from < BlockSlots && l.shift(v, p, i) == shift; i++ {
			gap := BlockSlots - (i - from)
			if !v.c.need.Raw && waste+gap <= n/wasteShare && l.wholeTwice(v, p, i) {
				waste += gap
				break
			}
		}
		l.blocks = append(l.blocks, newBlock{old: -1, first: int32(from), fill: int32(i - from), shift: shift})
		l.fresh++
	}
}

// shift is the shift of the i-th slot of the new order.
func (l *layout) shift(v *LaneView, p *LanePlan, i int) int32 {
	s := l.order[i]
	b, _ := v.place(int(s))
	shift := v.ln.shift(b)
	if s < p.ShiftTo {
		shift += p.Shift
	}
	return shift
}

// whole reports whether the slots from the i-th on are those of an old block
// which can go on as it is: a full one, or the last.
func (l *layout) whole(v *LaneView, p *LanePlan, i int) (block, fill int) {
	s := int(l.order[i])
	b, j := v.place(s)
	fill = v.ln.fill(b)
	if j != 0 || i+fill > len(l.order) || fill < BlockSlots && i+fill < len(l.order) {
		return 0, 0
	}
	shift := l.shift(v, p, i)
	for k := range fill {
		o := l.order[i+k]
		if int(o) != s+k || len(l.merge) > 0 && l.merge[o] > 0 || l.shift(v, p, i+k) != shift {
			return 0, 0
		}
	}
	return b, fill
}

// wholeTwice reports whether at least two full blocks from the i-th slot on go
// on as they are: worth leaving a block before them part empty.
func (l *layout) wholeTwice(v *LaneView, p *LanePlan, i int) bool {
	s := int(l.order[i])
	if _, j := v.place(s); j != 0 || i+2*BlockSlots > len(l.order) || int(l.order[i+2*BlockSlots-1]) != s+2*BlockSlots-1 {
		return false
	}
	_, a := l.whole(v, p, i)
	if a != BlockSlots {
		return false
	}
	_, b := l.whole(v, p, i+a)
	return b == BlockSlots
}

// layOld tells the blocks that stay from those that go.
func (l *layout) layOld(v *LaneView) {
	n := len(v.ln.blocks)
	l.stays = append(l.stays[:0], make([]bool, n)...)
	for _, b := range l.blocks {
		if b.old >= 0 {
			l.stays[int(b.old)-v.ln.first] = true
		}
	}
	l.gone = l.gone[:0]
	for i, id := range v.ln.blocks {
		if !l.stays[i] {
			l.gone = append(l.gone, id)
		}
	}
	l.freed = v.c.seq.cache.pool.alone(v.ls.class, l.gone)
}

// describe fills in the description of the lane with its new blocks and
// returns its tail.
func (l *layout) describe(raw bool, at int) (m *laneMeta, tail int) {
	m = l.meta
	if m == nil {
		m = &laneMeta{}
	}
	l.meta = nil
	nb := len(l.blocks)
	m.pos = grown(m.pos, nb*BlockSlots)
	switch {
	case len(l.logW) == 0:
		m.logW = nil
	default:
		m.logW = grown(m.logW, nb*BlockSlots)
	}
	m.fills, m.shifts = m.fills[:0], m.shifts[:0]
	for b, nb := range l.blocks {
		lo := b * BlockSlots
		copy(m.pos[lo:], l.pos[nb.first:nb.first+nb.fill])
		if m.logW != nil {
			copy(m.logW[lo:], l.logW[nb.first:nb.first+nb.fill])
		}
		m.fills, m.shifts = append(m.fills, uint8(nb.fill)), append(m.shifts, nb.shift)
	}
	last := l.blocks[nb-1]
	tail = (nb-1)*BlockSlots + int(last.fill)
	if last.shift == 0 || raw { // new tokens go on in the last block
		m.fills[nb-1] = BlockSlots
	} else {
		tail = nb * BlockSlots
	}
	m.at, m.base, m.gap = at, tail, tail-len(l.order)
	return m, tail
}
