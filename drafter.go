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

// lookupDrafter copies what followed the last tokens before. A match of three tokens
// or more is looked for first; shorter ones are weak signs.
type lookupDrafter struct {
	levels      []*speculate.Lookup // by the tokens that must match, most first
	l           *speculate.Lookup   // that has the match
	next, match int
}

// lookupLimit bounds the tokens that are compared: beyond it a longer match is no
// better sign. lookupStrong is the match that is looked for first.
const (
	lookupLimit  = 32
	lookupStrong = 3
)

// newLookupDrafter makes a drafter that wants least tokens to match.
func newLookupDrafter(least int) *lookupDrafter {
	d := &lookupDrafter{}
	for n := max(least, lookupStrong); n >= least; n-- {
		d.levels = append(d.levels, speculate.NewLookup(n))
	}
	return d
}

func (d *lookupDrafter) offer(text []int32, most int) int {
	d.match = 0
	for _, l := range d.levels {
		l.Push(text[l.Len():]...)
		if d.match == 0 {
			d.l = l
			d.next, d.match = l.Find(lookupLimit)
		}
	}
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

// lookupPrior is the acceptance by bucket: for short matches little more than pays,
// so that the first failures end them.
var lookupPrior = [speculate.Buckets]float64{
	0, 0.36, 0.42, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95,
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
