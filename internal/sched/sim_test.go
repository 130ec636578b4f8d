package sched

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// machine runs passes on a virtual clock: a pass costs what these numbers say,
// give or take some noise.
type machine struct {
	pass, row, logits, read, prompt float64
	noise                           *rand.Rand
}

// small is about SmolLM2-135M on two cores.
func small(seed uint64) *machine {
	return &machine{pass: 3.4e6, row: 2.3e5, logits: 6e4, read: 60, prompt: 200, noise: rand.New(rand.NewPCG(seed, 1))}
}

func (m *machine) took(w Work) Time {
	t := max(m.pass, float64(w.Rows)*m.row) + float64(w.LogitRows)*m.logits + float64(w.Read)*m.read + float64(w.Prompt)*m.prompt
	return Time(t * (1 + 0.04*m.noise.Float64()))
}

func (m *machine) prior() Prior {
	return Prior{Pass: m.pass * 2, Row: m.row / 2, Logits: m.logits, Read: m.read, Prompt: m.prompt * 2}
}

// sim drives a core.
type sim struct {
	c    *Core
	m    *machine
	now  Time
	pass Pass
	left map[uint64][]int32 // tokens that each sequence still generates
	reqs map[uint64]*Req
	last map[uint64]Time // of the last token
	gaps []Time
	ttft map[uint64]Time
	ends map[uint64]Time
	next uint64
}

func newSim(cfg Config, seed uint64) *sim {
	m := small(seed)
	return &sim{
		c: New(cfg, NewCost(m.prior())), m: m, left: map[uint64][]int32{}, reqs: map[uint64]*Req{}, last: map[uint64]Time{},
		ttft: map[uint64]Time{}, ends: map[uint64]Time{},
	}
}

func (s *sim) offer(r Req) (uint64, error) {
	s.next++
	r.ID, r.Arrived = s.next, s.now
	r.N = max(r.N, 1)
	if err := s.c.Offer(s.now, &r); err != nil {
		return 0, err
	}
	s.reqs[r.ID] = &r
	for range r.N {
		s.left[r.ID] = append(s.left[r.ID], r.MaxNew)
	}
	return r.ID, nil
}

// step runs one pass; false when there is nothing to do.
func (s *sim) step() bool {
	ok := s.c.Next(s.now, &s.pass)
	for _, id := range s.c.Expired() {
		delete(s.reqs, id)
	}
	if !ok {
		return false
	}
	took := s.m.took(s.pass.Work)
	s.now += took
	slices := append([]Slice(nil), s.pass.Slices...)
	s.c.Done(s.now, &s.pass, took)
	for _, sl := range slices {
		r := s.reqs[sl.ID]
		switch {
		case sl.Mode == ModePrompt && !sl.Last:
		case sl.Mode == ModePrompt && r.MaxNew == 0:
			s.end(sl.ID)
		case sl.Mode == ModePrompt:
			s.ttft[sl.ID] = s.now - r.Arrived
			for i := range r.N {
				s.token(sl.ID, i)
			}
		default:
			s.token(sl.ID, sl.Seq)
		}
	}
	return true
}

func (s *sim) token(id uint64, seq int16) {
	if seq == 0 {
		if t, ok := s.last[id]; ok {
			s.gaps = append(s.gaps, s.now-t)
		}
		s.last[id] = s.now
	}
	if s.left[id][seq]--; s.left[id][seq] == 0 {
		s.c.Finish(s.now, id, seq)
		for _, n := range s.left[id] {
			if n > 0 {
				return
			}
		}
		s.end(id)
	}
}

func (s *sim) end(id uint64) {
	s.ends[id] = s.now
	delete(s.reqs, id)
}

func percentile(v []Time, p float64) float64 {
	v = append([]Time(nil), v...)
	sort.Slice(v, func(i, j int) bool { return v[i] < v[j] })
	return float64(v[int(float64(len(v)-1)*p)])
}

