package kvcache

// recentQueries is a ring with the last rotated queries of every full layer.
// It has twice the room, so that rows of a step that is given up have not
// overwritten anything that is still wanted.
type recentQueries struct {
	keep  int
	pos   []int32     // of each place; -1 = nothing
	lanes [][]float32 // per lane: [place][Group][KDim]; nil for windowed layers
}

// newQueries allocates room for n queries of every full lane.
func (c *Cache) newQueries(n int) [][]float32 {
	total := 0
	for i := range c.lanes {
		total += n * c.lanes[i].queryDim()
	}
	mem := make([]float32, total)
	lanes := make([][]float32, len(c.lanes))
	for i := range lanes {
		k := n * c.lanes[i].queryDim()
		lanes[i], mem = mem[:k:k], mem[k:]
	}
	return lanes
}

// queryDim is the number of values of the lane's queries for one token; 0 for
// windowed layers, which no policy sees.
func (l *laneSpec) queryDim() int {
	if l.spec.Window > 0 {
		return 0
	}
	return l.spec.Group() * l.spec.KDim
}

func (c *Cache) newRecent(n int) *recentQueries {
	r := &recentQueries{keep: n, pos: make([]int32, 2*n), lanes: c.newQueries(2 * n)}
	for i := range r.pos {
		r.pos[i] = -1
	}
	return r
}

// put stores the queries of the lanes of a layer for position pos.
func (r *recentQueries) put(c *Cache, layer int, pos int32, q []float32) {
	at := int(pos) % len(r.pos)
	for h := range c.cfg.Layers[layer].KVHeads {
		li := c.first[layer] + h
		n := c.lanes[li].queryDim()
		copy(r.lanes[li][at*n:(at+1)*n], q[h*n:])
	}
}

// mark says that positions [from, to) are there, or are not.
func (r *recentQueries) mark(from, to int, there bool) {
	for p := max(from, to-r.keep); p < to; p++ {
		r.pos[p%len(r.pos)] = -1
		if there {
			r.pos[p%len(r.pos)] = int32(p)
		}
	}
}

// last copies the queries before position n to dst.
func (r *recentQueries) last(dst []float32, li, n int) (q []float32, pos []int32) {
	dim := len(r.lanes[li]) / len(r.pos)
	for p := max(0, n-r.keep); p < n; p++ {
		at := p % len(r.pos)
		if int(r.pos[at]) != p {
			continue
		}
		copy(dst[len(pos)*dim:], r.lanes[li][at*dim:(at+1)*dim])
		pos = append(pos, int32(p))
	}
	return dst[:len(pos)*dim], pos
}

// observedQueries holds every stride-th query of the running prompt, at most
// cap of them; when they would become more, every other one is dropped.
type observedQueries struct {
	cap    int
	start  int // first position of the prompt
	stride int
	n      int // committed
	lanes  [][]float32
}

func (c *Cache) newObserved(n, start int) *observedQueries {
	return &observedQueries{cap: n, start: start, stride: 1, lanes: c.newQueries(n)}
}

// until thins the queries so that those up to position end find room.
func (o *observedQueries) until(end int) {
	for (end-o.start+o.stride-1)/o.stride > o.cap {
		o.stride *= 2
		have := o.n
		o.n = (o.n + 1) / 2
		for _, l := range o.lanes {
			dim := len(l) / o.cap
			for i := 1; 2*i < have; i++ {
				copy(l[i*dim:(i+1)*dim], l[2*i*dim:])
			}
		}
	}
}

// put stores the queries of the lanes of a layer for position pos.
func (o *observedQueries) put(c *Cache, layer int, pos int32, q []float32) {
	k := int(pos) - o.start
	if k < 0 || k%o.stride != 0 {
		return
	}
	at := k / o.stride
	for h := range c.cfg.Layers[layer].KVHeads {
		li := c.first[layer] + h
		n := c.lanes[li].queryDim()
		copy(o.lanes[li][at*n:(at+1)*n], q[h*n:])
	}
}

// upTo says that the positions before n are committed.
func (o *observedQueries) upTo(n int) {
	o.n = (max(0, n-o.start) + o.stride - 1) / o.stride
}

// all returns the queries of a lane and their positions.
func (o *observedQueries) all(li int) (q []float32, pos []int32) {
	dim := len(o.lanes[li]) / o.cap
	for i := range o.n {
		pos = append(pos, int32(o.start+i*o.stride))
	}
	return o.lanes[li][:o.n*dim], pos
}

// observe makes room for what the state wants to keep of the queries of n rows.
func (s *Seq) observe(r *Rows) {
	c := s.cache
	if s.needs.Queries > 0 && s.recent == nil {
		s.recent = c.newRecent(s.needs.Queries)
	}
	if s.needs.EveryQuery == 0 || !r.prompt() {
		return
	}
	if s.observed == nil || s.observed.start > s.n {
		s.observed = c.newObserved(s.needs.EveryQuery, s.n)
	}
	s.observed.until(s.n + r.N)
}

// queryBytes is what the kept queries take.
func (s *Seq) queryBytes() int64 {
	var n int64
	if s.recent != nil {
		n += int64(2 * s.recent.keep)
	}
	if s.observed != nil {
		n += int64(s.observed.cap)
	}
	var dim int64
	for i := range s.cache.lanes {
		dim += int64(s.cache.lanes[i].queryDim())
	}
	return 4 * n * dim
}

func copyQueries(lanes [][]float32) [][]float32 {
	out := make([][]float32, len(lanes))
	for i, l := range lanes {
		out[i] = append([]float32(nil), l...)
	}
	return out
}

// copyQueries gives the fork f what s keeps of its queries.
func (s *Seq) copyQueries(f *Seq) {
	if s.recent != nil {
		r := *s.recent
		r.pos, r.lanes = append([]int32(nil), r.pos...), copyQueries(r.lanes)
		f.recent = &r
	}
	if s.observed != nil {
		o := *s.observed
		o.lanes = copyQueries(o.lanes)
		f.observed = &o
	}
}
