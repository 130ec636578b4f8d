package attention

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/parallel"
	"kvasir/kvcache"
)

// cutter is a policy that carries out one plan per lane when told to.
type cutter struct {
	needs kvcache.Needs
	plan  func(lane int, v *kvcache.LaneView, p *kvcache.LanePlan)
	at    int
	done  *bool
}

func (cutter) Name() string { return "cutter" }
func (cutter) Help() string { return "for tests" }

func (c cutter) New(p kvcache.Params, _ *kvcache.Config) (kvcache.State, error) { return c, p.Only() }
func (c cutter) Needs() kvcache.Needs                                           { return c.needs }
func (c cutter) Exact() bool                                                    { return !*c.done }
func (c cutter) Due(e kvcache.Event) bool                                       { return e.Len == c.at && !*c.done }
func (c cutter) Clone() kvcache.State                                           { return c }
func (c cutter) MarshalBinary() ([]byte, error)                                 { return nil, nil }
func (c cutter) UnmarshalBinary([]byte) error                                   { return nil }

func (c cutter) Compact(_ kvcache.Event, k *kvcache.Compaction) error {
	*c.done = true
	return k.Each(func(_, lane int) error {
		c.plan(lane, k.Lane(lane), k.Plan(lane))
		return nil
	})
}

// moved runs a layer whose cache is cut after the token at, in steps of the
// given sizes, and returns the outputs of all rows.
func (f *fixture) moved(t *testing.T, c cutter, workers int, rot func(s *kvcache.Step, row int, q, k []float32), chunks ...int) []float32 {
	done := false
	c.done = &done
	kvcache.Policies["cutter"] = c
	defer delete(kvcache.Policies, "cutter")
	ca, err := kvcache.Open(f.cache)
	require.NoError(t, err)
	s, err := ca.NewSeq("cutter")
	require.NoError(t, err)
	pool := parallel.New(workers)
	defer pool.Close()
	r := NewRunner(pool, denseSelector{}, []Layer{f.l}, f.n, f.n)
	st, tmp, l := kvcache.NewStep(1, f.n), make([]byte, ca.TmpBytes()), &f.l
	ldq, ldk, ldv := l.QHeads*l.KDim, l.KVHeads*l.KDim, l.KVHeads*l.VDim
	q, k := slices.Clone(f.q), slices.Clone(f.k)
	out := make([]float32, f.n*l.QHeads*l.VDim)
	for from := 0; from < f.n; {
		n := min(chunks[0], f.n-from)
		if len(chunks) > 1 {
			chunks = chunks[1:]
		}
		require.NoError(t, ca.Begin(st, []kvcache.Rows{{Seq: s, N: n}}))
		for i := range n {
			p := from + i
			rot(st, i, q[p*ldq:(p+1)*ldq], k[p*ldk:(p+1)*ldk])
			st.Put(0, i, k[p*ldk:(p+1)*ldk], f.v[p*ldv:(p+1)*ldv], tmp)
		}
		require.NoError(t, r.Forward(out[from*l.QHeads*l.VDim:], l, st, q[from*ldq:], ldq))
		require.NoError(t, st.Commit())
		from += n
	}
	require.True(t, done)
	return out
}

// slot is what the definition knows of a kept key.
type slot struct {
	tok  int
	at   float64 // position it is rotated to
	logW float64
}

// want is the definition of attention of row p over the slots given, for
// queries at position qp.
func (f *fixture) want(p int, qp float64, rope *kvcache.Rope, slots func(head int) []slot) []float64 {
	l := &f.l
	out := make([]float64, l.QHeads*l.VDim)
	for h := range l.QHeads {
		kv := h / l.Group()
		q := turn64(f.q[(p*l.QHeads+h)*l.KDim:][:l.KDim], rope, qp)
		var w []float64
		top, sum := math.Inf(-1), 0.0
		list := slots(kv)
		for _, s := range list {
			k := turn64(f.k[(s.tok*l.KVHeads+kv)*l.KDim:][:l.KDim], rope, s.at)
			x := 0.0
			for d := range k {
				x += q[d] * k[d]
			}
			x *= float64(l.Scale)
			if l.SoftCap > 0 {
				x = float64(l.SoftCap) * math.Tanh(x/float64(l.SoftCap))
			}
			w = append(w, x+s.logW)
			top = max(top, x+s.logW)
		}
		for i := range w {
			w[i] = math.Exp(w[i] - top)
			sum += w[i]
		}
		for i, s := range list {
			for d := range l.VDim {
				out[h*l.VDim+d] += w[i] / sum * float64(f.v[(s.tok*l.KVHeads+kv)*l.VDim+d])
			}
		}
	}
	return out
}

func turn64(x []float32, rope *kvcache.Rope, pos float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	for i, f := range rope.Inv {
		a, b := 2*i, 2*i+1
		if rope.Neox {
			a, b = i, i+len(rope.Inv)
		}
		sin, cos := math.Sincos(f * pos)
		out[a], out[b] = out[a]*cos-out[b]*sin, out[b]*cos+out[a]*sin
	}
	return out
}

func movedFixture(neox bool) (*fixture, *kvcache.Rope) {
	f := newFixture(Layer{QHeads: 4, KVHeads: 2, KDim: 32, VDim: 32, Scale: 0.2, SoftCap: 20}, 700, kvcache.F32)
	rope := &kvcache.Rope{Neox: neox}
	for i := range 12 { // 24 of 32 dimensions
		rope.Inv = append(rope.Inv, math.Pow(100, -float64(i)/12))
	}
	f.cache.Layers[0].Rope = rope
	return f, rope
}

const cutAt = 650