// Long prompts that arrive while others decode stay within twice the gap, and
// without splitting do not.
func TestLongPromptsDoNotStallStreams(t *testing.T) {
	run := func(unsplit bool) (idle, busy, rate float64) {
		s := newSim(Config{Unsplit: unsplit, MaxRows: 512}, 7)
		for range 8 {
			_, err := s.offer(Req{Prompt: 20, MaxNew: 3000})
			require.NoError(t, err)
		}
		for s.now < 2*Second {
			s.step()
		}
		idle = percentile(s.gaps[len(s.gaps)/2:], 0.95)
		s.gaps = nil
		began := s.now
		for i := range 3 {
			_, err := s.offer(Req{Prompt: 2000, MaxNew: 2, Key: uint64(i + 1)})
			require.NoError(t, err)
		}
		for len(s.ttft) < 11 {
			require.True(t, s.step())
		}
		return idle, percentile(s.gaps, 0.95), 6000 / float64(s.now-began)
	}
	idle, busy, _ := run(false)
	require.LessOrEqual(t, busy, 2*idle, "gap with long prompts / idle = %.2f", busy/idle)
	_, unsplit, _ := run(true)
	require.GreaterOrEqual(t, unsplit, 3*busy)
}

// A short question does not wait behind a book.
func TestShortPromptsOvertakeLongOnes(t *testing.T) {
	s := newSim(Config{MaxRows: 512}, 3)
	_, err := s.offer(Req{Prompt: 20_000, MaxNew: 1})
	require.NoError(t, err)
	for range 3 {
		s.step()
	}
	id, err := s.offer(Req{Prompt: 50, MaxNew: 1, Key: 1})
	require.NoError(t, err)
	for s.ttft[id] == 0 {
		require.True(t, s.step())
	}
	require.Less(t, s.ttft[id], 400*Millisecond)
}

// The cost model finds the machine it runs on.
func TestCostLearns(t *testing.T) {
	s := newSim(Config{MaxRows: 256}, 5)
	r := rand.New(rand.NewPCG(1, 2))
	var errs []float64
	for n := range 4000 {
		if n%7 == 0 {
			_, _ = s.offer(Req{Prompt: 1 + r.Int32N(900), MaxNew: 1 + r.Int32N(90), Key: uint64(n % 3)}) // a full queue is fine
		}
		if !s.c.Next(s.now, &s.pass) {
			continue
		}
		s.step()
		if n > 1500 {
			took := float64(s.m.took(s.pass.Work))
			errs = append(errs, math.Abs(float64(s.c.cost.Predict(s.pass.Work))-took)/took)
		}
	}
	sort.Float64s(errs)
	require.Less(t, errs[len(errs)/2], 0.10, "median error")
	require.Less(t, errs[len(errs)*95/100], 0.30, "95th percentile")
}

// Keys share the machine by time, whatever the number of their requests.
func TestKeysAreServedAlike(t *testing.T) {
	s := newSim(Config{MaxRunning: 8, MaxPerKey: 200}, 9)
	for i := range 64 {
		_, err := s.offer(Req{Prompt: 100, MaxNew: 50, Key: 1})
		require.NoError(t, err, i)
	}
	for range 20 {
		s.step()
	}
	id, err := s.offer(Req{Prompt: 100, MaxNew: 5, Key: 2})
	require.NoError(t, err)
	for s.ttft[id] == 0 {
		require.True(t, s.step())
	}
	ahead := 0
	for _, e := range s.ends {
		if e < s.reqs[id].Arrived+s.ttft[id] {
			ahead++
		}
	}
	require.LessOrEqual(t, ahead, 16, "key 2 waited for %d requests of key 1", ahead)
}

