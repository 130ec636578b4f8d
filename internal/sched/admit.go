package sched

// admit starts waiting requests while sequences and bytes are left: those of a
// higher class first, then of the key that was served least, in the order of
// their arrival within a key.
func (c *Core) admit(now Time) {
	for c.waiting > 0 {
		e := c.nextHead(now)
		if e == nil {
			return
		}
		c.start(now, e)
	}
}

// nextHead returns the request to start next, nil when none can.
func (c *Core) nextHead(now Time) *entry {
	var best, held *entry
	for _, k := range c.order {
		if len(k.waiting) == 0 {
			continue
		}
		e := k.waiting[0]
		if !c.fits(e) {
			if e.blocked == 0 {
				e.blocked = now
			}
			if now-e.blocked >= c.cfg.Overtake && (held == nil || e.blocked < held.blocked) {
				held = e
			}
			continue
		}
		if best == nil || before(e, best) {
			best = e
		}
	}
	if held != nil && best != nil && best.Class <= held.Class {
		return nil // what is free is kept for the one that has waited
	}
	return best
}

// before orders heads of different keys.
func before(a, b *entry) bool {
	switch {
	case a.Class != b.Class:
		return a.Class > b.Class
	case a.key.served != b.key.served:
		return a.key.served < b.key.served
	}
	return a.Arrived < b.Arrived
}

// fits reports whether a request can start now.
func (c *Core) fits(e *entry) bool {
	if c.seqs+int(e.N) > c.cfg.MaxRunning && c.seqs > 0 {
		return false
	}
	return c.cfg.Pool == 0 || c.reserved+e.Worst <= c.cfg.Pool
}

func (c *Core) start(now Time, e *entry) {
	k := e.key
	k.waiting = append(k.waiting[:0], k.waiting[1:]...)
	c.waiting--
	k.running++
	c.running = append(c.running, e)
	c.reserved += e.Worst
	c.seqs += int(e.N)
	e.phase, e.done, e.started, e.blocked = Prefill, e.Reused, now, 0
	// One row is charged in advance, so that several requests of a key that
	// start together do not all see the counter of the first.
	k.served += float64(c.cost.Predict(Work{Rows: 1})) / k.weight
}
