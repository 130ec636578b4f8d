package sampler

import (
	"fmt"
	"math"
	"slices"

	"kvasir/kernels"
)

// Cand is the working list of candidates of one position. It starts dense (IDs nil,
// Logits[i] belongs to token i) on the caller's row, and the first truncating stage
// makes it sparse (IDs[i] names Logits[i]). Masked tokens (-Inf) stay in a dense list
// and are dropped from a sparse one when it is cut.
//
// While a list is dense, Logits may be the caller's own row: a stage that writes
// calls own first, and touch afterwards.
type Cand struct {
	IDs    []int32
	Logits []float32
	Sorted bool // sparse, ordered by logit descending, then id ascending

	best  int       // index of the best candidate, -1 when unknown
	owned bool      // Logits is memory of this Cand
	tops  []float32 // dense: the largest logit of each block; nil when unknown
	mem   scratch
}

// blockLen is the length of the blocks of a dense list whose largest logits are
// known. Selections skip the blocks that lie below their floor, which are nearly all.
const blockLen = 256

// scratch is the memory that a Cand reuses from token to token. Each slice grows on
// first need: a chain that starts with top-k never allocates a dense copy.
type scratch struct {
	dense     []float32
	tops      []float32
	ids       [2][]int32 // two sparse lists: the current one and the next
	logits    [2][]float32
	current   int
	keys      []uint64
	weights   []float64
	nucleus   *nucleus
	surprises []surprise
	vector    *vector
}

var (
	negInf    = float32(math.Inf(-1))
	lowFinite = float32(-math.MaxFloat32)
)

// load makes row the dense list. It checks every logit and finds the best.
func (c *Cand) load(row []float32) error {
	c.IDs, c.Logits, c.Sorted, c.owned = nil, row, false, false
	c.mem.current = 0
	tops := c.mem.tops[:0]
	top, first, check := negInf, 0, float32(0)
	for lo := 0; lo < len(row); lo += blockLen {
		block := row[lo:min(lo+blockLen, len(row))]
		m := kernels.Max(block)
		tops = append(tops, m)
		if m > top {
			top, first = m, lo
		}
		check += kernels.SumSquares(block) // NaN where a logit is; Max ignores it
	}
	c.mem.tops, c.tops = tops, tops
	if check != check || top > math.MaxFloat32 {
		if err := badLogits(row); err != nil {
			return err
		}
	}
	if top == negInf {
		return ErrNoCandidates
	}
	c.best = first + kernels.ArgMax(row[first:min(first+blockLen, len(row))])
	return nil
}

// badLogits names the first logit of row that is NaN or +Inf.
func badLogits(row []float32) error {
	i := slices.IndexFunc(row, func(x float32) bool { return !(x <= math.MaxFloat32) })
	if i < 0 {
		return nil
	}
	return fmt.Errorf("%w: logit of token %d is %v", ErrBadLogits, i, row[i])
}

// span returns the next stretch of candidates, at i or behind it, that may hold a
// logit of floor or more; it is empty when there is none. Walk a list with
//
//	for lo, hi := c.span(0, floor); lo < hi; lo, hi = c.span(hi, floor) {
func (c *Cand) span(i int, floor float32) (lo, hi int) {
	if c.tops == nil {
		return i, len(c.Logits)
	}
	for b := (i + blockLen - 1) / blockLen; b < len(c.tops); b++ {
		if c.tops[b] >= floor {
			return b * blockLen, min((b+1)*blockLen, len(c.Logits))
		}
	}
	return 0, 0
}

// id returns the token of candidate i.
func (c *Cand) id(i int) int32 {
	if c.IDs == nil {
		return int32(i)
	}
	return c.IDs[i]
}

// own makes Logits writable.
func (c *Cand) own() {
	if c.owned {
		return
	}
	c.mem.dense = append(c.mem.dense[:0], c.Logits...)
	c.Logits, c.owned = c.mem.dense, true
}

// touch must follow any change of logits that may change their order.
func (c *Cand) touch() { c.Sorted, c.best, c.tops = false, -1, nil }

// set changes the logit of a token of a dense list that is owned; touch is not needed.
func (c *Cand) set(id int32, x float32) {
	old := c.Logits[id]
	c.Logits[id], c.best = x, -1
	if c.tops == nil {
		return
	}
	switch b := int(id) / blockLen; {
	case x >= c.tops[b]:
		c.tops[b] = x
	case old == c.tops[b]:
		c.tops[b] = kernels.Max(c.Logits[b*blockLen : min((b+1)*blockLen, len(c.Logits))])
	}
}

// bestIndex returns the index of the best candidate: largest logit, then lowest id.
func (c *Cand) bestIndex() int {
	if c.Sorted {
		return 0
	}
	if c.best < 0 {
		c.best = 0
		for lo, hi := c.span(0, c.Logits[0]); lo < hi; lo, hi = c.span(hi, c.Logits[c.best]) {
			for i := lo; i < hi; i++ {
				if x, b := c.Logits[i], c.Logits[c.best]; x > b || x == b && c.id(i) < c.id(c.best) {
					c.best = i
				}
			}
		}
	}
	return c.best
}

// top returns the largest logit, -Inf when everything is masked.
func (c *Cand) top() float32 { return c.Logits[c.bestIndex()] }

