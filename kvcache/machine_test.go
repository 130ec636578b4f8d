package kvcache

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// scripted is a policy whose state does what the test puts into next.
type scripted struct{ needs Needs }

func (scripted) Name() string                             { return "scripted" }
func (scripted) Help() string                             { return "for tests" }
func (p scripted) New(q Params, _ *Config) (State, error) { return &script{needs: p.needs}, q.Only() }
func (s *script) Needs() Needs                            { return s.needs }
func (s *script) Exact() bool                             { return !s.cut }
func (s *script) Due(Event) bool                          { return s.next != nil }
func (s *script) Clone() State                            { return &script{needs: s.needs, cut: s.cut} }
func (s *script) MarshalBinary() ([]byte, error)          { return []byte{map[bool]byte{true: 1}[s.cut]}, nil }
func (s *script) UnmarshalBinary(b []byte) error          { s.cut = len(b) == 1 && b[0] == 1; return nil }

type script struct {
	needs Needs
	next  func(c *Compaction) error
	cut   bool
}

func (s *script) Compact(_ Event, c *Compaction) error {
	f := s.next
	s.next = nil
	if err := f(c); err != nil {
		return err
	}
	s.cut = true
	return nil
}

// machine is a cache beside its model.
type machine struct {
	t    testing.TB
	r    *rand.Rand
	c    *Cache
	st   *Step
	tmp  []byte
	all  []*naiveSeq
	next int
	k, v []float32
}

func machineConfig(ty DType) Config {
	dim := map[DType]int{F32: 4, F16: 4}[ty]
	if dim == 0 {
		dim = 32
	}
	return Config{
		Layers: []LayerSpec{
			{KVHeads: 2, KDim: dim, VDim: dim, QHeads: 4, Rope: &Rope{Inv: []float64{1, 0.01}}},
			{KVHeads: 1, KDim: dim, VDim: dim, Window: 40},
			{KVHeads: 1, KDim: dim, VDim: dim},
		},
		K: ty, V: ty, Ctx: 300,
	}
}

func newMachine(t testing.TB, cfg Config, seed uint64) *machine {
	c, err := Open(cfg)
	require.NoError(t, err)
	m := &machine{t: t, r: rand.New(rand.NewPCG(seed, 1)), c: c, st: NewStep(4, 64), tmp: make([]byte, c.TmpBytes())}
	m.k, m.v = make([]float32, 2*cfg.Layers[0].KDim), make([]float32, 2*cfg.Layers[0].VDim)
	m.add()
	return m
}

func (m *machine) add() {
	s, err := m.c.NewSeq("scripted")
	require.NoError(m.t, err)
	n := &naiveSeq{s: s}
	for i := range m.c.lanes {
		if m.c.lanes[i].spec.Window == 0 {
			n.lanes = append(n.lanes, nil)
		}
	}
	m.all = append(m.all, n)
}

// value is component d of the key (which = 0) or value (1) of a token in a lane.
func value(tok, lane, which, d int) float32 {
	h := uint32(tok*31+lane*7+which*3+d) * 2654435761
	return float32(int32(h>>16)%256) / 64
}

func (m *machine) put(toks []int) {
	for layer := range m.c.cfg.Layers {
		spec := &m.c.cfg.Layers[layer]
		for r, tok := range toks {
			for h := range spec.KVHeads {
				for d := range spec.KDim {
					m.k[h*spec.KDim+d] = value(tok, m.c.first[layer]+h, 0, d)
					m.v[h*spec.VDim+d] = value(tok, m.c.first[layer]+h, 1, d)
				}
			}
			m.st.Put(layer, r, m.k, m.v, m.tmp)
		}
	}
}

func (m *machine) append(q *naiveSeq, n int, commit bool) {
	if len(q.toks)+n > m.c.cfg.Ctx {
		return
	}
	require.NoError(m.t, m.c.Begin(m.st, []Rows{{Seq: q.s, N: n}}))
	toks := make([]int, n)
	for i := range toks {
		m.next++
		toks[i] = m.next
	}
	m.put(toks)
	if !commit {
		m.st.Abort()
		return
	}
	li := 0
	for i := range m.c.lanes {
		spec := &m.c.lanes[i].spec
		if spec.Window > 0 {
			continue
		}
		for j, tok := range toks {
			s := naiveSlot{pos: int32(q.n + j), size: 1}
			for d := range spec.KDim {
				s.k = append(s.k, float64(value(tok, i, 0, d)))
				s.v = append(s.v, float64(value(tok, i, 1, d)))
			}
			q.lanes[li] = append(q.lanes[li], s)
		}
		li++
	}
	q.n += n
	q.toks = append(q.toks, toks...)
	require.NoError(m.t, m.st.Commit())
}

