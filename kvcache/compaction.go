package kvcache

import (
	"sync"
)

// Compaction is what a state sees and fills when it is due: all lanes of the
// layers with full attention, layer by layer, and one plan for each.
type Compaction struct {
	seq     *Seq
	views   []LaneView
	plans   []LanePlan
	need    Needs
	mu      sync.Mutex
	free    [][]float32 // buffers of views whose lane was done
	each    eachTask
	layouts []layout
	credits []credit
}

// LanePlan says what becomes of one lane. Slots are numbered 0 to Len-1.
type LanePlan struct {
	// Keep lists the slots that stay, ascending; nil leaves the lane untouched.
	Keep []int32
	// Merge folds slots into kept ones. A slot appears in at most one Merge.
	Merge []Merge
	// Unrotated averages keys as they were before rotation, placed at the merged
	// position, instead of as they are stored.
	Unrotated bool
	// Unweighted leaves the log weight of merged slots as it was, which is wrong
	// but for comparison.
	Unweighted bool
	// Shift moves the kept slots below ShiftTo by as many positions for the
	// scores, without touching their keys: masks still see their true positions.
	Shift, ShiftTo int32
}

// Merge folds the slots Src into Dst, which is kept; they are not. The sizes
// e^logW of the slots weigh the mean of keys, values and positions (rounded
// down) and add up to the new size. After merging the lane is put into the
// order of positions again.
type Merge struct {
	Dst int32
	Src []int32
}

// Lanes returns the number of lanes.
func (c *Compaction) Lanes() int { return len(c.views) }

// Lane returns the i-th lane. It is valid during Compact and used by one
// goroutine at a time.
func (c *Compaction) Lane(i int) *LaneView { return &c.views[i] }

// Plan returns the plan of the i-th lane, to be filled.
func (c *Compaction) Plan(i int) *LanePlan { return &c.plans[i] }

// Config returns the layout of the cache.
func (c *Compaction) Config() *Config { return &c.seq.cache.cfg }

// Tokens returns the number of tokens that the sequence has seen.
func (c *Compaction) Tokens() int { return c.seq.n }

// Rotate turns vectors of a layer's keys or queries, heads side by side, by
// positions further. Without RoPE it does nothing.
func (c *Compaction) Rotate(layer int, x []float32, heads int, by int32) {
	spec := &c.seq.cache.cfg.Layers[layer]
	if spec.Rope != nil {
		spec.Rope.Rotate(x, heads, spec.KDim, by)
	}
}

// Workers is the number of workers of Each.
func (c *Compaction) Workers() int {
	if p := c.seq.cache.cfg.Workers; p != nil {
		return p.Workers()
	}
	return 1
}

// Each calls f once for every lane, on all workers, and returns the error of
// the first lane that has one. What f leaves behind must not depend on the
// worker or the order. Queries and Observed slices of a lane are given back
// when its f returns.
func (c *Compaction) Each(f func(worker, lane int) error) error {
	t := &c.each
	t.c, t.f, t.errs = c, f, make([]error, len(c.views))
	if p := c.seq.cache.cfg.Workers; p != nil {
		p.Run(t, len(c.views))
	} else {
		for i := range c.views {
			t.Do(0, i)
		}
	}
	for _, err := range t.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// eachTask is the work of Each.
type eachTask struct {
	c    *Compaction
	f    func(worker, lane int) error
	errs []error
}

// Do calls the function for one lane.
func (t *eachTask) Do(worker, lane int) {
	t.errs[lane] = t.f(worker, lane)
	t.c.views[lane].done()
}

// buffer returns n values of scratch.
func (c *Compaction) buffer(n int) []float32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, b := range c.free {
		if cap(b) >= n {
			last := len(c.free) - 1
			c.free[i] = c.free[last]
			c.free = c.free[:last]
			return b[:n]
		}
	}
	return make([]float32, n)
}

func (c *Compaction) giveBack(b []float32) {
	if b == nil {
		return
	}
	c.mu.Lock()
	c.free = append(c.free, b)
	c.mu.Unlock()
}
