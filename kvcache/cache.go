package kvcache

import (
	"fmt"
	"sync"
)

// windowSlack is how many tokens beyond its window a windowed layer keeps, so
// that a sequence can be cut back a little (rejected drafts, a retried turn).
const windowSlack = 64

// Cache owns the blocks of all sequences of one model. Safe for concurrent
// use; a Seq is not.
type Cache struct {
	cfg   Config
	pool  pool
	lanes []laneSpec // all lanes, layer by layer
	first []int      // index of a layer's first lane
	pos   []int32    // 0, 1, 2, …: positions of lanes in which slot == position

	mu       sync.Mutex
	prefixes *Prefixes // nil = none
	seqs     int
	closed   bool
}

// laneSpec is what the lanes of one layer share.
type laneSpec struct {
	layer, head int
	spec        LayerSpec
	class       *class
	kBytes      int // size of the K half of a block
}

// Open makes a cache. It takes memory only as sequences grow.
func Open(c Config) (*Cache, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	ca := &Cache{cfg: c}
	ca.pool.limit = c.PoolBytes
	for i, l := range c.Layers {
		ca.first = append(ca.first, len(ca.lanes))
		cl := ca.pool.class(c.blockBytes(l))
		for h := range l.KVHeads {
			ca.lanes = append(ca.lanes, laneSpec{layer: i, head: h, spec: l, class: cl, kBytes: BlockSlots * c.K.rowBytes(l.KDim)})
		}
	}
	ca.pos = make([]int32, (c.Ctx+BlockSlots-1)/BlockSlots*BlockSlots)
	for i := range ca.pos {
		ca.pos[i] = int32(i)
	}
	return ca, nil
}

// Config returns what the cache was opened with.
func (c *Cache) Config() Config { return c.cfg }

// Stats is a snapshot of the pool.
type Stats struct {
	Bytes int64 // blocks in use
	Peak  int64 // the most they ever were
	Limit int64 // 0 = none
	Seqs  int   // open sequences
}

// Stats reports the memory in use.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	seqs := c.seqs
	c.mu.Unlock()
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	return Stats{Bytes: c.pool.used, Peak: c.pool.peak, Limit: c.pool.limit, Seqs: seqs}
}

// NewSeq starts an empty sequence under a policy, such as
// "snapkv:budget=1024" ("" = dense).
func (c *Cache) NewSeq(spec string) (*Seq, error) {
	p, params, err := LookupPolicy(spec)
	if err != nil {
		return nil, err
	}
	st, err := p.New(params, &c.cfg)
	if err != nil {
		return nil, fmt.Errorf("cache policy %s: %w", p.Name(), err)
	}
	return c.open(spec, p, st)
}

// Bound returns the most slots of a lane that a policy leaves after it has cut,
// and whether its sequences may grow for ever. Without a bound, or for a policy
// that NewSeq refuses, it is the context length.
func (c *Cache) Bound(spec string) (slots int, endless bool) {
	p, params, err := LookupPolicy(spec)
	if err != nil {
		return c.cfg.Ctx, false
	}
	st, err := p.New(params, &c.cfg)
	if err != nil {
		return c.cfg.Ctx, false
	}
	n := st.Needs()
	if slots = n.Slots; slots == 0 {
		slots = c.cfg.Ctx
	}
	return slots, n.Endless
}

// open starts a sequence with a state of its own.
func (c *Cache) open(spec string, p Policy, st State) (*Seq, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	return &Seq{cache: c, spec: spec, policy: p, state: st, needs: st.Needs(), lanes: make([]lane, len(c.lanes)), epoch: 1}, nil
}

// enter counts a new sequence.
func (c *Cache) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("cache: %w", ErrClosed)
	}
	c.seqs++
	return nil
}

// leave uncounts a sequence.
func (c *Cache) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seqs--
}

// Close frees all memory. Every sequence must have been closed.
func (c *Cache) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	if c.seqs > 0 {
		return fmt.Errorf("cache: %d sequences are still open", c.seqs)
	}
	c.closed = true
	return c.pool.close()
}