// cut lets the policy drop, merge and shift at random, in the cache and in the
// model.
func (m *machine) cut(q *naiveSeq) {
	if q.n == 0 || len(q.toks)+1 > m.c.cfg.Ctx {
		return
	}
	st := q.s.state.(*script)
	merges := m.r.IntN(3) == 0
	st.next = func(c *Compaction) error {
		for i := range c.Lanes() {
			if m.r.IntN(5) > 0 {
				m.plan(c, q, i, merges)
			}
		}
		q.frozen = q.n
		return nil
	}
	before := q.s.count.compactions
	m.append(q, 1, true)
	require.Nil(m.t, st.next)
	if q.s.count.compactions == before { // no lane was touched
		q.frozen = q.s.frozen
	}
}

func (m *machine) plan(c *Compaction, q *naiveSeq, i int, merges bool) {
	lane, p := q.lanes[i], c.Plan(i)
	require.Equal(m.t, len(lane), c.Lane(i).Len())
	p.Unrotated = m.r.IntN(2) == 0
	gone := m.dropped(len(lane), p)
	if merges {
		m.mergeSome(p, gone)
	}
	if len(lane) > 10 && m.r.IntN(6) == 0 {
		p.Shift, p.ShiftTo = int32(m.r.IntN(9)), 4
	}
	q.lanes[i] = m.carryOut(lane, p, &m.c.lanes[c.Lane(i).li].spec)
}

// dropped fills Keep and returns the slots that are not in it.
func (m *machine) dropped(n int, p *LanePlan) (gone []int32) {
	lo, hi := 0, 0
	switch m.r.IntN(3) {
	case 0: // a range
		lo = m.r.IntN(n)
		hi = min(n, lo+1+m.r.IntN(80))
	case 1: // whole blocks
		lo = m.r.IntN(n) / BlockSlots * BlockSlots
		hi = min(n, lo+BlockSlots)
	}
	share := m.r.IntN(10)
	for s := range n {
		switch drop := s >= lo && s < hi || hi == 0 && m.r.IntN(10) < share; {
		case drop && s < n-1:
			gone = append(gone, int32(s))
		default:
			p.Keep = append(p.Keep, int32(s))
		}
	}
	return gone
}

// mergeSome folds some of the slots that go into their neighbours.
func (m *machine) mergeSome(p *LanePlan, gone []int32) {
	into := map[int32]int{}
	for _, g := range gone {
		if m.r.IntN(2) == 0 {
			continue
		}
		at, _ := slices.BinarySearch(p.Keep, g)
		d := p.Keep[min(at, len(p.Keep)-1)]
		k, ok := into[d]
		if !ok {
			k = len(p.Merge)
			into[d] = k
			p.Merge = append(p.Merge, Merge{Dst: d})
		}
		p.Merge[k].Src = append(p.Merge[k].Src, g)
	}
}

func (m *machine) truncate(q *naiveSeq, n int) {
	err := q.s.Truncate(n)
	if n < q.frozen {
		require.ErrorIs(m.t, err, ErrCannotTruncate)
		return
	}
	if err != nil {
		require.ErrorIs(m.t, err, ErrCannotTruncate) // a windowed layer
		return
	}
	for i, l := range q.lanes {
		for len(l) > 0 && int(l[len(l)-1].pos) >= n {
			l = l[:len(l)-1]
		}
		q.lanes[i] = l
	}
	q.n, q.toks = n, q.toks[:n]
}

func (m *machine) step() {
	q := m.all[m.r.IntN(len(m.all))]
	switch n := m.r.IntN(100); {
	case n < 60:
		m.append(q, 1+m.r.IntN(4), true)
	case n < 64:
		m.append(q, 1+m.r.IntN(60), m.r.IntN(2) == 0)
	case n < 82:
		m.cut(q)
	case n < 88 && len(m.all) < 6:
		f, err := q.s.Fork()
		require.NoError(m.t, err)
		m.all = append(m.all, q.clone(f))
	case n < 93:
		m.truncate(q, q.n-min(q.n, m.r.IntN(20)))
	case n < 95 || q.n > m.c.cfg.Ctx-5:
		m.drop(q)
	case n < 97:
		m.append(q, 1, false)
	case n < 98:
		m.saveLoad(q)
	case len(m.all) < 6:
		m.add()
	}
}

func (m *machine) drop(q *naiveSeq) {
	q.s.Close()
	m.all = slices.DeleteFunc(m.all, func(o *naiveSeq) bool { return o == q })
	if len(m.all) == 0 {
		m.add()
	}
}

func (m *machine) seqs() (out []*Seq) {
	for _, q := range m.all {
		out = append(out, q.s)
	}
	return out
}