func TestQueues(t *testing.T) {
	c := New(Config{MaxRunning: 1, MaxWaiting: 3, MaxPerKey: 2, Pool: 100}, NewCost(Prior{}))
	var p Pass
	require.False(t, c.Next(0, &p))
	require.NoError(t, c.Offer(0, &Req{ID: 1, Prompt: 5, MaxNew: 5, Worst: 60}))
	require.True(t, c.Next(0, &p))
	require.Equal(t, Prefill, c.Phase(1))
	require.NoError(t, c.Offer(0, &Req{ID: 2, Prompt: 5, MaxNew: 5, Worst: 60, Until: 10}))
	require.NoError(t, c.Offer(0, &Req{ID: 3, Prompt: 5, MaxNew: 5}))
	var full *FullError
	require.ErrorAs(t, c.Offer(0, &Req{ID: 4, Prompt: 5}), &full)
	require.True(t, full.PerKey)
	require.Equal(t, 2, full.Ahead)
	require.Contains(t, full.Error(), "of this key")
	require.NoError(t, c.Offer(0, &Req{ID: 5, Key: 7, Prompt: 5, MaxNew: 1}))
	require.ErrorAs(t, c.Offer(0, &Req{ID: 6, Key: 8, Prompt: 5}), &full)
	require.False(t, full.PerKey)
	require.GreaterOrEqual(t, full.RetryAfter, Second)
	var big *TooBigError
	require.ErrorAs(t, c.Offer(0, &Req{ID: 7, Key: 9, Prompt: 5, Worst: 101}), &big)
	require.Contains(t, big.Error(), "101")
	require.Equal(t, 1, c.Ahead(3))
	require.Equal(t, Time(10), c.Wake())
	c.Done(1, &p, 1000)
	require.True(t, c.Next(11, &p))
	require.Equal(t, []uint64{2}, c.Expired())
	require.Equal(t, Decode, c.Cancel(11, 1))
	require.Equal(t, Gone, c.Cancel(11, 1))
	require.Equal(t, Waiting, c.Cancel(11, 5))
	require.True(t, c.Next(12, &p))
	require.Equal(t, uint64(3), p.Slices[0].ID)
	require.Equal(t, Snapshot{Running: 1, Sequences: 1, Keys: 1, Pool: 100, Gamma: 1.8, CostError: c.cost.Error()}, c.Snapshot())
}

// A class goes first; a request that waits for memory is not overtaken for ever.
func TestOrderOfAdmission(t *testing.T) {
	c := New(Config{Pool: 100}, NewCost(Prior{}))
	var p Pass
	require.NoError(t, c.Offer(0, &Req{ID: 1, Key: 1, Prompt: 1, MaxNew: 99, Worst: 60}))
	require.True(t, c.Next(0, &p))
	c.Done(0, &p, 1000)
	require.NoError(t, c.Offer(0, &Req{ID: 2, Key: 2, Prompt: 1, MaxNew: 9, Worst: 90})) // does not fit
	require.NoError(t, c.Offer(0, &Req{ID: 3, Key: 3, Prompt: 1, MaxNew: 9, Worst: 30}))
	c.Next(1, &p)
	require.Equal(t, Prefill, c.Phase(3), "it overtakes")
	c.Cancel(1, 3)
	require.NoError(t, c.Offer(2*Second, &Req{ID: 4, Key: 4, Prompt: 1, MaxNew: 9, Worst: 30}))
	c.Next(2*Second+1, &p)
	require.Equal(t, Waiting, c.Phase(4), "memory is held for the second")
	c.Cancel(2*Second+2, 1)
	c.Next(2*Second+3, &p)
	require.Equal(t, Prefill, c.Phase(2))
	require.NoError(t, c.Offer(0, &Req{ID: 5, Key: 5, Prompt: 1, MaxNew: 9, Worst: 10, Class: 1}))
	require.NoError(t, c.Offer(0, &Req{ID: 6, Key: 6, Prompt: 1, MaxNew: 9, Worst: 10}))
	c.Next(2*Second+4, &p)
	require.Equal(t, Prefill, c.Phase(5))
	require.Equal(t, Waiting, c.Phase(6))
}

