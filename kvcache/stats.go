package kvcache

// SeqStats says what the cache of a sequence holds.
type SeqStats struct {
	Tokens      int     `json:"tokens"`      // seen
	Slots       float64 `json:"slots"`       // kept, mean over the lanes with full attention
	Bytes       int64   `json:"bytes"`       // of blocks (shared ones in equal parts), descriptions, kept queries
	BytesDense  int64   `json:"bytes_dense"` // what keeping every token takes
	Peak        int64   `json:"peak_bytes"`  // the most bytes of blocks at a time
	Dropped     int64   `json:"dropped"`     // slots, over all lanes
	Merged      int64   `json:"merged"`      // slots folded into others, over all lanes
	Reused      int64   `json:"reused"`      // tokens found in the cache instead of computed
	Compactions int     `json:"compactions"` // cuts by the policy
	Deferred    int     `json:"deferred"`    // cuts put off because the pool had no room for them
	Exact       bool    `json:"exact"`       // nothing dropped, merged or approximated
	Policy      string  `json:"policy"`
}

// Stats reports what the sequence holds.
func (s *Seq) Stats() SeqStats {
	c, n := s.cache, &s.count
	st := SeqStats{
		Tokens: s.n, BytesDense: c.cfg.SeqBytes(s.n, 1), Peak: n.peak, Dropped: n.dropped, Merged: n.merged, Reused: n.reused,
		Compactions: n.compactions, Deferred: n.deferred, Exact: s.Exact(), Policy: s.spec,
	}
	if st.Policy == "" {
		st.Policy = s.policy.Name()
	}
	full, slots := 0, 0
	for i := range s.lanes {
		l, ls := &s.lanes[i], &c.lanes[i]
		st.Bytes += c.pool.part(ls.class, l.blocks) + l.metaBytes()
		if ls.spec.Window == 0 {
			full++
			slots += l.live()
		}
	}
	if full > 0 {
		st.Slots = float64(slots) / float64(full)
	}
	st.Bytes += s.queryBytes()
	return st
}

// part is the bytes of blocks, those with several users divided among them.
func (p *pool) part(c *class, ids []uint32) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var n int64
	for _, id := range ids {
		n += int64(c.size) / int64(c.meta(id).refs)
	}
	return n
}
