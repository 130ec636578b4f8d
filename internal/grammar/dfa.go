package grammar

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

// Limits on what grows while a grammar is used.
const (
	maxStates = 1 << 17 // states of the lazy automaton
	maxDepth  = 512     // calls inside calls; deeper ones are not offered
	maxItems  = 512     // stacks that are followed at a time
)

// dead is the transition that no text takes; 0 is one not computed yet. State i is
// stored as i+1 in a transition.
const dead int32 = -1

// dstate is a set of automaton nodes of one rule.
type dstate struct {
	nodes []int32 // opByte, opCall, opToken and opFinal, sorted
	next  []int32 // by byte class
	calls []call
	final bool // the rule may end here
	bytes bool // has byte edges
	toks  bool // has token edges
	first [4]uint64
	plain int32 // most ordinary characters taken whatever they are, +1; 0 = unknown
}

// call is an edge that calls a rule and goes on at ret.
type call struct {
	rule int32
	ret  int32
	tail bool // nothing but the end follows
}

// Grammar is compiled rules. It is safe for concurrent use; what it computes on
// demand is shared by all matchers.
type Grammar struct {
	a       *nfa
	classes [256]uint8
	class   int // how many
	from    []byte

	mu      sync.Mutex // guards what follows
	states  []dstate
	index   map[string]int32
	starts  []int32 // state of each rule, +1; 0 = unknown
	visited []uint32
	round   uint32
	key     []byte
	err     error // first exceeded limit
	masks   map[*Vocab]*masks
}

// Compile makes a machine of rules.
func Compile(r *Rules) (*Grammar, error) {
	a, err := buildNFA(r)
	if err != nil {
		return nil, err
	}
	if err := a.trim(); err != nil {
		return nil, err
	}
	g := &Grammar{
		a: a, index: map[string]int32{}, starts: make([]int32, len(a.starts)),
		visited: make([]uint32, len(a.nodes)), masks: map[*Vocab]*masks{},
	}
	g.makeClasses()
	return g, nil
}

// makeClasses groups bytes that no edge tells apart.
func (g *Grammar) makeClasses() {
	var cut [257]bool
	for _, n := range g.a.nodes {
		if n.op == opByte {
			cut[n.lo], cut[int(n.hi)+1] = true, true
		}
	}
	c := 0
	g.from = append(g.from, 0)
	for b := range 256 {
		if b > 0 && cut[b] {
			c++
			g.from = append(g.from, byte(b))
		}
		g.classes[b] = uint8(c)
	}
	g.class = c + 1
}

// fail notes that a limit is exceeded.
func (g *Grammar) fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf(format+": %w", append(args, ErrTooComplex)...)
	}
}

// Err returns the limit that the grammar exceeded while it was used, after which none
// of its matchers goes on; nil for none.
func (g *Grammar) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// start returns the first state of a rule.
func (g *Grammar) start(rule int32) int32 {
	if g.starts[rule] == 0 {
		g.starts[rule] = 1 + g.state([]int32{g.a.starts[rule]})
	}
	return g.starts[rule] - 1
}

// state returns the state of nodes and what they lead to without a byte; dead when
// there is nothing.
func (g *Grammar) state(seeds []int32) int32 {
	g.round++
	var nodes []int32
	work := slices.Clone(seeds)
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if g.visited[i] == g.round {
			continue
		}
		g.visited[i] = g.round
		switch n := &g.a.nodes[i]; n.op {
		case opSplit:
			work = append(work, n.alt, n.out)
		case opFail:
		default:
			nodes = append(nodes, i)
		}
	}
	if len(nodes) == 0 {
		return dead
	}
	slices.Sort(nodes)
	key := g.key[:0]
	for _, n := range nodes {
		key = binary.AppendUvarint(key, uint64(n))
	}
	g.key = key
	if id, ok := g.index[string(key)]; ok {
		return id
	}
	return g.newState(string(key), nodes)
}

func (g *Grammar) newState(key string, nodes []int32) int32 {
	if len(g.states) >= maxStates {
		g.fail("more than %d automaton states", maxStates)
		return dead
	}
	id := int32(len(g.states))
	g.index[key] = id
	d := dstate{nodes: nodes}
	for _, i := range nodes {
		switch n := &g.a.nodes[i]; n.op {
		case opFinal:
			d.final = true
		case opToken:
			d.toks = true
		case opByte:
			d.bytes = true
			for b := int(n.lo); b <= int(n.hi); b++ {
				d.first[b>>6] |= 1 << (b & 63)
			}
		}
	}
	if d.bytes {
		d.next = make([]int32, g.class)
	}
	g.states = append(g.states, d)
	calls := g.callsOf(nodes) // may add states
	g.states[id].calls = calls
	return id
}

// callsOf groups the call edges of a state by rule.
func (g *Grammar) callsOf(nodes []int32) []call {
	var rules []int32
	for _, i := range nodes {
		if n := &g.a.nodes[i]; n.op == opCall && !slices.Contains(rules, n.rule) {
			rules = append(rules, n.rule)
		}
	}
	var calls []call
	for _, r := range rules {
		var outs []int32
		for _, i := range nodes {
			if n := &g.a.nodes[i]; n.op == opCall && n.rule == r {
				outs = append(outs, n.out)
			}
		}
		ret := g.state(outs)
		if ret == dead {
			continue
		}
		d := &g.states[ret]
		calls = append(calls, call{rule: r, ret: ret, tail: len(d.nodes) == 1 && d.final})
	}
	return calls
}

// step returns the state after byte b, dead for none.
func (g *Grammar) step(s int32, b byte) int32 {
	d := &g.states[s]
	if !d.bytes {
		return dead
	}
	c := g.classes[b]
	switch t := d.next[c]; {
	case t > 0:
		return t - 1
	case t == dead:
		return dead
	}
	var outs []int32
	for _, i := range d.nodes {
		if n := &g.a.nodes[i]; n.op == opByte && n.lo <= b && b <= n.hi {
			outs = append(outs, n.out)
		}
	}
	t := dead
	if len(outs) > 0 {
		t = g.state(outs)
	}
	if t == dead {
		g.states[s].next[c] = dead
	} else {
		g.states[s].next[c] = t + 1
	}
	return t
}
