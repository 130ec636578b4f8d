package kvcache

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// naiveSlot is what the model knows of a slot.
type naiveSlot struct {
	pos   int32
	size  float64
	shift int32
	k, v  []float64
}

// naiveSeq is a sequence as the definition has it: lists of slots.
type naiveSeq struct {
	s      *Seq
	n      int
	toks   []int
	lanes  [][]naiveSlot // full lanes only
	frozen int
}

func (m *naiveSeq) clone(s *Seq) *naiveSeq {
	c := &naiveSeq{s: s, n: m.n, toks: slices.Clone(m.toks), frozen: m.frozen}
	for _, l := range m.lanes {
		c.lanes = append(c.lanes, slices.Clone(l))
	}
	return c
}

// carryOut is the definition of a plan.
func (m *machine) carryOut(lane []naiveSlot, p *LanePlan, spec *LayerSpec) []naiveSlot {
	var out []naiveSlot
	for _, s := range p.Keep {
		x := lane[s]
		for _, g := range p.Merge {
			if g.Dst == s {
				x = fold(lane, append([]int32{s}, g.Src...), p.Unrotated, spec)
			}
		}
		if s < p.ShiftTo {
			x.shift += p.Shift
		}
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(a, b naiveSlot) int { return cmp.Compare(a.pos, b.pos) })
	return out
}

func fold(lane []naiveSlot, members []int32, unrotated bool, spec *LayerSpec) naiveSlot {
	out := naiveSlot{shift: lane[members[0]].shift, k: make([]float64, spec.KDim), v: make([]float64, spec.VDim)}
	at := 0.0
	for _, s := range members {
		out.size += lane[s].size
		at += lane[s].size * float64(lane[s].pos)
	}
	out.pos = int32(at/out.size + 1e-3)
	for _, s := range members {
		x := &lane[s]
		by := x.shift - out.shift
		if unrotated {
			by = out.pos - x.pos
		}
		k := slices.Clone(x.k)
		if spec.Rope != nil {
			for i, f := range spec.Rope.Inv {
				sin, cos := math.Sincos(f * float64(by))
				k[2*i], k[2*i+1] = k[2*i]*cos-k[2*i+1]*sin, k[2*i+1]*cos+k[2*i]*sin
			}
		}
		for d := range k {
			out.k[d] += x.size / out.size * k[d]
			out.v[d] += x.size / out.size * x.v[d]
		}
	}
	return out
}

// check compares what attention would see with the model.
func (m *machine) check(q *naiveSeq, tol float64) {
	require.Equal(m.t, q.n, q.s.Len())
	if q.n == m.c.cfg.Ctx {
		return
	}
	require.NoError(m.t, m.c.Begin(m.st, []Rows{{Seq: q.s, N: 1}}))
	defer m.st.Abort()
	var v View
	li := 0
	for i := range m.c.lanes {
		ls := &m.c.lanes[i]
		m.st.View(&v, 0, ls.layer, ls.head, 0, 1)
		if ls.spec.Window > 0 {
			continue
		}
		m.checkLane(&v, q.lanes[li], ls, tol)
		li++
	}
}

func (m *machine) checkLane(v *View, want []naiveSlot, ls *laneSpec, tol float64) {
	kt, vt := make([]float32, ls.spec.KDim*BlockSlots), make([]float32, ls.spec.VDim*BlockSlots)
	at := 0
	for i := range v.Segs {
		seg := &v.Segs[i]
		v.LoadK(kt, seg)
		v.LoadV(vt, seg)
		for j, pos := range seg.Pos {
			if at == len(want) { // the row of the probing step
				require.Equal(m.t, len(v.Segs)-1, i)
				return
			}
			w := &want[at]
			at++
			size := 1.0
			if seg.LogW != nil {
				size = math.Exp(float64(seg.LogW[j]))
			}
			if pos != w.pos || seg.Shift != w.shift || math.Abs(size/w.size-1) > 1e-4 {
				require.Failf(m.t, "slot", "layer %d head %d slot %d: position %d shift %d size %g, want %d %d %g",
					ls.layer, ls.head, at-1, pos, seg.Shift, size, w.pos, w.shift, w.size)
			}
			for d := range ls.spec.KDim {
				gk, gv := float64(kt[d*BlockSlots+j]), float64(vt[j*ls.spec.VDim+d])
				if math.Abs(gk-w.k[d]) > tol || math.Abs(gv-w.v[d]) > tol {
					require.Failf(m.t, "stored values", "layer %d head %d slot %d: key %g, want %g; value %g, want %g", ls.layer, ls.head, at-1, gk, w.k[d], gv, w.v[d])
				}
			}
		}
	}
	require.Equal(m.t, len(want), at)
}

// checkPool compares every reference count with the tables that there are.
func checkPool(t testing.TB, c *Cache, seqs ...*Seq) {
	refs := map[*class]map[uint32]int32{}
	for _, s := range seqs {
		for i := range s.lanes {
			cl := c.lanes[i].class
			if refs[cl] == nil {
				refs[cl] = map[uint32]int32{}
			}
			for _, id := range s.lanes[i].blocks {
				refs[cl][id]++
			}
		}
	}
	var used int64
	for _, cl := range c.pool.classes {
		require.Zero(t, cl.held, "blocks stay reserved")
		total := len(*cl.slabs.Load()) * cl.perSlab
		require.Equal(t, total, len(cl.free)+len(refs[cl]), "blocks in use and free")
		for id, n := range refs[cl] {
			require.Equal(t, n, cl.meta(id).refs, "block %d", id)
		}
		used += int64(len(refs[cl]) * cl.size)
	}
	require.Equal(t, used, c.pool.used)
}

// withPolicy makes a policy known for the length of a test.
func withPolicy(t *testing.T, p Policy) {
	Policies[p.Name()] = p
	t.Cleanup(func() { delete(Policies, p.Name()) })
}
