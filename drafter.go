package kvasir

import (
	"context"

	"kvasir/internal/speculate"
)

// drafter proposes how the text of one generation may go on.
type drafter interface {
	// offer looks at the text so far and returns how many tokens could be drafted
	// now, at most most.
	offer(text []int32, most int) int
	// bucket is the bucket of acceptance of token i of the offered draft.
	bucket(i int) int
	// draft fills t, whose root is the last token of text, with a draft of n tokens
	// or fewer.
	draft(ctx context.Context, t *speculate.Tree, text []int32, n int) error
}

// lookupDrafter copies what followed the last tokens before.
type lookupDrafter struct {
	l           *speculate.Lookup
	next, match int
}

// lookupLimit bounds the tokens that are compared: beyond it a longer match is no
// better sign.
const lookupLimit = 32

func (d *lookupDrafter) offer(text []int32, most int) int {
	d.l.Push(text[d.l.Len():]...)
	d.next, d.match = d.l.Find(lookupLimit)
	if d.match == 0 {
		return 0
	}
	return most
}

// bucket goes by the length of the match that token i follows.
func (d *lookupDrafter) bucket(i int) int {
	switch n := d.match + i; {
	case n < 9:
		return n
	case n < 12:
		return 9
	case n < 16:
		return 10
	case n < 24:
		return 11
	case n < lookupLimit:
		return 12
	}
	return 13
}

// lookupPrior is the acceptance by bucket, as it is on plain prose for short
// matches and on quotations for long ones.
var lookupPrior = [speculate.Buckets]float64{
	0, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95,
}

func (d *lookupDrafter) draft(_ context.Context, t *speculate.Tree, _ []int32, n int) error {
	node := 0
	for i := range n {
		node = t.Guess(node, d.l.At(d.next, i))
	}
	return nil
}

// modelPrior is the acceptance of tokens of a draft model, by depth.
var modelPrior = func() (p [speculate.Buckets]float64) {
	for i := range p {
		p[i] = 0.7
	}
	return p
}()
