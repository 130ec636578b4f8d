package kvcache

// sinksPolicy keeps the first tokens and the newest ones: "Efficient Streaming
// Language Models with Attention Sinks" (Xiao et al., 2023). Positions are those
// inside the cache (§3.2): keys stay as they are and queries see the first
// slots shifted forward (BakedShift), which gives the same distances.
type sinksPolicy struct{}

func (sinksPolicy) Name() string { return "sinks" }

func (sinksPolicy) Help() string {
	return "first and newest tokens (StreamingLLM): budget=SLOTS or ratio=SHARE of the prompt, sinks=4, grow=0, prompt=whole|stream"
}

func (sinksPolicy) New(p Params, c *Config) (State, error) {
	r := &paramReader{p: p}
	s := r.size(c, 4, 0, false)
	return &sinksState{pace{size: s}}, r.done()
}

type sinksState struct{ pace }

func (s *sinksState) Needs() Needs     { return s.needs(Needs{}) }
func (s *sinksState) Due(e Event) bool { return s.due(e) }

// Clone is part of State.
func (s *sinksState) Clone() State { c := *s; return &c }

// Compact drops the oldest slots behind the sinks.
func (s *sinksState) Compact(e Event, c *Compaction) error {
	budget := s.want(e.Len)
	for i := range c.Lanes() {
		n := c.Lane(i).Len()
		if n <= budget {
			continue
		}
		p := c.Plan(i)
		p.Keep = ends(p.Keep[:0], n, s.sinks, budget-s.sinks)
		p.Shift, p.ShiftTo = int32(n-budget), int32(s.sinks)
	}
	s.after(e.Len, budget)
	return nil
}

// ends appends the first and the last slots of n.
func ends(dst []int32, n, first, last int) []int32 {
	for j := range min(first, n) {
		dst = append(dst, int32(j))
	}
	for j := max(first, n-last); j < n; j++ {
		dst = append(dst, int32(j))
	}
	return dst
}

func (s *sinksState) MarshalBinary() ([]byte, error) {
	w := newStateWriter()
	s.write(w)
	return w.b, nil
}

func (s *sinksState) UnmarshalBinary(b []byte) error {
	r := newStateReader(b)
	s.read(r)
	return r.done()
}
