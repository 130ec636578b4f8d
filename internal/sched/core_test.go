package sched

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

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
