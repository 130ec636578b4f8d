package kvcache

import "fmt"

// compact asks the state for plans and carries them out: all of them or, on
// an error, none.
func (s *Seq) compact(e Event) error {
	c := s.compaction()
	defer c.finish()
	if err := s.state.Compact(e, c); err != nil {
		return fmt.Errorf("cache policy %s: %w", s.policy.Name(), err)
	}
	changed, err := c.check()
	if err != nil {
		return fmt.Errorf("cache policy %s: %w", s.policy.Name(), err)
	}
	if !changed {
		return nil
	}
	return c.apply()
}

// compaction returns the sequence's Compaction over the lanes as they are.
func (s *Seq) compaction() *Compaction {
	c := s.comp
	if c == nil {
		c = &Compaction{seq: s, need: s.needs}
		for i := range s.cache.lanes {
			if s.cache.lanes[i].spec.Window == 0 {
				c.views = append(c.views, LaneView{c: c, li: i, ls: &s.cache.lanes[i]})
			}
		}
		c.plans = make([]LanePlan, len(c.views))
		c.layouts = make([]layout, len(c.views))
		s.comp = c
	}
	for i := range c.views {
		c.views[i].look(&s.lanes[c.views[i].li])
		c.plans[i] = LanePlan{}
	}
	return c
}

// look makes the view show the lane as it is.
func (v *LaneView) look(l *lane) {
	v.ln, v.n, v.held = l, l.live(), -1
	v.logW, v.at = nil, v.at[:0]
	m := l.meta
	if m == nil {
		v.at, v.pos = nil, v.c.seq.cache.pos[:v.n]
		return
	}
	if m.gap == 0 {
		v.at, v.pos = nil, m.pos[:v.n]
		if m.logW != nil {
			v.logW = m.logW[:v.n]
		}
		return
	}
	v.pos = make([]int32, 0, v.n)
	for b := l.first; len(v.at) < v.n; b++ {
		for j := range l.fill(b) {
			v.at = append(v.at, int32(b*BlockSlots+j))
			v.pos = append(v.pos, m.pos[b*BlockSlots+j])
		}
	}
	if m.logW != nil {
		v.logW = make([]float32, v.n)
		for i, a := range v.at {
			v.logW[i] = m.logW[a]
		}
	}
}

// finish drops what the state was lent.
func (c *Compaction) finish() {
	for i := range c.views {
		c.views[i].done()
	}
	c.free = nil
}

// check reports whether the plans change anything, or what is wrong with them.
func (c *Compaction) check() (changed bool, err error) {
	length := -1
	for i := range c.plans {
		p, v := &c.plans[i], &c.views[i]
		if err := p.check(v, &c.need); err != nil {
			return false, fmt.Errorf("%w: layer %d head %d: %w", ErrPolicy, v.Layer(), v.Head(), err)
		}
		n := v.n
		if p.Keep != nil {
			n = len(p.Keep)
			changed = changed || n < v.n || p.Shift != 0
		}
		if length >= 0 && n != length && c.need.Raw {
			return false, fmt.Errorf("%w: layer %d head %d keeps %d slots, others %d: lanes with positions in the cache are equally long", ErrPolicy, v.Layer(), v.Head(), n, length)
		}
		length = n
	}
	return changed, nil
}

// check reports what is wrong with a plan for the lane v.
func (p *LanePlan) check(v *LaneView, need *Needs) error {
	if p.Keep == nil {
		if len(p.Merge) > 0 || p.Shift != 0 {
			return fmt.Errorf("an untouched lane merges or shifts")
		}
		return nil
	}
	if len(p.Keep) == 0 {
		return fmt.Errorf("nothing is kept")
	}
	last := int32(-1)
	for _, s := range p.Keep {
		if s <= last || int(s) >= v.n {
			return fmt.Errorf("slot %d after %d of %d: not ascending or missing", s, last, v.n)
		}
		last = s
	}
	if p.Shift != 0 && need.Raw {
		return fmt.Errorf("positions in the cache are not shifted")
	}
	if len(p.Merge) == 0 {
		return nil
	}
	if !need.Weights {
		return fmt.Errorf("merges without asking for weights")
	}
	return p.checkMerges(v)
}

// checkMerges reports a slot that is kept and folded, folded twice or missing.
func (p *LanePlan) checkMerges(v *LaneView) error {
	const kept, dst, folded = 1, 2, 3
	use := make([]uint8, v.n)
	for _, s := range p.Keep {
		use[s] = kept
	}
	for _, m := range p.Merge {
		if m.Dst < 0 || int(m.Dst) >= v.n || use[m.Dst] != kept {
			return fmt.Errorf("slot %d takes others in: it is not kept or does so twice", m.Dst)
		}
		use[m.Dst] = dst
		for _, s := range m.Src {
			if s < 0 || int(s) >= v.n || use[s] != 0 {
				return fmt.Errorf("slot %d is folded into %d: it is kept, folded twice or missing", s, m.Dst)
			}
			use[s] = folded
		}
	}
	return nil
}
