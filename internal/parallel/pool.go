// Package parallel runs the parts of one task on a fixed set of workers with
// the low latency that a forward pass needs: several hundred fork-joins a
// token, each a few microseconds long.
//
// The caller is worker 0. Which worker runs which part is decided by an atomic
// counter, so results must not depend on it (each part writes its own outputs).
// A worker that is late, because the machine is busy with something else, is
// not waited for: it joins a run only while parts are left, and the caller
// waits only for workers that have joined. Idle workers spin for a bounded time
// (in Go, so that they stay preemptible), then park.
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

const (
	spinPolls  = 4000                  // polls before a worker parks, about 100-200 µs
	pauseCount = 2                     // PAUSE instructions per poll
	yieldPolls = 200                   // yields of a waiting caller before it sleeps
	sleepStep  = 20 * time.Microsecond // what it then sleeps between looks
)

// A run is one word: its generation in the upper half; below it a bit that says
// that nobody may join any more, and the number of workers that have joined
// and not left.
const (
	genShift = 32
	shut     = 1 << 31
	joined   = shut - 1
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
	run   atomic.Uint64
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
	p.run.Store(shut)
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
	p.start(0)
	p.work(0)
	p.run.Or(shut)
	p.wait()
	p.task = nil
	if f := p.fault.Swap(nil); f != nil {
		panic(f.value)
	}
}

// start opens a new generation, with the given bits, and wakes those who sleep.
func (p *Pool) start(bits uint64) {
	gen := p.run.Load()>>genShift + 1
	p.run.Store(gen<<genShift | bits)
	for _, w := range p.workers {
		if w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

// Close stops the workers and waits for them. It may be called more than once.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Swap(true) {
		return
	}
	p.start(shut)
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

// wait blocks until every worker that joined the run has left it.
func (p *Pool) wait() {
	for i := 0; p.run.Load()&joined != 0; i++ {
		switch {
		case i < spinPolls:
			kernels.SpinPause(pauseCount)
		case i < spinPolls+yieldPolls:
			runtime.Gosched()
		default:
			time.Sleep(sleepStep)
		}
	}
}

func (w *worker) loop() {
	runtime.LockOSThread()
	p := w.pool
	defer p.done.Done()
	for last := uint64(0); ; {
		last = w.await(last)
		if p.closed.Load() {
			return
		}
		if p.join(last) {
			p.work(w.id)
			p.run.Add(^uint64(0)) // leave
		}
	}
}

// join enters run gen unless it has been shut.
func (p *Pool) join(gen uint64) bool {
	for {
		v := p.run.Load()
		if v>>genShift != gen || v&shut != 0 {
			return false
		}
		if p.run.CompareAndSwap(v, v+1) {
			return true
		}
	}
}

// await returns the generation of the run once it differs from last.
func (w *worker) await(last uint64) uint64 {
	p := w.pool
	for range spinPolls {
		if g := p.run.Load() >> genShift; g != last {
			return g
		}
		kernels.SpinPause(pauseCount)
	}
	for {
		w.parked.Store(true)
		if g := p.run.Load() >> genShift; g != last && w.parked.CompareAndSwap(true, false) {
			return g
		}
		<-w.wake
		if g := p.run.Load() >> genShift; g != last {
			return g
		}
	}
}
