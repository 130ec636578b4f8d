package sampler

import (
	"math"
	"slices"
)

// topP keeps the smallest set of best candidates whose probability reaches p
// (Holtzman, Buys, Du, Forbes, Choi: "The curious case of neural text
// degeneration", ICLR 2020, section 3.1). The candidate that reaches p is kept.
// Logits are float32, so p counts as reached within one float32 epsilon.
type topP struct {
	stateless
	p       float64
	minKeep int
}

// newTopP returns nil when p is 1 or more.
func newTopP(p Params, _ Vocab) (Stage, error) {
	if p.TopP >= 1 {
		return nil, nil
	}
	return topP{p: p.TopP - 0x1p-23, minKeep: p.MinKeep}, nil
}

// Name implements Stage.
func (topP) Name() string { return "top_p" }

// Clone implements Stage.
func (s topP) Clone() Stage { return s }

// Apply implements Stage. A sorted list stays sorted; an unsorted one keeps its order.
func (s topP) Apply(c *Cand, _ Rand) error {
	if !c.Sorted {
		s.applyUnsorted(c)
		return nil
	}
	m := float64(c.top())
	goal := s.p * sumExp(c.Logits, c.top())
	run := 0.0
	for i, x := range c.Logits {
		run += math.Exp(float64(x) - m)
		if s.enough(run, goal, i+1) {
			c.cut(i + 1)
			break
		}
	}
	return nil
}

// enough says whether n candidates of weight run may end the list.
func (s topP) enough(run, goal float64, n int) bool { return run >= goal && n >= s.minKeep }

// nucleus is a histogram of weights by a distance that is 0 or more: for top-p that
// from the largest logit.
type nucleus struct {
	mass  [nucleusBuckets]float64
	count [nucleusBuckets]int
}

const (
	nucleusBuckets = 2048
	nucleusPerNat  = 32 // buckets per unit of logit
)

// bucket returns the slot of distance d; it never falls as d grows, and the last slot
// is open-ended.
func bucket(d float64) int {
	return int(min(d*nucleusPerNat, nucleusBuckets-1))
}

// histogram returns the memory of an empty histogram.
func (c *Cand) histogram() *nucleus {
	if c.mem.nucleus == nil {
		c.mem.nucleus = new(nucleus)
	}
	*c.mem.nucleus = nucleus{}
	return c.mem.nucleus
}

// add counts a candidate of weight w at distance d.
func (h *nucleus) add(d, w float64) {
	b := bucket(d)
	h.mass[b] += w
	h.count[b]++
}

// applyUnsorted finds the boundary without sorting the list: the histogram tells in
// which slot it lies, and only the candidates of that slot are sorted.
func (s topP) applyUnsorted(c *Cand) {
	h := c.histogram()
	total := h.fill(c)
	goal := s.p * total

	slot, run, n := 0, 0.0, 0
	for slot < nucleusBuckets-1 && !s.enough(run+h.mass[slot], goal, n+h.count[slot]) {
		run, n, slot = run+h.mass[slot], n+h.count[slot], slot+1
	}
	m, keys := float64(c.top()), c.mem.keys[:0]
	lowest := lowFinite // of the slot, or a little below
	if slot < nucleusBuckets-1 {
		lowest = float32(max(m-float64(slot+2)/nucleusPerNat, -math.MaxFloat32))
	}
	for lo, hi := c.span(0, lowest); lo < hi; lo, hi = c.span(hi, lowest) {
		for i := lo; i < hi; i++ {
			if x := c.Logits[i]; x >= lowest && bucket(m-float64(x)) == slot {
				keys = append(keys, makeKey(x, c.id(i)))
			}
		}
	}
	c.mem.keys = keys
	slices.Sort(keys)
	floor, last := lowFinite, int32(math.MaxInt32)
	for i, k := range keys {
		x, id := splitKey(k)
		run += math.Exp(float64(x) - m)
		if s.enough(run, goal, n+i+1) {
			floor, last = x, id
			break
		}
	}
	c.filter(floor, last)
}

// fill counts the unmasked candidates of c and returns their total weight.
func (h *nucleus) fill(c *Cand) (total float64) {
	m := float64(c.top())
	for lo := 0; lo < len(c.Logits); lo += pieceLen {
		piece := c.Logits[lo:min(lo+pieceLen, len(c.Logits))]
		var weight []float32
		if c.long() {
			_, weight = c.vector().weigh(piece, c.top(), 1)
		}
		for i, x := range piece {
			switch d := m - float64(x); {
			case x < lowFinite:
			case weight != nil:
				h.add(d, float64(weight[i]))
			default:
				h.add(d, math.Exp(-d))
			}
		}
	}
	for _, x := range h.mass {
		total += x
	}
	return total
}
