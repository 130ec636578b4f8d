package kvcache

// turns rotates by whole positions with two table look-ups a pair instead of a
// sine and a cosine: an angle is that of a multiple of turnStep plus a rest, put
// together by the addition theorems (error about 1e-7).
type turns struct {
	rope   *Rope
	lo, hi []float32 // [turnStep] and [span/turnStep+1] times cosines, sines
}

const turnStep = 64

// newTurns makes the tables for up to span positions; nil without rotation.
func newTurns(r *Rope, span int) *turns {
	if r == nil || len(r.Inv) == 0 {
		return nil
	}
	t, n := &turns{rope: r}, len(r.Inv)
	t.lo, t.hi = make([]float32, turnStep*2*n), make([]float32, (span/turnStep+1)*2*n)
	for i := range turnStep {
		r.Angles(t.lo[2*n*i:][:n], t.lo[2*n*i+n:][:n], int32(i))
	}
	for i := range span/turnStep + 1 {
		r.Angles(t.hi[2*n*i:][:n], t.hi[2*n*i+n:][:n], int32(i*turnStep))
	}
	return t
}

// scratch is what turn needs, for each goroutine its own.
func (t *turns) scratch() []float32 {
	if t == nil {
		return nil
	}
	return make([]float32, 2*len(t.rope.Inv))
}

// turn rotates heads vectors of dim values by positions further or back, at most
// the span.
func (t *turns) turn(x, scratch []float32, heads, dim int, by int32) {
	if t == nil || by == 0 {
		return
	}
	sign := float32(1)
	if by < 0 {
		sign, by = -1, -by
	}
	n := len(t.rope.Inv)
	lo, hi := t.lo[int(by)%turnStep*2*n:][:2*n], t.hi[int(by)/turnStep*2*n:][:2*n]
	cos, sin := scratch[:n], scratch[n:2*n]
	for i := range cos {
		cl, sl, ch, sh := lo[i], lo[n+i], hi[i], hi[n+i]
		cos[i], sin[i] = ch*cl-sh*sl, sign*(sh*cl+ch*sl)
	}
	t.rope.Turn(x, cos, sin, heads, dim)
}

// turnTables makes the tables of all lanes' rotations, one for each kind.
func turnTables(c *Compaction, span int) map[*Rope]*turns {
	tables := map[*Rope]*turns{}
	for i := range c.Lanes() {
		if r := c.rope(i); tables[r] == nil {
			tables[r] = newTurns(r, span)
		}
	}
	return tables
}

// rope is the rotation of the i-th lane.
func (c *Compaction) rope(i int) *Rope {
	return c.Config().Layers[c.Lane(i).Layer()].Rope
}
