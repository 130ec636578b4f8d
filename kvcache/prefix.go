package kvcache

import (
	"slices"
	"sync"
)

// Prefixes keeps computed prompts of a cache, so that another sequence that
// begins alike need not compute the common part again: the result is the same
// to the bit. Entries are forks and share their blocks with the sequences that
// they came from. Scopes keep requests of different owners apart. Safe for
// concurrent use.
type Prefixes struct {
	cache *Cache
	limit int64

	mu    sync.Mutex
	roots map[string]*prefixNode // per scope
	all   []*prefixEntry         // least recently used first
	held  map[heldBlock]int      // entries that hold a block
	bytes int64                  // of these blocks
	stats PrefixStats
}

// heldBlock names a block of the pool.
type heldBlock struct {
	class *class
	id    uint32
}

// PrefixStats counts what prefixes were good for.
type PrefixStats struct {
	Entries       int   `json:"entries"`
	Bytes         int64 `json:"bytes"` // of blocks, those of several entries counted once
	Limit         int64 `json:"limit_bytes"`
	Lookups, Hits int64 // of Match
	Reused        int64 // tokens that were not computed again
	Evicted       int64 // entries
}

// prefixNode is a node of the tree of tokens; an edge stands for BlockSlots
// tokens, compared in full. A node knows an entry that passes through it.
type prefixNode struct {
	next  map[[BlockSlots]int32]*prefixNode
	users []*prefixEntry // entries that pass through or end here
}

type prefixEntry struct {
	scope  string
	tokens []int32
	seq    *Seq
	path   []*prefixNode
}

// NewPrefixes makes the index of the cache; it holds at most limit bytes and
// gives them up, least recently used first, when a step lacks room.
func (c *Cache) NewPrefixes(limit int64) *Prefixes {
	p := &Prefixes{cache: c, limit: limit, roots: map[string]*prefixNode{}, held: map[heldBlock]int{}}
	c.mu.Lock()
	c.prefixes = p
	c.mu.Unlock()
	return p
}

// Match returns a sequence that holds the longest known prefix of tokens, but
// not more than limit of them, and how many it holds; nil if there is none.
func (p *Prefixes) Match(scope string, tokens []int32, limit int) (*Seq, int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Lookups++
	tokens = tokens[:min(len(tokens), limit)]
	e, n := p.longest(scope, tokens)
	if n == 0 {
		return nil, 0, nil
	}
	s, err := e.seq.Fork()
	if err != nil {
		return nil, 0, err
	}
	if err := s.Truncate(n); err != nil { // a windowed layer has lost what it needs
		s.Close()
		return nil, 0, nil
	}
	s.count = counters{blockBytes: s.count.blockBytes, peak: s.count.blockBytes, reused: int64(n)}
	i := slices.Index(p.all, e)
	p.all = append(slices.Delete(p.all, i, i+1), e)
	p.stats.Hits++
	p.stats.Reused += int64(n)
	return s, n, nil
}

// longest returns the entry that has most tokens in common with the given ones.
func (p *Prefixes) longest(scope string, tokens []int32) (best *prefixEntry, n int) {
	at := p.roots[scope]
	if at == nil {
		return nil, 0
	}
	depth := 0
	for depth+BlockSlots <= len(tokens) {
		next := at.next[[BlockSlots]int32(tokens[depth:])]
		if next == nil {
			break
		}
		at, depth = next, depth+BlockSlots
	}
	for _, e := range at.users {
		k := depth
		for k < len(tokens) && k < len(e.tokens) && tokens[k] == e.tokens[k] {
			k++
		}
		if k > n {
			best, n = e, k
		}
	}
	return best, n
}

// Keep remembers a sequence that holds exactly these tokens. Sequences that
// may be cut, or were, are not kept.
func (p *Prefixes) Keep(scope string, tokens []int32, s *Seq) error {
	if s.Cuts() || !s.Exact() || s.Len() != len(tokens) || len(tokens) == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, n := p.longest(scope, tokens); n == len(tokens) && len(e.tokens) == n {
		i := slices.Index(p.all, e)
		p.all = append(slices.Delete(p.all, i, i+1), e)
		return nil
	}
	f, err := s.Fork()
	if err != nil {
		return err
	}
	e := &prefixEntry{scope: scope, tokens: slices.Clone(tokens), seq: f}
	p.insert(e)
	for p.bytes > p.limit && len(p.all) > 0 {
		p.drop(p.all[0])
	}
	return nil
}

func (p *Prefixes) insert(e *prefixEntry) {
	at := p.roots[e.scope]
	if at == nil {
		at = &prefixNode{next: map[[BlockSlots]int32]*prefixNode{}}
		p.roots[e.scope] = at
	}
	for depth := 0; ; depth += BlockSlots {
		at.users = append(at.users, e)
		e.path = append(e.path, at)
		if depth+BlockSlots > len(e.tokens) {
			break
		}
		key := [BlockSlots]int32(e.tokens[depth:])
		next := at.next[key]
		if next == nil {
			next = &prefixNode{next: map[[BlockSlots]int32]*prefixNode{}}
			at.next[key] = next
		}
		at = next
	}
	p.all = append(p.all, e)
	p.count(e, 1)
}

// drop forgets an entry.
func (p *Prefixes) drop(e *prefixEntry) {
	for i, n := range slices.Backward(e.path) {
		n.users = slices.DeleteFunc(n.users, func(o *prefixEntry) bool { return o == e })
		if len(n.users) > 0 {
			continue
		}
		if i == 0 {
			delete(p.roots, e.scope)
		} else {
			delete(e.path[i-1].next, [BlockSlots]int32(e.tokens[(i-1)*BlockSlots:]))
		}
	}
	p.all = slices.DeleteFunc(p.all, func(o *prefixEntry) bool { return o == e })
	p.count(e, -1)
	e.seq.Close()
	p.stats.Evicted++
}

// count counts the blocks of an entry that comes (by = 1) or goes (-1).
func (p *Prefixes) count(e *prefixEntry, by int) {
	for i := range e.seq.lanes {
		cl := p.cache.lanes[i].class
		for _, id := range e.seq.lanes[i].blocks {
			b := heldBlock{cl, id}
			before := p.held[b]
			switch p.held[b] = before + by; {
			case before == 0:
				p.bytes += int64(cl.size)
			case before+by == 0:
				p.bytes -= int64(cl.size)
				delete(p.held, b)
			}
		}
	}
}

// reclaim drops the least recently used entry and reports whether there was one.
func (p *Prefixes) reclaim() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) == 0 {
		return false
	}
	p.drop(p.all[0])
	return true
}

// Stats returns a snapshot.
func (p *Prefixes) Stats() PrefixStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Entries, s.Bytes, s.Limit = len(p.all), p.bytes, p.limit
	return s
}

// Clear drops all entries.
func (p *Prefixes) Clear() {
	for p.reclaim() {
	}
}

// prefixIndex returns the index of the cache, nil if there is none.
func (c *Cache) prefixIndex() *Prefixes {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.prefixes
}