// sinksPlan keeps the first 4 slots and those from lo on, different ones in
// each head, and moves the first ones up.
func sinksPlan(lane int, v *kvcache.LaneView, p *kvcache.LanePlan) {
	lo := int32(100 + 7*lane)
	for s := range int32(v.Len()) {
		if s < 4 || s >= lo {
			p.Keep = append(p.Keep, s)
		}
	}
	p.Shift, p.ShiftTo = lo-4, 4
}

// Keys that a policy moved are scored at their new positions, by masks at
// their own; ragged heads, any cut of the work.
func TestShiftedKeys(t *testing.T) {
	for _, neox := range []bool{false, true} {
		f, rope := movedFixture(neox)
		rot := func(s *kvcache.Step, row int, q, k []float32) {
			rope.Rotate(q, f.l.QHeads, f.l.KDim, s.RotPos()[row])
			rope.Rotate(k, f.l.KVHeads, f.l.KDim, s.RotPos()[row])
		}
		got := f.moved(t, cutter{plan: sinksPlan, at: cutAt}, 2, rot, cutAt, 1)
		for p := 640; p < f.n; p++ {
			want := f.want(p, float64(p), rope, func(head int) (out []slot) {
				for tok := range p + 1 {
					lo := 100 + 7*head
					switch {
					case p < cutAt || tok >= lo:
						out = append(out, slot{tok: tok, at: float64(tok)})
					case tok < 4:
						out = append(out, slot{tok: tok, at: float64(tok + lo - 4)})
					}
				}
				return out
			})
			near(t, want, got[p*len(want):(p+1)*len(want)], p)
		}
		for _, cut := range [][]int{{cutAt, 50}, {cutAt, 7, 3, 40}, {300, 350, 2}} {
			for _, workers := range []int{1, 3} {
				requireSameBits(t, got, f.moved(t, cutter{plan: sinksPlan, at: cutAt}, workers, rot, cut...), "chunks %v, %d workers", cut, workers)
			}
		}
	}
}

func near(t *testing.T, want []float64, got []float32, p int) {
	t.Helper()
	for i := range want {
		require.InDelta(t, want[i], got[i], 3e-5, "row %d value %d", p, i)
	}
}

// Keys stored without rotation are rotated to their places in the cache.
func TestRawKeys(t *testing.T) {
	for _, neox := range []bool{false, true} {
		f, rope := movedFixture(neox)
		rot := func(s *kvcache.Step, row int, q, _ []float32) {
			require.True(t, s.Raw(row))
			rope.Rotate(q, f.l.QHeads, f.l.KDim, s.RotPos()[row])
		}
		kept := func(s, lane int) bool { return s < 4 || s%3 != lane }
		plan := func(lane int, v *kvcache.LaneView, p *kvcache.LanePlan) {
			for s := range v.Len() - 1 - lane { // equally long: 650 = 2 more than a multiple of 3
				if kept(s, lane) {
					p.Keep = append(p.Keep, int32(s))
				}
			}
			p.Keep = p.Keep[:430]
		}
		c := cutter{needs: kvcache.Needs{Raw: true}, plan: plan, at: cutAt}
		got := f.moved(t, c, 2, rot, cutAt, 1)
		for p := 640; p < f.n; p++ {
			at := float64(p)
			if p >= cutAt {
				at = float64(430 + p - cutAt)
			}
			want := f.want(p, at, rope, func(head int) (out []slot) {
				if p < cutAt {
					for tok := range p + 1 {
						out = append(out, slot{tok: tok, at: float64(tok)})
					}
					return out
				}
				for s := 0; len(out) < 430; s++ {
					if kept(s, head) {
						out = append(out, slot{tok: s, at: float64(len(out))})
					}
				}
				for tok := cutAt; tok <= p; tok++ {
					out = append(out, slot{tok: tok, at: float64(len(out))})
				}
				return out
			})
			near(t, want, got[p*len(want):(p+1)*len(want)], p)
		}
		requireSameBits(t, got, f.moved(t, c, 1, rot, cutAt, 9, 5, 20), "raw")
	}
}

// Merged keys count as many as they stand for: doubled tokens that are merged
// pairwise, with log weights, give what the doubled tokens gave.
func TestMergedDuplicates(t *testing.T) {
	f := newFixture(Layer{QHeads: 4, KVHeads: 2, KDim: 32, VDim: 32, Scale: 0.2}, 600, kvcache.F32)
	for p := 1; p < 500; p += 2 {
		copy(f.k[p*64:(p+1)*64], f.k[(p-1)*64:p*64])
		copy(f.v[p*64:(p+1)*64], f.v[(p-1)*64:p*64])
	}
	run := func(unweighted bool) []float32 {
		plan := func(_ int, v *kvcache.LaneView, p *kvcache.LanePlan) {
			p.Unweighted = unweighted
			for s := range int32(v.Len()) {
				if s%2 == 0 || s >= 500 {
					p.Keep = append(p.Keep, s)
				} else {
					p.Merge = append(p.Merge, kvcache.Merge{Dst: s - 1, Src: []int32{s}})
				}
			}
		}
		c := cutter{needs: kvcache.Needs{Weights: true}, plan: plan, at: 580}
		return f.moved(t, c, 2, func(*kvcache.Step, int, []float32, []float32) {}, 580, 1)
	}
	dense := f.run(t, 2, denseSelector{}, 580, 1)
	got, without := run(false), run(true)
	worst := 0.0
	for i := range dense {
		require.InDelta(t, dense[i], got[i], 1e-5)
		worst = max(worst, math.Abs(float64(dense[i]-without[i])))
	}
	require.Greater(t, worst, 1e-2, "without log weights it must not agree")
}
