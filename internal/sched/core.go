package sched

import (
	"math"
	"slices"
)

// entry is a request that is not gone.
type entry struct {
	Req
	key     *key
	phase   Phase
	done    int32  // prompt tokens computed or reused
	alive   uint32 // sequences that decode
	stalled uint32 // of these, the ones whose reader is behind
	length  int32  // tokens of a sequence
	started Time
	blocked Time // since when it waits for memory at the head of its key
}

// key is what the requests of one owner share.
type key struct {
	id      uint64
	weight  float64
	served  float64 // ns of predicted work per weight
	waiting []*entry
	running int
}

// Core decides what the next pass computes. Not safe for concurrent use.
type Core struct {
	cfg  Config
	cost *Cost

	byID     map[uint64]*entry
	keys     map[uint64]*key
	order    []*key   // keys with requests
	running  []*entry // in the order of their start
	waiting  int
	seqs     int // sequences that run or will after their prefill
	reserved int64
	free     []*entry
	expired  []uint64

	gamma   float64
	gapHigh float64 // tracks the 95th percentile of gap / decode-only prediction
	gaps    int
	service float64 // mean duration of a request from start to end, ns
	ended   int
}

// New returns a core without requests.
func New(c Config, m *Cost) *Core {
	c = c.withDefaults()
	return &Core{cfg: c, cost: m, byID: map[uint64]*entry{}, keys: map[uint64]*key{}, gamma: c.Gamma, gapHigh: 1}
}

// Offer queues a request, or returns a *FullError or a *TooBigError.
func (c *Core) Offer(now Time, r *Req) error {
	if c.cfg.Pool > 0 && r.Worst > c.cfg.Pool {
		return &TooBigError{Need: r.Worst, Pool: c.cfg.Pool}
	}
	k := c.keys[r.Key]
	if c.waiting >= c.cfg.MaxWaiting || k != nil && len(k.waiting) >= c.cfg.MaxPerKey {
		return c.full(k)
	}
	if k == nil {
		k = &key{id: r.Key, weight: 1}
		c.keys[r.Key] = k
	}
	if len(k.waiting) == 0 && k.running == 0 {
		c.welcome(k)
	}
	e := c.entry()
	*e = entry{Req: *r, key: k, phase: Waiting}
	e.N = min(max(e.N, 1), MaxN)
	e.Reused = min(max(e.Reused, 0), e.Prompt-1)
	k.waiting = append(k.waiting, e)
	c.byID[e.ID] = e
	c.waiting++
	return nil
}

// welcome lifts a returning key to the smallest counter of the active ones, so
// that it cannot save up time while it is away.
func (c *Core) welcome(k *key) {
	low := math.Inf(1)
	for _, o := range c.order {
		low = min(low, o.served)
	}
	if !math.IsInf(low, 1) {
		k.served = max(k.served, low)
	}
	c.order = append(c.order, k)
}

// retire takes a key without requests out of the order.
func (c *Core) retire(k *key) {
	if len(k.waiting) > 0 || k.running > 0 {
		return
	}
	if i := slices.Index(c.order, k); i >= 0 {
		c.order = slices.Delete(c.order, i, i+1)
	}
	if len(c.keys) > 4*c.cfg.MaxWaiting { // forget counters rather than grow
		delete(c.keys, k.id)
	}
}

func (c *Core) full(k *key) error {
	e := &FullError{Ahead: c.waiting}
	if k != nil {
		e.Ahead, e.PerKey = len(k.waiting), c.waiting < c.cfg.MaxWaiting
	}
	wait := c.service * float64(e.Ahead+1) / float64(max(1, len(c.running)))
	e.RetryAfter = min(max(Time(wait), Second), 60*Second)
	return e
}

// SetWeight sets a key's part of the machine; 1 is usual.
func (c *Core) SetWeight(id uint64, weight float64) {
	k := c.keys[id]
	if k == nil {
		k = &key{id: id}
		c.keys[id] = k
	}
	k.weight = max(weight, 1e-3)
}

func (c *Core) entry() *entry {
	if n := len(c.free); n > 0 {
		e := c.free[n-1]
		c.free = c.free[:n-1]
		return e
	}
	return &entry{}
}

// Cancel removes a request wherever it is and says where that was. Removing
// one that is gone does nothing.
func (c *Core) Cancel(now Time, id uint64) Phase {
	e := c.byID[id]
	if e == nil {
		return Gone
	}
	was := e.phase
	c.remove(now, e)
	return was
}

func (c *Core) remove(now Time, e *entry) {
	k := e.key
	if e.phase == Waiting {
		i := slices.Index(k.waiting, e)
		k.waiting = slices.Delete(k.waiting, i, i+1)
		c.waiting--
	} else {
		i := slices.Index(c.running, e)
		c.running = slices.Delete(c.running, i, i+1)
		c.reserved -= e.Worst
		c.seqs -= int(e.N)
		k.running--
		c.ended++
		c.service += (float64(now-e.started) - c.service) * max(0.05, 1/float64(c.ended))
	}
	e.phase = Gone
	delete(c.byID, e.ID)
	c.retire(k)
	c.free = append(c.free, e)
}

// Finish ends one sequence of a request; with its last one the request is gone.
func (c *Core) Finish(now Time, id uint64, seq int16) {
	e := c.byID[id]
	if e == nil {
		return
	}
	e.alive &^= 1 << seq
	if e.alive == 0 {
		c.remove(now, e)
	}
}

// Stall stops computing a sequence whose reader is behind, or goes on with it.
func (c *Core) Stall(id uint64, seq int16, on bool) {
	e := c.byID[id]
	switch {
	case e == nil:
	case on:
		e.stalled |= 1 << seq
	default:
		e.stalled &^= 1 << seq
	}
}

// Expired returns the requests that waited too long since the last call. The
// slice is valid until the next Next.
func (c *Core) Expired() []uint64 { return c.expired }

// Phase returns where a request is.
func (c *Core) Phase(id uint64) Phase {
	if e := c.byID[id]; e != nil {
		return e.phase
	}
	return Gone
}

// Ahead is how many requests of the same key wait before one.
func (c *Core) Ahead(id uint64) int {
	if e := c.byID[id]; e != nil && e.phase == Waiting {
		return slices.Index(e.key.waiting, e)
	}
	return 0
}

// Wake returns when Next may have something to do though nothing is offered:
// the first deadline of a waiting request; 0 = never.
func (c *Core) Wake() Time {
	var t Time
	for _, k := range c.order {
		for _, e := range k.waiting {
			if e.Until > 0 && (t == 0 || e.Until < t) {
				t = e.Until
			}
		}
	}
	return t
}

// Snapshot is the state of a core in numbers.
type Snapshot struct {
	Waiting, Running, Sequences, Keys int
	Reserved, Pool                    int64
	Gamma                             float64
	CostError                         float64
}

// Snapshot returns the present state.
func (c *Core) Snapshot() Snapshot {
	return Snapshot{
		Waiting: c.waiting, Running: len(c.running), Sequences: c.seqs, Keys: len(c.order),
		Reserved: c.reserved, Pool: c.cfg.Pool, Gamma: c.gamma, CostError: c.cost.Error(),
	}
}