// Whatever comes and goes, what must hold holds and every request ends.
func TestCoreProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{
			MaxRows: rapid.IntRange(16, 64).Draw(t, "rows"), MaxRunning: rapid.IntRange(1, 40).Draw(t, "running"),
			MaxWaiting: 20, MaxPerKey: 12, Pool: 1000,
		}
		s := newSim(cfg, 1)
		limit := min(cfg.MaxRunning, cfg.MaxRows)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1, 2:
				n := rapid.Int16Range(1, 4).Draw(t, "n")
				_, _ = s.offer(Req{ // a full queue is fine
					Key: rapid.Uint64Range(1, 4).Draw(t, "key"), Prompt: rapid.Int32Range(1, 300).Draw(t, "prompt"), N: n,
					MaxNew: rapid.Int32Range(0, 20).Draw(t, "new"), Worst: rapid.Int64Range(0, 400).Draw(t, "worst"),
				})
			case 3:
				if len(s.reqs) > 0 {
					id := rapid.Uint64Range(1, s.next).Draw(t, "cancel")
					s.c.Cancel(s.now, id)
					delete(s.reqs, id)
				}
			case 4:
				if s.next > 0 {
					id := rapid.Uint64Range(1, s.next).Draw(t, "stall")
					s.c.Stall(id, 0, rapid.Bool().Draw(t, "on"))
				}
			default:
				s.step()
			}
			invariants(t, s, limit)
		}
		for id := range s.reqs {
			for seq := range int16(MaxN) {
				s.c.Stall(id, seq, false)
			}
		}
		for i := 0; s.step(); i++ {
			require.Less(t, i, 100_000, "it does not end")
			invariants(t, s, limit)
		}
		require.Empty(t, s.reqs)
		require.Equal(t, Snapshot{Pool: 1000, Gamma: s.c.gamma, CostError: s.c.cost.Error()}, s.c.Snapshot())
	})
}

func invariants(t require.TestingT, s *sim, limit int) {
	c := s.c
	sum, seqs, waiting := int64(0), 0, 0
	for _, e := range c.running {
		sum += e.Worst
		seqs += int(e.N)
		require.Contains(t, []Phase{Prefill, Decode}, e.phase)
	}
	for _, k := range c.order {
		waiting += len(k.waiting)
		for _, e := range k.waiting {
			require.Equal(t, Waiting, e.phase)
		}
	}
	require.Equal(t, sum, c.reserved)
	require.LessOrEqual(t, c.reserved, c.cfg.Pool)
	require.Equal(t, seqs, c.seqs)
	require.Equal(t, waiting, c.waiting)
	require.Len(t, c.byID, waiting+len(c.running))
	if len(c.running) > 1 {
		require.LessOrEqual(t, c.seqs, limit)
	}
	require.LessOrEqual(t, int(s.pass.Rows), c.cfg.MaxRows)
	rows := int32(0)
	for _, sl := range s.pass.Slices {
		rows += sl.N
		require.Positive(t, sl.N)
	}
	require.Equal(t, s.pass.Rows, rows)
}

// Planning allocates nothing once its memory is there.
func TestPlanningAllocatesNothing(t *testing.T) {
	s := newSim(Config{MaxRows: 256}, 2)
	for i := range 64 {
		_, err := s.offer(Req{Prompt: 10, MaxNew: 1 << 20, Key: uint64(i % 5)})
		require.NoError(t, err)
	}
	for range 50 {
		s.step()
	}
	n := testing.AllocsPerRun(200, func() {
		s.c.Next(s.now, &s.pass)
		s.now += 1000
		s.c.Done(s.now, &s.pass, 5e6)
	})
	require.Zero(t, n)
}

func BenchmarkNextDone(b *testing.B) {
	s := newSim(Config{MaxRows: 256, MaxWaiting: 512, MaxPerKey: 512}, 2)
	for i := range 320 { // 64 run, 256 wait
		if _, err := s.offer(Req{Prompt: 40, MaxNew: 1 << 20, Key: uint64(i % 5)}); err != nil {
			b.Fatal(err)
		}
	}
	for range 200 {
		s.step()
	}
	b.ReportAllocs()
	for b.Loop() {
		s.c.Next(s.now, &s.pass)
		s.c.Done(s.now, &s.pass, 5e6)
	}
}

func ExampleCore() {
	c := New(Config{MaxRows: 64}, NewCost(Prior{Pass: 3e6, Row: 2e5, Logits: 5e4, Read: 50, Prompt: 100}))
	var p Pass
	_ = c.Offer(0, &Req{ID: 1, Prompt: 8, MaxNew: 4})
	for now := Time(0); c.Next(now, &p) && now < 3*Millisecond; now += Millisecond {
		for _, s := range p.Slices {
			fmt.Println(s.ID, s.Mode == ModePrompt, s.N)
		}
		c.Done(now, &p, Millisecond)
	}
	// Output:
	// 1 true 8
	// 1 false 1
	// 1 false 1
}
