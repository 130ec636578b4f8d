package sampler

import (
	"errors"
	"fmt"

	"kvasir/kernels"
)

// ErrConstraint says that a constraint does not allow a token.
var ErrConstraint = errors.New("not allowed by the constraint")

// Constraint limits which token may come next. It sees the output only, not the
// prompt. A Constraint belongs to one chain and is not safe for concurrent use.
type Constraint interface {
	// Name says in errors what limits the text.
	Name() string
	// Mask sets dst to the allowed tokens, end tokens included where the text may
	// end. It changes no state. A set for fewer tokens than there are logits bans
	// the others.
	Mask(dst *Bitset) error
	// Forced returns up to limit tokens that are to come, whatever the logits, none
	// when there is a choice: where all allowed texts go on alike, it settles how they
	// are cut into tokens. The slice must not be written to.
	Forced(limit int) []int32
	// Accept makes tok part of the text; ErrConstraint if it is not allowed.
	Accept(tok int32) error
	// Complete reports whether the text may end here.
	Complete() bool
	// Done reports whether it must.
	Done() bool
	// Rollback undoes the last n Accepts.
	Rollback(n int) error
	// Clone returns an independent constraint in the same state.
	Clone() Constraint
}

// Constrain limits the tokens that come from now on to what every constraint allows;
// it replaces earlier constraints. Their masks are applied right behind the bias,
// before any other stage: truncation and temperature see the allowed tokens only.
// Call it after the prompt was accepted.
func (c *Chain) Constrain(cs ...Constraint) { c.limits = cs }

// Constrained reports whether the chain has a constraint.
func (c *Chain) Constrained() bool { return len(c.limits) > 0 }

// Complete reports whether every constraint lets the text end here.
func (c *Chain) Complete() bool {
	for _, l := range c.limits {
		if !l.Complete() {
			return false
		}
	}
	return true
}

// Forced returns up to limit tokens that Next would return one after the other,
// whatever the logits, so that nothing need be computed for them; they still have to
// be accepted. It is empty without a constraint and with more than one.
func (c *Chain) Forced(limit int) []int32 {
	if len(c.limits) != 1 {
		return nil
	}
	toks := c.limits[0].Forced(limit)
	for i, t := range toks {
		if c.banned(t) {
			return toks[:i]
		}
	}
	return toks
}

// banned says whether the bias bans a token.
func (c *Chain) banned(tok int32) bool {
	if len(c.stages) == 0 {
		return false
	}
	b, ok := c.stages[0].(*bias)
	if !ok {
		return false
	}
	for i, id := range b.ids {
		if id == tok {
			return b.add[i] == negInf
		}
	}
	return false
}

// limit applies the masks to the list, which is dense.
func (c *Chain) limit() error {
	if f := c.Forced(1); len(f) > 0 {
		c.mask.Resize(c.vocab.Size)
		c.mask.Set(f[0])
		if c.cand.restrict(&c.mask) {
			return nil
		}
	}
	for i, l := range c.limits {
		dst := &c.mask
		if i > 0 {
			dst = &c.mask2
		}
		if err := l.Mask(dst); err != nil {
			return err
		}
		if i > 0 {
			c.mask.And(&c.mask2)
		}
	}
	if !c.cand.restrict(&c.mask) {
		return fmt.Errorf("%s: %w", c.limits[0].Name(), ErrNoCandidates)
	}
	return nil
}

// acceptLimits tells the constraints about a token, all or none of them.
func (c *Chain) acceptLimits(tok int32) error {
	for i, l := range c.limits {
		if err := l.Accept(tok); err != nil {
			for _, done := range c.limits[:i] {
				err = errors.Join(err, done.Rollback(1))
			}
			return err
		}
	}
	return nil
}

// restrict keeps the tokens of a set in a dense list and reports whether any is left:
// as a sparse list when there are few.
func (c *Cand) restrict(set *Bitset) bool {
	if n := set.Count(); n <= len(c.Logits)/32 {
		ids, logits := c.next()
		for i, w := range set.words {
			if w == 0 {
				continue
			}
			for id := int32(64 * i); w != 0; id, w = id+1, w>>1 {
				if w&1 != 0 && int(id) < len(c.Logits) && c.Logits[id] != negInf {
					ids, logits = append(ids, id), append(logits, c.Logits[id])
				}
			}
		}
		if len(ids) == 0 {
			return false
		}
		c.replace(ids, logits)
		return true
	}
	c.own()
	for lo := 0; lo < len(c.Logits); lo += blockLen {
		c.restrictBlock(lo, set)
	}
	c.best = -1
	return c.top() != negInf
}

// restrictBlock masks one block of a dense list and updates its largest logit.
func (c *Cand) restrictBlock(lo int, set *Bitset) {
	block := c.Logits[lo:min(lo+blockLen, len(c.Logits))]
	full := true
	for k := 0; k < len(block); k += 64 {
		word := uint64(0)
		if i := (lo + k) / 64; i < len(set.words) {
			word = set.words[i]
		}
		part := block[k:min(k+64, len(block))]
		if word == ^uint64(0) {
			continue
		}
		full = false
		for i := range part {
			if word>>i&1 == 0 {
				part[i] = negInf
			}
		}
	}
	if !full && c.tops != nil {
		c.tops[lo/blockLen] = kernels.Max(block)
	}
}
