package kvcache

import (
	"fmt"
	"sync"
	"sync/atomic"

	"kvasir/internal/mmap"
)

// slabBytes is how much memory a size class takes from the system at a time.
const slabBytes = 1 << 20

// pool hands out the blocks of all size classes. Safe for concurrent use.
type pool struct {
	mu      sync.Mutex
	limit   int64 // bytes, 0 = none
	used    int64 // bytes of blocks in use
	peak    int64
	serial  uint64 // last block identity handed out
	classes []*class
}

// class is the blocks of one size.
type class struct {
	size    int // bytes of a block, a multiple of 64
	perSlab int
	slabs   atomic.Pointer[[]*slab] // replaced when it grows, so that readers need no lock
	free    []uint32
	held    int // of the free ones, reserved
}

// slab is memory for perSlab blocks.
type slab struct {
	mem  *mmap.Anon
	meta []blockMeta
}

// blockMeta describes one block.
type blockMeta struct {
	refs   int32
	gen    uint32 // bumped by any change other than append
	serial uint64 // identity, never used twice
}

func (p *pool) class(size int) *class {
	for _, c := range p.classes {
		if c.size == size {
			return c
		}
	}
	c := &class{size: size, perSlab: max(1, slabBytes/size)}
	c.slabs.Store(&[]*slab{})
	p.classes = append(p.classes, c)
	return c
}

// want is a number of blocks of one class.
type want struct {
	class *class
	n     int
}

// addWant adds n blocks of a class to wants, which lists each class once.
func addWant(ws []want, c *class, n int) []want {
	for i := range ws {
		if ws[i].class == c {
			ws[i].n += n
			return ws
		}
	}
	return append(ws, want{c, n})
}

// reserve makes sure that the wanted blocks can be taken without another
// failure: they count against the limit from now on and lie in the free
// lists. Either all are reserved or none.
func (p *pool) reserve(ws []want) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var bytes int64
	for _, w := range ws {
		bytes += int64(w.n) * int64(w.class.size)
	}
	if p.limit > 0 && p.used+bytes > p.limit {
		return fmt.Errorf("%w: %d bytes wanted, %d of %d in use", ErrPool, bytes, p.used, p.limit)
	}
	for _, w := range ws {
		for len(w.class.free)-w.class.held < w.n {
			if err := w.class.grow(); err != nil {
				return fmt.Errorf("%w: %w", ErrPool, err)
			}
		}
	}
	for _, w := range ws {
		w.class.held += w.n
	}
	p.used += bytes
	p.peak = max(p.peak, p.used)
	return nil
}

// unreserve gives back what was reserved and not taken: of sequences that share
// a block, the last one to grow needs no copy.
func (p *pool) unreserve(ws []want) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range ws {
		w.class.held -= w.n
		p.used -= int64(w.n) * int64(w.class.size)
	}
}

func (c *class) grow() error {
	mem, err := mmap.Alloc(c.perSlab * c.size)
	if err != nil {
		return err
	}
	old := *c.slabs.Load()
	slabs := append(old[:len(old):len(old)], &slab{mem: mem, meta: make([]blockMeta, c.perSlab)})
	c.slabs.Store(&slabs)
	first := uint32(len(old) * c.perSlab)
	for i := c.perSlab - 1; i >= 0; i-- {
		c.free = append(c.free, first+uint32(i))
	}
	return nil
}

// meta returns the description of a block. refs is guarded by the pool; gen
// and serial change only through the sequence that holds the block.
func (c *class) meta(id uint32) *blockMeta {
	return &(*c.slabs.Load())[int(id)/c.perSlab].meta[int(id)%c.perSlab]
}

// take returns a reserved block with one reference.
func (p *pool) take(c *class) uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	c.held--
	p.serial++
	*c.meta(id) = blockMeta{refs: 1, serial: p.serial}
	return id
}

// share adds a reference to each block.
func (p *pool) share(c *class, ids []uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		c.meta(id).refs++
	}
}

// release drops a reference of each block and frees those without one.
func (p *pool) release(c *class, ids []uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		m := c.meta(id)
		if m.refs--; m.refs == 0 {
			c.free = append(c.free, id)
			p.used -= int64(c.size)
		}
	}
}

// recycle drops a reference of each block and keeps those without one reserved
// for the caller. It returns how many these are.
func (p *pool) recycle(c *class, ids []uint32) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, id := range ids {
		m := c.meta(id)
		if m.refs--; m.refs == 0 {
			c.free = append(c.free, id)
			n++
		}
	}
	c.held += n
	return n
}

// alone counts the blocks that have one user only.
func (p *pool) alone(c *class, ids []uint32) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, id := range ids {
		if c.meta(id).refs == 1 {
			n++
		}
	}
	return n
}

// shared reports whether a block has more than one user.
func (p *pool) shared(c *class, id uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return c.meta(id).refs > 1
}

// touch records a change of a block other than an append.
func (p *pool) touch(c *class, id uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.meta(id).gen++
}

// bytes returns the memory of a block. The caller holds a reference.
func (c *class) bytes(id uint32) []byte {
	s := (*c.slabs.Load())[int(id)/c.perSlab].mem.Data
	o := int(id) % c.perSlab * c.size
	return s[o : o+c.size : o+c.size]
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var first error
	for _, c := range p.classes {
		for _, s := range *c.slabs.Load() {
			if err := s.mem.Free(); err != nil && first == nil {
				first = err
			}
		}
		c.slabs.Store(&[]*slab{})
		c.free = nil
	}
	return first
}
