package eval

import (
	"context"

	"kvasir"
)

// start brings a setting to the first scored position of a window. Where the
// setting asks for a share of the bytes, its first window finds the budget.
func (k *kvRun) start(ctx context.Context, c *column, prompt []int32, dense int64) error {
	if c.set.Ratio == 0 || c.slots > 0 {
		return k.prompt(ctx, c, prompt, c.slots)
	}
	share := c.set.typeShare(k.r.reference())
	perSlot := float64(dense) / float64(len(prompt)) * share
	guess := int(c.set.Ratio / share * float64(len(prompt)))
	slots, err := fit(int64(c.set.Ratio*float64(dense)), guess, perSlot, func(slots int) (int64, error) {
		if err := k.prompt(ctx, c, prompt, slots); err != nil {
			return 0, err
		}
		return c.session.CacheStats().Bytes, nil
	})
	c.slots = slots
	return err
}

// prompt computes the part of a window that is not scored, in a fresh session.
func (k *kvRun) prompt(ctx context.Context, c *column, prompt []int32, slots int) (err error) {
	if c.session != nil {
		err = c.session.Close()
		c.session = nil
	}
	if err != nil {
		return err
	}
	if c.session, err = k.r.session(&c.set, slots); err != nil {
		return err
	}
	if k.o.Mode == Continuous {
		err = feed(ctx, c.session, prompt, k.o.Step)
	} else {
		err = c.session.Prefill(ctx, kvasir.Prompt{Tokens: prompt})
	}
	if err != nil {
		return err
	}
	c.result.Bytes = c.session.CacheStats().Bytes
	return nil
}

// account notes what a setting's cache held in a window.
func (k *kvRun) account(c *column, denseEnd int64) {
	use := c.session.CacheStats()
	s := &c.set
	r := &c.result
	r.Kind, r.Policy, r.KV, r.KVType, r.Attention = "kv", s.Policy(), s.withBudget(c.slots), s.Type, s.Attention
	r.Mode, r.Ctx, r.Tail, r.Step, r.Asked = k.o.Mode, k.o.Ctx, k.o.Tail, k.o.Step, s.Ratio
	r.Budget = budgetOf(r.KV)
	r.BytesEnd, r.BytesPeak = use.Bytes, max(r.BytesPeak, use.Peak)
	r.Compactions += use.Compactions
	r.Slots = use.Slots
	if k.o.Mode == Continuous {
		r.Bytes, r.BytesDense = use.Bytes, denseEnd
	}
	r.Ratio = float64(r.Bytes) / float64(max(r.BytesDense, 1))
}
