// Package parallel runs the parts of one task on a fixed set of workers with
// the low latency that a forward pass needs: several hundred fork-joins a
// token, each a few microseconds long.
//
// Workers spin for a bounded time (in Go, so that they stay preemptible), then
// yield, then park. The caller is worker 0. Which worker runs which part is
// decided by an atomic counter, so a late core is not waited for; results must
// therefore not depend on it (each part writes its own outputs).
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"kvasir/kernels"
)

// Task is work cut into independent parts. Do is called once for every part,
// by the worker of that number; parts of one Run are executed concurrently.
type Task interface {
	Do(worker, part int)
}

// How long an idle worker polls before it yields, and before it parks.
const (
	spinPolls  = 2000                   // about 50-100 µs of PAUSE polls
	parkAfter  = time.Millisecond       // then it blocks on its channel
	pauseCount = 2                      // PAUSE instructions per poll
	yieldSleep = 20 * time.Microsecond  // pause of a caller that waits long
	yieldAfter = 200 * time.Microsecond // when the waiting caller starts to sleep
)

// Pool is a fixed set of workers. Run may be called from several goroutines;
// runs are executed one after the other.
type Pool struct {
	mu      sync.Mutex // one Run at a time
	workers []*worker

	task  Task
	parts int32
	_     [64]byte
	next  atomic.Int32 // next part to hand out
	_     [64]byte
	busy  atomic.Int32 // workers that have not finished the current run
	_     [64]byte
	gen   atomic.Uint32 // bumped to start a run
	_     [64]byte

	closed atomic.Bool
	fault  atomic.Pointer[fault]
	done   sync.WaitGroup
}

type fault struct{ value any }

type worker struct {
	pool   *Pool
	id     int
	parked atomic.Bool
	wake   chan struct{}
}

// New starts a pool of n workers (n-1 goroutines, each on its own OS thread;
// the caller of Run is the n-th). n < 1 counts as 1. Close frees them.
func New(n int) *Pool {
	p := &Pool{}
	for id := 1; id < n; id++ {
		w := &worker{pool: p, id: id, wake: make(chan struct{}, 1)}
		p.workers = append(p.workers, w)
		p.done.Add(1)
		go w.loop()
	}
	return p
}

// Workers returns the number of workers, the caller included.
func (p *Pool) Workers() int { return len(p.workers) + 1 }

// Run calls t.Do(worker, part) for each part in [0, parts) and returns when
// all have finished. A panic in a part is raised again here, after the others
// have finished. Run allocates nothing.
func (p *Pool) Run(t Task, parts int) {
	if parts <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.workers) == 0 || parts == 1 {
		for i := range parts {
			t.Do(0, i)
		}
		return
	}
	p.task, p.parts = t, int32(parts)
	p.next.Store(0)
	p.busy.Store(int32(len(p.workers)))
	p.gen.Add(1)
	for _, w := range p.workers {
		if w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
	p.work(0)
	p.wait()
	p.task = nil
	if f := p.fault.Swap(nil); f != nil {
		panic(f.value)
	}
}

// Close stops the workers and waits for them. The pool must be idle.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Swap(true) {
		return
	}
	p.gen.Add(1)
	for _, w := range p.workers {
		if w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
	p.done.Wait()
}

// work takes parts until none is left.
func (p *Pool) work(id int) {
	defer p.catch()
	for {
		i := p.next.Add(1) - 1
		if i >= p.parts {
			return
		}
		p.task.Do(id, int(i))
	}
}

// catch keeps the first panic of a run for the caller and stops handing out
// parts.
func (p *Pool) catch() {
	if v := recover(); v != nil {
		p.fault.CompareAndSwap(nil, &fault{v})
		p.next.Store(p.parts)
	}
}

// wait blocks until every worker has finished the current run.
func (p *Pool) wait() {
	for i := 0; p.busy.Load() != 0; i++ {
		if i < spinPolls {
			kernels.SpinPause(pauseCount)
			continue
		}
		p.waitLong()
		return
	}
}

func (p *Pool) waitLong() {
	start := time.Now()
	for p.busy.Load() != 0 {
		if time.Since(start) < yieldAfter {
			runtime.Gosched()
		} else {
			time.Sleep(yieldSleep)
		}
	}
}

func (w *worker) loop() {
	runtime.LockOSThread()
	defer w.pool.done.Done()
	for last := uint32(0); ; {
		last = w.await(last)
		if w.pool.closed.Load() {
			return
		}
		w.pool.work(w.id)
		w.pool.busy.Add(-1)
	}
}

// await returns the new generation once it differs from last.
func (w *worker) await(last uint32) uint32 {
	p := w.pool
	for range spinPolls {
		if g := p.gen.Load(); g != last {
			return g
		}
		kernels.SpinPause(pauseCount)
	}
	for start := time.Now(); time.Since(start) < parkAfter; {
		if g := p.gen.Load(); g != last {
			return g
		}
		runtime.Gosched()
	}
	for {
		w.parked.Store(true)
		if g := p.gen.Load(); g != last && w.parked.CompareAndSwap(true, false) {
			return g
		}
		<-w.wake
		if g := p.gen.Load(); g != last {
			return g
		}
	}
}
