package parallel

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type count struct {
	seen []atomic.Int32
	who  []atomic.Int32
}

func (c *count) Do(worker, part int) {
	c.seen[part].Add(1)
	c.who[worker].Add(1)
}

func TestRunVisitsEachPartOnce(t *testing.T) {
	for _, workers := range []int{0, 1, 2, 4} {
		p := New(workers)
		for _, parts := range []int{0, 1, 2, 3, 17, 1000} {
			c := &count{seen: make([]atomic.Int32, parts), who: make([]atomic.Int32, p.Workers())}
			p.Run(c, parts)
			for i := range c.seen {
				require.EqualValues(t, 1, c.seen[i].Load(), "workers %d part %d of %d", workers, i, parts)
			}
		}
		p.Close()
		p.Close() // idempotent
	}
}

func TestRunAfterPark(t *testing.T) {
	p := New(3)
	defer p.Close()
	for range 3 {
		time.Sleep(5 * time.Millisecond) // workers have parked by now
		c := &count{seen: make([]atomic.Int32, 64), who: make([]atomic.Int32, 3)}
		p.Run(c, 64)
		for i := range c.seen {
			require.EqualValues(t, 1, c.seen[i].Load())
		}
	}
}

func TestConcurrentRuns(t *testing.T) {
	p := New(2)
	defer p.Close()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				c := &count{seen: make([]atomic.Int32, 8), who: make([]atomic.Int32, 2)}
				p.Run(c, 8)
				for i := range c.seen {
					if c.seen[i].Load() != 1 {
						t.Error("part not visited once")
					}
				}
			}
		})
	}
	wg.Wait()
}

type bomb struct{}

func (bomb) Do(_, part int) {
	if part == 3 {
		panic("part 3")
	}
}

func TestPanicReachesCaller(t *testing.T) {
	p := New(2)
	defer p.Close()
	require.PanicsWithValue(t, "part 3", func() { p.Run(bomb{}, 10) })
	c := &count{seen: make([]atomic.Int32, 8), who: make([]atomic.Int32, 2)}
	p.Run(c, 8) // the pool survives
	require.EqualValues(t, 1, c.seen[7].Load())
}

func TestRunAllocatesNothing(t *testing.T) {
	p := New(2)
	defer p.Close()
	c := &count{seen: make([]atomic.Int32, 8), who: make([]atomic.Int32, 2)}
	require.Zero(t, testing.AllocsPerRun(100, func() { p.Run(c, 8) }))
}

func BenchmarkRun(b *testing.B) {
	p := New(2)
	defer p.Close()
	c := &count{seen: make([]atomic.Int32, 2), who: make([]atomic.Int32, 2)}
	for b.Loop() {
		p.Run(c, 2)
	}
}
