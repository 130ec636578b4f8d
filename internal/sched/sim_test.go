package sched

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
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
