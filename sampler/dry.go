package sampler

import (
	"math"
	"slices"
)

// dry ("don't repeat yourself", p-e-w, 2024) penalises tokens that would go on with a
// repetition. Let L(t) be the length of the longest suffix of the last n accepted
// tokens, prompt included, that occurs earlier among them with t behind it. Where L(t)
// reaches the allowed length,
//
//	l[t] -= multiplier · base^(L(t) - allowed)
//
// A sequence breaker cuts the suffix: it cannot reach back into the breaker that comes
// last. A token that is a breaker by itself is never penalised. L is found for all t
// by the Z-algorithm on the reversed tokens, in O(n).
type dry struct {
	multiplier, base float64
	allowed          int
	maxExponent      int // 0: none
	breakers         *breakerSet
	seen             history
	z                []int32  // scratch: matched length by distance from the end
	runs             []uint64 // scratch: token<<32 | L
}

// floatMaxLog is the natural logarithm of the largest float32, in llama.cpp's words.
const floatMaxLog = 88.7228391

// newDRY returns nil when nothing would be penalised.
func newDRY(p Params, v Vocab) (Stage, error) {
	if p.DRYMultiplier == 0 || p.DRYBase < 1 || p.DRYPenaltyLastN == 0 {
		return nil, nil
	}
	set, err := v.breakers(p)
	if err != nil {
		return nil, err
	}
	s := &dry{
		multiplier: p.DRYMultiplier, base: p.DRYBase, allowed: p.DRYAllowedLength,
		breakers: set, seen: history{limit: p.DRYPenaltyLastN},
	}
	if p.DRYBase > 1.000001 {
		s.maxExponent = int(floatMaxLog / math.Log(p.DRYBase))
	}
	return s, nil
}

// Name implements Stage.
func (*dry) Name() string { return "dry" }

// Clone implements Stage.
func (s *dry) Clone() Stage {
	t := *s
	t.seen, t.z, t.runs = s.seen.clone(), nil, nil
	return &t
}

// Accept implements Stage.
func (s *dry) Accept(tok int32) { s.seen.push(tok) }

// Reset implements Stage.
func (s *dry) Reset() { s.seen.toks = s.seen.toks[:0] }

// Apply implements Stage. On a dense list it visits the penalised tokens only.
func (s *dry) Apply(c *Cand, _ Rand) error {
	runs := s.repeats(s.seen.last())
	if len(runs) == 0 {
		return nil
	}
	c.own()
	if c.IDs == nil {
		for _, run := range runs {
			id := int32(run >> 32)
			c.set(id, s.lower(c.Logits[id], run))
		}
		return nil
	}
	for i, id := range c.IDs {
		at, _ := slices.BinarySearch(runs, uint64(id)<<32)
		if at < len(runs) && int32(runs[at]>>32) == id {
			c.Logits[i] = s.lower(c.Logits[i], runs[at])
		}
	}
	c.touch()
	return nil
}

// lower returns the penalised logit of a token that would go on with a repetition.
func (s *dry) lower(l float32, run uint64) float32 {
	exponent := int(uint32(run)) - s.allowed
	if s.maxExponent > 0 {
		exponent = min(exponent, s.maxExponent)
	}
	return finite(float64(l) - s.multiplier*math.Pow(s.base, float64(exponent)))
}

// repeats returns token<<32 | L for every token to be penalised, tokens ascending.
func (s *dry) repeats(toks []int32) []uint64 {
	n := len(toks)
	if n <= s.allowed {
		return nil
	}
	limit := s.breakers.limit(toks)
	if limit < s.allowed {
		return nil
	}
	s.suffixes(toks)
	runs := s.runs[:0]
	for k := 1; k < n; k++ {
		if L := min(int(s.z[k]), limit); L >= s.allowed {
			if next := toks[n-k]; !s.breakers.single(next) {
				runs = append(runs, uint64(next)<<32|uint64(L))
			}
		}
	}
	slices.Sort(runs)
	s.runs = runs
	kept := runs[:0] // of each token the longest, which is the last
	for i, run := range runs {
		if i+1 == len(runs) || run>>32 != runs[i+1]>>32 {
			kept = append(kept, run)
		}
	}
	return kept
}

// suffixes sets z[k], k >= 1, to how many tokens before the k last ones equal the
// suffix of toks, by the Z-algorithm (Gusfield: "Algorithms on strings, trees, and
// sequences", 1997, section 1.4).
func (s *dry) suffixes(toks []int32) {
	n := len(toks)
	z := slices.Grow(s.z[:0], n)[:n]
	s.z = z
	at := func(i int) int32 { return toks[n-1-i] }
	left, right := 0, 0 // at(left:right) equals at(0:right-left)
	for k := 1; k < n; k++ {
		length := 0
		if k < right {
			length = min(right-k, int(z[k-left]))
		}
		for k+length < n && at(length) == at(k+length) {
			length++
		}
		z[k] = int32(length)
		if k+length > right {
			left, right = k, k+length
		}
	}
}
