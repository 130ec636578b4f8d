package sched

// Next fills p with the next pass and reports whether there is anything to do.
// Decoding sequences come first, then pieces of prompts.
func (c *Core) Next(now Time, p *Pass) bool {
	*p = Pass{Slices: p.Slices[:0]}
	c.expire(now)
	c.admit(now)
	for _, e := range c.running {
		if e.phase == Decode {
			c.addDecodes(p, e)
		}
	}
	base := c.cost.Predict(p.Work)
	p.Predicted = base
	if c.prefilling() {
		c.addPrompts(p, base)
	}
	return p.Rows > 0
}

// expire drops waiting requests whose time is over.
func (c *Core) expire(now Time) {
	c.expired = c.expired[:0]
	for i := len(c.order) - 1; i >= 0; i-- {
		k := c.order[i]
		for j := len(k.waiting) - 1; j >= 0; j-- {
			if e := k.waiting[j]; e.Until > 0 && e.Until <= now {
				c.expired = append(c.expired, e.ID)
				c.remove(now, e)
			}
		}
	}
}

func (c *Core) prefilling() bool {
	for _, e := range c.running {
		if e.phase == Prefill {
			return true
		}
	}
	return false
}

// addDecodes adds one row for each sequence of e that goes on.
func (c *Core) addDecodes(p *Pass, e *entry) {
	for s := range e.N {
		if (e.alive&^e.stalled)>>s&1 == 0 || int(p.Rows) >= c.cfg.MaxRows {
			continue
		}
		p.Slices = append(p.Slices, Slice{ID: e.ID, Seq: s, Mode: ModeDecode, From: e.length, N: 1})
		p.Rows++
		p.Decodes++
		p.Work.Rows++
		p.Work.LogitRows++
		p.Work.Read += int64(e.length)
	}
}

// addPrompts fills p with pieces of prompts up to the target time.
func (c *Core) addPrompts(p *Pass, base Time) {
	target := c.cfg.Alone
	if p.Decodes > 0 {
		promised := float64(base) / (1 - c.cfg.Share)
		target = Time(max(c.gamma*float64(base), promised))
	}
	// Short prompts get up to half of it, so that a question does not wait
	// behind a book; then the long one that is under way; then a new one.
	half := base + (target-base)/2
	for rank := range 3 {
		until := target
		if rank == 0 && c.longUnderWay() {
			until = half
		}
		for _, e := range c.running {
			if e.phase != Prefill || rankOf(e) != rank {
				continue
			}
			n := c.piece(p, e, until)
			if n == 0 {
				break
			}
			left := e.Prompt - e.done
			c.addPiece(p, e, n)
			if rank > 0 && n < left {
				return // one long prompt at a time
			}
		}
	}
}

func (c *Core) longUnderWay() bool {
	for _, e := range c.running {
		if e.phase == Prefill && rankOf(e) == 1 {
			return true
		}
	}
	return false
}

// rankOf orders prompts: short ones, the one under way, the others.
func rankOf(e *entry) int {
	switch {
	case e.Prompt-e.done <= shortPrompt:
		return 0
	case e.done > e.Reused:
		return 1
	}
	return 2
}

// with returns the work of p and a piece of n rows of e.
func (e *entry) with(w Work, n int32) Work {
	w.Rows += n
	w.Prompt += int64(n) * int64(e.done+n/2)
	w.LogitRows += e.logits(n)
	return w
}

// logits is how many of the next n prompt rows have logits that are wanted.
func (e *entry) logits(n int32) int32 {
	if e.AllLogits {
		return min(n, max(0, e.done+n-max(e.done, e.LogitsFrom)))
	}
	if e.MaxNew > 0 && e.done+n == e.Prompt {
		return 1
	}
	return 0
}

// piece returns how many rows of e's prompt p takes: the most that keep it
// within target, evened out so that no tiny rest is left, and at least one tile
// when p has no prompt rows yet.
func (c *Core) piece(p *Pass, e *entry, target Time) int32 {
	left := e.Prompt - e.done
	room := int32(c.cfg.MaxRows) - p.Rows
	hi := min(left, room)
	if hi <= 0 {
		return 0
	}
	if c.cfg.Unsplit || c.cost.Predict(e.with(p.Work, hi)) <= target {
		return hi
	}
	lo := int32(0) // the most rows that fit, by bisection
	for top := hi; lo < top; {
		mid := (lo + top + 1) / 2
		if c.cost.Predict(e.with(p.Work, mid)) <= target {
			lo = mid
		} else {
			top = mid - 1
		}
	}
	tile := int32(c.cfg.Tile)
	if lo > 0 {
		k := (left + lo - 1) / lo
		n := (left + k - 1) / k
		up := (p.Rows+n+tile-1)/tile*tile - p.Rows
		if up <= hi && c.cost.Predict(e.with(p.Work, up)) <= target+target/20 {
			n = up
		}
		return n
	}
	if p.Rows > p.Decodes {
		return 0
	}
	return min(hi, tile) // progress, whatever it costs
}

func (c *Core) addPiece(p *Pass, e *entry, n int32) {
	p.Work = e.with(p.Work, n)
	p.Slices = append(p.Slices, Slice{ID: e.ID, Mode: ModePrompt, From: e.done, N: n, Last: e.done+n == e.Prompt})
	p.Rows += n
	p.Predicted = c.cost.Predict(p.Work)
}

// Done records that p was computed in the given time: prompts have advanced,
// sequences have a token more. Sequences that ended and requests that failed
// are told by Finish and Cancel.
func (c *Core) Done(now Time, p *Pass, took Time) {
	c.cost.Learn(p.Work, took)
	c.trim(p, took)
	for i := range p.Slices {
		s := &p.Slices[i]
		e := c.byID[s.ID]
		if e == nil {
			continue
		}
		e.key.served += float64(p.Predicted) * float64(s.N) / float64(p.Rows) / e.key.weight
		switch {
		case s.Mode == ModeDecode:
			e.length = max(e.length, s.From+1)
		case s.N > 0:
			e.done += s.N
			if s.Last {
				c.decode(now, e)
			}
		}
	}
}

// decode turns a request whose prompt is computed to generating.
func (c *Core) decode(now Time, e *entry) {
	if e.MaxNew == 0 {
		c.remove(now, e)
		return
	}
	e.phase, e.length = Decode, e.Prompt
	e.alive = 1<<e.N - 1
}

// trim keeps the 95th percentile of the gaps between tokens below twice what
// decoding alone would take: it lowers gamma when predictions were too kind.
func (c *Core) trim(p *Pass, took Time) {
	if p.Decodes == 0 || p.Rows == p.Decodes {
		return
	}
	w := Work{Rows: p.Decodes, LogitRows: p.Decodes, Read: p.Work.Read}
	ratio := float64(took) / max(1, float64(c.cost.Predict(w)))
	if ratio < c.gapHigh { // a quantile by stochastic steps
		c.gapHigh -= 0.02 * 0.05
	} else {
		c.gapHigh += 0.02 * 0.95
	}
	if c.gaps++; c.gaps%64 != 0 {
		return
	}
	if c.gapHigh > 1.9 {
		c.gamma = max(1.2, c.gamma*0.95)
	} else {
		c.gamma = min(c.cfg.Gamma, c.gamma*1.01)
	}
}
