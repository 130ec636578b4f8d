package attention

import (
	"fmt"
	"sort"
	"strings"

	"kvasir/kvcache"
)

// SpanBlocks is the number of cache blocks in a span.
const SpanBlocks = 16

// Layer is the immutable geometry of one attention layer.
type Layer struct {
	Index           int
	QHeads, KVHeads int
	KDim, VDim      int
	Scale           float32   // multiplies q·k
	SoftCap         float32   // s = c·tanh(s/c) before the mask; 0 = off
	Window          int       // 0 = global; else keys with distance < Window are visible
	Sinks           []float32 // one extra logit per query head that takes mass but has no value; nil = none
}

// Group is the number of query heads that share a KV head.
func (l *Layer) Group() int { return l.QHeads / l.KVHeads }

// Plan names the blocks that one tile of query rows reads in one lane.
type Plan struct {
	Dense  bool    // every block of the view; Blocks is then unused
	Blocks []int32 // indexes into View.Segs, ascending
}

// Request is one selection problem: which blocks of View do the rows read?
// Q holds rows × KDim rotated queries, row-major: all heads of the group for
// the first position, then for the next.
type Request struct {
	Layer *Layer
	View  *kvcache.View
	Head  int // KV head
	Q     []float32
	Pos   []int32 // position of each query token, ascending
}

// Selector decides which keys are attended. It is called concurrently for
// different tiles; it must not allocate in steady state and must include every
// row's own block.
type Selector interface {
	Name() string
	Select(p *Plan, r *Request) error
}

// Selectors are the selectors that can be chosen by name.
var Selectors = map[string]Selector{
	"dense": denseSelector{},
}

// denseSelector reads everything.
type denseSelector struct{}

func (denseSelector) Name() string { return "dense" }

func (denseSelector) Select(p *Plan, _ *Request) error {
	p.Dense = true
	return nil
}

// Lookup returns the selector of that name; "" means dense.
func Lookup(name string) (Selector, error) {
	if name == "" {
		name = "dense"
	}
	if s, ok := Selectors[name]; ok {
		return s, nil
	}
	names := make([]string, 0, len(Selectors))
	for n := range Selectors {
		names = append(names, n)
	}
	sort.Strings(names)
	return nil, fmt.Errorf("unknown attention variant %q: use one of %s", name, strings.Join(names, ", "))
}