// A long random run of everything that changes a sequence, beside a model made
// of plain lists: no difference, and reference counts exact.
func TestMachine(t *testing.T) {
	withPolicy(t, scripted{Needs{Weights: true, Keys: true}})
	steps := 1_000_000
	if testing.Short() {
		steps = 30_000
	}
	m := newMachine(t, machineConfig(F32), 11)
	for i := range steps {
		m.step()
		if i%50 == 0 {
			m.check(m.all[m.r.IntN(len(m.all))], 2e-3)
		}
		if i%500 == 0 {
			checkPool(t, m.c, m.seqs()...)
		}
	}
	for _, q := range m.all {
		m.check(q, 2e-3)
		q.s.Close()
	}
	checkPool(t, m.c)
	require.Zero(t, m.c.Stats().Bytes)
	require.NoError(t, m.c.Close())
}

// The same with every storage type; slots that only move keep their bits.
func TestMachineTypes(t *testing.T) {
	withPolicy(t, scripted{Needs{Weights: true, Keys: true}})
	for _, ty := range []DType{F16, BF16, Q8_0, Q4_0, I16} {
		t.Run(ty.String(), func(t *testing.T) {
			m := newMachine(t, machineConfig(ty), 5)
			tol := map[DType]float64{I16: 5e-3, F16: 2e-2, BF16: 0.2, Q8_0: 0.3, Q4_0: 4}[ty]
			for i := range 3000 {
				m.step()
				if i%20 == 0 {
					m.check(m.all[0], tol)
				}
			}
			checkPool(t, m.c, m.seqs()...)
		})
	}
}

// A plan that contradicts itself is an error and the sequence goes on as it was.
func TestBadPlans(t *testing.T) {
	withPolicy(t, scripted{Needs{Keys: true}})
	bad := map[string]func(p *LanePlan){
		"nothing kept":       func(p *LanePlan) { p.Keep = []int32{} },
		"not ascending":      func(p *LanePlan) { p.Keep = []int32{2, 1} },
		"twice":              func(p *LanePlan) { p.Keep = []int32{2, 2} },
		"missing":            func(p *LanePlan) { p.Keep = []int32{1, 99} },
		"negative":           func(p *LanePlan) { p.Keep = []int32{-1, 3} },
		"merge unasked":      func(p *LanePlan) { p.Keep, p.Merge = []int32{1}, []Merge{{Dst: 1, Src: []int32{2}}} },
		"untouched, shifted": func(p *LanePlan) { p.Shift = 3 },
	}
	for name, f := range bad {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, machineConfig(F32), 3)
			m.append(m.all[0], 40, true)
			st := m.all[0].s.state.(*script)
			st.next = func(c *Compaction) error { c.Plan(0).Keep = []int32{0, 1}; f(c.Plan(2)); return nil }
			require.NoError(t, m.c.Begin(m.st, []Rows{{Seq: m.all[0].s, N: 1}}))
			err := m.st.Commit()
			require.ErrorIs(t, err, ErrPolicy)
			require.ErrorContains(t, err, "scripted")
			require.NoError(t, m.all[0].s.Truncate(40))
			m.check(m.all[0], 0)
			checkPool(t, m.c, m.all[0].s)
		})
	}
	require.Len(t, bad, 7, "cases")
}

// A compaction that the pool has no room for waits; nothing is lost.
func TestCompactionWithoutRoomWaits(t *testing.T) {
	withPolicy(t, scripted{Needs{Keys: true}})
	cfg := machineConfig(F32)
	cfg.PoolBytes = cfg.SeqBytes(200, 200)
	m := newMachine(t, cfg, 3)
	q := m.all[0]
	m.append(q, 60, true)
	m.append(q, 60, true)
	f, err := q.s.Fork() // every block is shared: a cut frees nothing
	require.NoError(t, err)
	g := q.clone(f)
	m.all = append(m.all, g)
	m.append(g, 60, true)
	odd := func(c *Compaction) error {
		for i := range c.Lanes() {
			for s := 1; s < c.Lane(i).Len(); s += 2 {
				c.Plan(i).Keep = append(c.Plan(i).Keep, int32(s))
			}
		}
		return nil
	}
	q.s.state.(*script).next = odd
	m.append(q, 1, true)
	require.Equal(t, 1, q.s.Stats().Deferred)
	m.check(q, 0)
	m.check(g, 0)
	checkPool(t, m.c, q.s, f)
	f.Close()
	q.s.state.(*script).next = odd
	require.NoError(t, m.c.Begin(m.st, []Rows{{Seq: q.s, N: 1}}))
	require.NoError(t, m.st.Commit())
	require.Equal(t, 1, q.s.Stats().Compactions)
	require.Equal(t, 61, q.s.Live())
	checkPool(t, m.c, q.s)
}
