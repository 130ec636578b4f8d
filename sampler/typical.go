package sampler

import (
	"cmp"
	"math"
	"slices"
)

// typical keeps the candidates whose information -ln p is nearest to the entropy,
// until their probability exceeds p (Meister, Pimentel, Wiher, Cotterell: "Locally
// typical sampling", TACL 2023, section 4). Ties go to the likelier candidate, then to
// the lower id. Where a candidate has probability 0, llama.cpp's entropy is NaN; here
// 0·log 0 is 0 and masked candidates are dropped.
type typical struct {
	stateless
	p       float64
	minKeep int
}

// newTypical returns nil when p is 1 or more.
func newTypical(p Params, _ Vocab) (Stage, error) {
	if p.TypicalP >= 1 {
		return nil, nil
	}
	return typical{p: p.TypicalP, minKeep: p.MinKeep}, nil
}

// Name implements Stage.
func (typical) Name() string { return "typ_p" }

// Clone implements Stage.
func (s typical) Clone() Stage { return s }

// surprise ranks a candidate: how far its information is from the entropy, then by key.
type surprise struct {
	far float64
	key uint64
}

// compare orders the more typical first.
func (a surprise) compare(b surprise) int {
	return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.key, b.key))
}

// Apply implements Stage. As in top-p, a histogram tells in which slot the boundary
// lies, and only the candidates of that slot are sorted. Kept candidates keep their
// order.
func (s typical) Apply(c *Cand, _ Rand) error {
	w, z := c.softmax()
	m, a := float64(c.top()), spread{z: z}
	for i, x := range w {
		if x > 0 {
			a.s += x * (m - float64(c.Logits[i]))
		}
	}
	shift := m - a.s/a.z // information is (m - l) + ln z, the entropy is s/z + ln z
	far := func(i int) float64 { return math.Abs(shift - float64(c.Logits[i])) }

	h := c.histogram()
	for i, x := range c.Logits {
		if x >= lowFinite {
			h.add(far(i), w[i])
		}
	}
	slot, run, n := 0, 0.0, 0
	for slot < nucleusBuckets-1 && !s.enough(run+h.mass[slot], z, n+h.count[slot]) {
		run, n, slot = run+h.mass[slot], n+h.count[slot], slot+1
	}
	last := s.boundary(c, slot, run, n, z, far)
	c.keep(func(i int) bool {
		f := far(i)
		return f < last.far && c.Logits[i] >= lowFinite || f == last.far && makeKey(c.Logits[i], c.id(i)) <= last.key
	})
	return nil
}

// enough says whether n candidates of weight run, of z in all, may end the list.
func (s typical) enough(run, z float64, n int) bool { return run > s.p*z && n >= s.minKeep }

// boundary returns the last candidate to keep: one of the given slot, before which n
// candidates have weight run; without bound when all are needed.
func (s typical) boundary(c *Cand, slot int, run float64, n int, z float64, far func(i int) float64) surprise {
	list := c.mem.surprises[:0]
	for i, x := range c.Logits {
		if x >= lowFinite && bucket(far(i)) == slot {
			list = append(list, surprise{far(i), makeKey(x, c.id(i))})
		}
	}
	c.mem.surprises = list
	slices.SortFunc(list, surprise.compare)
	top := float64(c.top())
	for i, e := range list {
		x, _ := splitKey(e.key)
		run += math.Exp(float64(x) - top)
		if s.enough(run, z, n+i+1) {
			return e
		}
	}
	return surprise{far: math.Inf(1)}
}
