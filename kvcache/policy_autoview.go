package kvcache

import (
	"math"
	"slices"

	"kvasir/kernels"
)

// viewRows is how many query rows are scored at a time: their scores over a few
// thousand slots stay in the second-level cache.
const viewRows = 24

// viewer asks the queries of one lane what they look at.
type viewer struct {
	ln      *LaneView
	turns   *turns
	angles  []float32
	now     int // position of the next token
	from    int // queries before it were asked last time
	every   int // of the others one in so many is asked
	horizon int
	scores  []float32
	rows    []float32
}

func (s *autoState) viewer(e Event, ln *LaneView, t *turns) *viewer {
	rows, ahead, every := max(1, viewRows/ln.Group())*ln.Group(), s.roll, rollEvery
	if e.Kind == EndOfPrompt {
		ahead, every = s.horizon, 1
	}
	return &viewer{
		ln: ln, turns: t, angles: t.scratch(), now: e.Len, from: s.at, every: every, horizon: ahead,
		scores: make([]float32, rows*ln.Len()), rows: make([]float32, 0, rows*ln.KDim()),
	}
}

// future returns the mean square of the weights that the queries since the last
// compaction give to all slots when they stand at coming positions.
func (v *viewer) future() []float32 {
	out, n := make([]float32, v.ln.Len()), 0
	per := v.ln.Group() * v.ln.KDim()
	last := -1
	ask := func(q []float32, pos []int32) {
		for i, p := range pos {
			if int(p) < v.from || int(p) <= last || int(p)%v.every != 0 {
				continue
			}
			last = int(p)
			v.push(q[i*per:(i+1)*per], p)
			n++
			if len(v.rows) == cap(v.rows) {
				v.flush(out)
			}
		}
	}
	ask(v.ln.Observed())
	ask(v.ln.Queries())
	v.flush(out)
	if n > 0 {
		kernels.Scale(out, out, 1/float32(n*v.ln.Group()))
	}
	return out
}

// push adds the group's queries of one token, rotated to a coming position: the
// next horizon positions in a fixed scattered order.
func (v *viewer) push(q []float32, p int32) {
	at := len(v.rows)
	v.rows = append(v.rows, q...)
	to := v.now + int(uint64(uint32(p)*2654435761)*uint64(v.horizon)>>32)
	v.turns.turn(v.rows[at:], v.angles, v.ln.Group(), v.ln.KDim(), int32(to)-p)
}

// flush adds the squared weights of the pushed rows to out.
func (v *viewer) flush(out []float32) {
	n, dim, logW := v.ln.Len(), v.ln.KDim(), v.ln.LogW()
	rows := len(v.rows) / dim
	if rows == 0 || n == 0 {
		return
	}
	v.ln.Scores(v.rows, rows, v.scores[:rows*n])
	for r := range rows {
		row := v.scores[r*n : (r+1)*n]
		if logW != nil {
			kernels.Add(row, row, logW)
		}
		kernels.Softmax(row)
		kernels.Mul(row, row, row)
		kernels.Add(out, out, row)
	}
	v.rows = v.rows[:0]
}

// recent sets dst to the mean weight that the last window queries give to each
// slot where they stand.
func (v *viewer) recent(dst []float32, window int) {
	q, pos := v.ln.Queries()
	g, dim, n := v.ln.Group(), v.ln.KDim(), v.ln.Len()
	skip := max(0, len(pos)-window)
	q, pos = q[skip*g*dim:], pos[skip:]
	clear(dst)
	per := cap(v.rows) / (g * dim)
	for i := 0; i < len(pos); i += per {
		k := min(per, len(pos)-i)
		v.ln.Scores(q[i*g*dim:(i+k)*g*dim], k*g, v.scores[:k*g*n])
		for r := range k * g {
			row := v.scores[r*n : (r+1)*n]
			causalWeights(v.ln, row, pos[i+r/g])
			kernels.AddScaled(dst, row, 1/float32(len(pos)*g))
		}
	}
}

// globalCut distributes a number of slots over lanes: every lane keeps its first
// and last ones and a share of the rest, and the best scores of all lanes get what
// is left. The lower lane, then the lower slot, wins a tie.
type globalCut struct {
	first, last, budget int
	most                int // slots that a lane may have
	floor               float64
	orders              [][]uint64 // per lane: candidates, best first; see rank
	lens                []int
	take                []int // per lane: how many of them are kept
}

// rank packs a score (≥ 0) and a slot so that ascending order is best first.
func rank(score float32, slot int) uint64 {
	return uint64(^math.Float32bits(score))<<32 | uint64(slot)
}

// laneShare is how many times its budget one lane may hold.
const laneShare = 4

// add sorts the candidates of lane i.
func (g *globalCut) add(i int, scores []float32) {
	n := len(scores)
	order := make([]uint64, 0, max(0, n-g.first-g.last))
	for j := g.first; j < n-g.last; j++ {
		order = append(order, rank(scores[j], j))
	}
	slices.Sort(order)
	most := max(0, g.most-g.first-g.last)
	g.orders[i], g.lens[i] = order[:min(len(order), most)], n
}

// find decides how many candidates each lane keeps.
func (g *globalCut) find() {
	g.take = make([]int, len(g.orders))
	floor := int(g.floor * float64(g.budget-g.first-g.last))
	left := g.budget * len(g.orders)
	for i, o := range g.orders {
		g.take[i] = min(floor, len(o))
		left -= min(g.lens[i], g.first+g.last) + g.take[i]
	}
	// The largest score (smallest packed half) at which at most left candidates are better.
	lo, hi := uint64(0), uint64(1)<<32
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if g.above(mid) <= left {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	for i := range g.orders {
		n := g.count(i, lo)
		left -= n
		g.take[i] += n
	}
	for i := 0; i < len(g.orders) && left > 0; i++ { // ties at the cut
		n := min(left, g.count(i, lo+1))
		left -= n
		g.take[i] += n
	}
}

// count is how many candidates of lane i beyond those taken have a packed score
// below limit.
func (g *globalCut) count(i int, limit uint64) int {
	rest := g.orders[i][g.take[i]:]
	n, _ := slices.BinarySearchFunc(rest, limit, func(r, limit uint64) int {
		if r>>32 < limit {
			return -1
		}
		return 1
	})
	return n
}

func (g *globalCut) above(limit uint64) int {
	n := 0
	for i := range g.orders {
		n += g.count(i, limit)
	}
	return n
}

// keep appends the slots that lane i keeps, ascending.
func (g *globalCut) keep(dst []int32, i int) []int32 {
	n := g.lens[i]
	dst = ends(dst, min(g.first, n), g.first, 0)
	at := len(dst)
	for _, r := range g.orders[i][:g.take[i]] {
		dst = append(dst, int32(uint32(r)))
	}
	slices.Sort(dst[at:])
	return ends(dst, n, 0, min(g.last, max(0, n-g.first)))
}