// leaders returns the logits of the n best candidates in order, masked ones left
// out: fewer than n when the list holds fewer. The list itself stays as it is; the
// result is read-only and valid until the next call of leaders, cut or filter.
func (c *Cand) leaders(n int) []float32 {
	if c.Sorted {
		return c.Logits[:min(n, len(c.Logits))]
	}
	keys := c.gather(n)
	slices.Sort(keys)
	m := &c.mem
	next := 1 - m.current
	ids, logits := slices.Grow(m.ids[next][:0], len(keys)), slices.Grow(m.logits[next][:0], len(keys))
	for _, k := range keys {
		x, id := splitKey(k)
		ids, logits = append(ids, id), append(logits, x)
	}
	m.ids[next], m.logits[next] = ids, logits
	return logits
}

// cut keeps the first n of the last leaders call, which must have returned as many.
func (c *Cand) cut(n int) {
	if c.Sorted {
		c.IDs, c.Logits = c.IDs[:n], c.Logits[:n]
		return
	}
	m := &c.mem
	m.current = 1 - m.current
	c.IDs, c.Logits = m.ids[m.current][:n], m.logits[m.current][:n]
	c.Sorted, c.owned, c.best, c.tops = true, true, 0, nil
}

// single keeps candidate i alone.
func (c *Cand) single(i int) {
	m := &c.mem
	id, x := c.id(i), c.Logits[i]
	m.ids[m.current] = append(m.ids[m.current][:0], id)
	m.logits[m.current] = append(m.logits[m.current][:0], x)
	c.IDs, c.Logits = m.ids[m.current], m.logits[m.current]
	c.Sorted, c.owned, c.best, c.tops = true, true, 0, nil
}

// filter keeps, in their order, the candidates that rank no lower than logit floor
// with id last would. floor is finite and at least one candidate must remain.
func (c *Cand) filter(floor float32, last int32) {
	ids, logits := c.next()
	for lo, hi := c.span(0, floor); lo < hi; lo, hi = c.span(hi, floor) {
		for i := lo; i < hi; i++ {
			if x := c.Logits[i]; x > floor || x == floor && c.id(i) <= last {
				ids, logits = append(ids, c.id(i)), append(logits, x)
			}
		}
	}
	c.replace(ids, logits)
}

// count returns how many logits are at least floor; it may stop at enough.
func (c *Cand) count(floor float32, enough int) int {
	n := 0
	for lo, hi := c.span(0, floor); lo < hi && n < enough; lo, hi = c.span(hi, floor) {
		for _, x := range c.Logits[lo:hi] {
			if x >= floor {
				n++
			}
		}
	}
	return n
}

// keep keeps, in their order, the candidates i that ok accepts; ok must accept one at
// least, and no masked one.
func (c *Cand) keep(ok func(i int) bool) {
	ids, logits := c.next()
	for i, x := range c.Logits {
		if ok(i) {
			ids, logits = append(ids, c.id(i)), append(logits, x)
		}
	}
	c.replace(ids, logits)
}

// next returns the memory of the sparse list to come, empty.
func (c *Cand) next() (ids []int32, logits []float32) {
	n := 1 - c.mem.current
	return c.mem.ids[n][:0], c.mem.logits[n][:0]
}

// replace makes the list begun with next the current one. Order is as before.
func (c *Cand) replace(ids []int32, logits []float32) {
	m := &c.mem
	m.current = 1 - m.current
	m.ids[m.current], m.logits[m.current] = ids, logits
	c.IDs, c.Logits, c.owned, c.best, c.tops = ids, logits, true, -1, nil
}

// softmax returns exp(l - max) per candidate, and the sum. The slice is valid until
// the next call.
func (c *Cand) softmax() (w []float64, sum float64) {
	w = slices.Grow(c.mem.weights[:0], len(c.Logits))[:len(c.Logits)]
	c.mem.weights = w
	if c.long() {
		for lo := 0; lo < len(w); lo += pieceLen {
			_, weight := c.vector().weigh(c.Logits[lo:min(lo+pieceLen, len(w))], c.top(), 1)
			for i, x := range weight {
				w[lo+i] = float64(x)
				sum += float64(x)
			}
		}
		return w, sum
	}
	m := float64(c.top())
	for i, x := range c.Logits {
		w[i] = math.Exp(float64(x) - m)
		sum += w[i]
	}
	return w, sum
}

// sumExp returns Σ exp(x - m) in order.
func sumExp(logits []float32, m float32) (sum float64) {
	for _, x := range logits {
		sum += math.Exp(float64(x) - float64(m))
	}
	return sum
}

// draw returns the first token whose running weight reaches u times the sum; tokens
// of zero weight are never drawn, whatever u.
func (c *Cand) draw(u float64) int32 {
	if c.long() {
		return c.drawLong(u)
	}
	w, sum := c.softmax()
	goal, run, last := u*sum, 0.0, c.bestIndex()
	for i, x := range w {
		if x == 0 {
			continue
		}
		run += x
		last = i
		if run >= goal {
			break
		}
	}
	return c.id(last)
}

// finite rounds x to float32 and keeps finite numbers finite; -Inf stays.
func finite(x float64) float32 {
	if math.IsInf(x, -1) {
		return negInf
	}
	return float32(max(-math.MaxFloat32, min(x, math.MaxFloat32)))
}
