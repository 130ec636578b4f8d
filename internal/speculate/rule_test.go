package speculate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/speculate"
	"kvasir/sampler"
)

// dist makes a distribution; zeros are left out, as the sampler does.
func dist(p ...float64) *sampler.Dist {
	d := &sampler.Dist{}
	sum := 0.0
	for _, x := range p {
		sum += x
	}
	for i, x := range p {
		if x > 0 {
			d.IDs, d.P = append(d.IDs, int32(i)), append(d.P, x/sum)
		}
	}
	return d
}

// kind is a rule with the way its trials are drawn.
type kind struct {
	name     string
	rule     func() speculate.Rule
	distinct bool
}

var kinds = []kind{
	{"kseq", func() speculate.Rule { return &speculate.KSeq{} }, false},
	{"wor", func() speculate.Rule { return &speculate.NoReplace{} }, true},
}

// pairs are target and draft distributions: corner cases and random ones.
func pairs() [][2]*sampler.Dist {
	list := [][2]*sampler.Dist{
		{dist(1, 0, 0), dist(0, 1, 0)},             // disjoint
		{dist(.5, .5, 0, 0), dist(0, 0, .5, .5)},   // disjoint
		{dist(.2, .3, .5), dist(.2, .3, .5)},       // equal
		{dist(.2, .3, .5), dist(.5, .3, .2)},       // mirrored
		{dist(1, 0), dist(.5, .5)},                 // greedy target
		{dist(.75, .25), dist(.5, .5)},             //
		{dist(.5, .5), dist(1, 0)},                 // greedy draft
		{dist(.25, .25, .5, 0), dist(0, .5, 0, 1)}, // overlap in one
		{dist(1e-12, 1, 1e-9), dist(1, 1e-12, 1e-12)},
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		var d [2]*sampler.Dist
		for i := range d {
			p := make([]float64, 2+r.IntN(3))
			for j := range p {
				if r.IntN(5) > 0 {
					p[j] = math.Exp(2 * r.NormFloat64())
				}
			}
			p[r.IntN(len(p))] += 0.1
			d[i] = dist(p...)
		}
		list = append(list, d)
	}
	return list
}

// outcome is the exact distribution of the token after one node, and the
// probability that a trial was accepted.
func outcome(k kind, p, q *sampler.Dist, n int) (out []float64, accept float64) {
	out = make([]float64, 8)
	rule := k.rule()
	enumerate(func(c *branches) {
		var tree speculate.Tree
		tree.Reset(0, n)
		tree.Grow(0, q, n, k.distinct, 0, c)
		var target sampler.Dist
		target.Set(p)
		w := speculate.Walk{Tree: &tree}
		out[w.Step(rule, &target, c)] += c.weight
		if !w.Done {
			accept += c.weight
		}
	})
	return out, accept
}

// The token behind a node is distributed as the target's, for any draft: exact,
// over all trials, coins and residual draws.
func TestRulesAreExact(t *testing.T) {
	for _, k := range kinds {
		for n := 1; n <= 8; n++ {
			for i, d := range pairs() {
				if len(d[1].IDs) > 3 && n > 6 {
					continue // 4^8 sequences of trials
				}
				out, _ := outcome(k, d[0], d[1], n)
				for id, got := range out {
					require.InDelta(t, d[0].Prob(int32(id)), got, 1e-12, "%s k=%d pair %d token %d", k.name, n, i, id)
				}
			}
		}
	}
}

// The test would notice a wrong residual.
func TestExactnessHasPower(t *testing.T) {
	out, _ := outcome(kind{"", func() speculate.Rule { return naive{} }, false}, dist(.2, .3, .5), dist(.5, .3, .2), 2)
	require.Greater(t, math.Abs(out[2]-.5), 0.01)
}

// naive draws from the target itself after a rejection.
type naive struct{}

func (naive) Choose(p, q *sampler.Dist, tried []int32, c speculate.Chance) (int32, bool) {
	for i, x := range tried {
		if c.Coin(i, p.Prob(x)/q.Prob(x)) {
			return x, true
		}
	}
	return c.Draw(0, p), false
}

func TestAcceptance(t *testing.T) {
	for _, tc := range []struct {
		kind   int
		p, q   *sampler.Dist
		k      int
		accept float64
	}{
		{0, dist(.2, .3, .5), dist(.5, .3, .2), 1, .7},
		{0, dist(.2, .3, .5), dist(.5, .3, .2), 2, .791355},
		{0, dist(.2, .3, .5), dist(.5, .3, .2), 4, .906007},
		{0, dist(.75, .25), dist(.5, .5), 2, .904508},
		{0, dist(1, 0), dist(.5, .5), 2, .75},
		{1, dist(.2, .3, .5), dist(.5, .3, .2), 1, .7},
		{1, dist(.75, .25), dist(.5, .5), 2, 1}, // the trials cover the target
		{1, dist(1, 0), dist(.5, .5), 2, 1},
	} {
		_, got := outcome(kinds[tc.kind], tc.p, tc.q, tc.k)
		require.InDelta(t, tc.accept, got, 1e-6, "%s k=%d", kinds[tc.kind].name, tc.k)
	}
}

// One trial of k-SEQ is the ratio rule, decision by decision.
func TestOneTrialIsTheRatioRule(t *testing.T) {
	for i, d := range pairs() {
		for seed := range uint64(200) {
			c := speculate.Seeded{Rand: sampler.NewRand(seed, 0, uint32(i)), Purpose: sampler.PurposeResidual}
			var tokens [2]int32
			var accepted [2]bool
			for j, k := range kinds {
				var p sampler.Dist
				p.Set(d[0])
				x := d[1].Draw(c.Rand.U(sampler.PurposeDraft, 0))
				tokens[j], accepted[j] = k.rule().Choose(&p, d[1], []int32{x}, c)
			}
			require.Equal(t, accepted[0], accepted[1])
			require.Equal(t, tokens[0], tokens[1])
		}
	}
}

// A guess, which was not drawn, is verified as a draft of probability 1.
func TestGuess(t *testing.T) {
	for _, k := range kinds {
		for i, d := range pairs() {
			for guess := range int32(4) {
				out, rule := make([]float64, 8), k.rule()
				enumerate(func(c *branches) {
					var tree speculate.Tree
					tree.Reset(0, 1)
					tree.Guess(0, guess)
					var p sampler.Dist
					p.Set(d[0])
					w := speculate.Walk{Tree: &tree}
					out[w.Step(rule, &p, c)] += c.weight
				})
				for id, got := range out {
					require.InDelta(t, d[0].Prob(int32(id)), got, 1e-12, "%s pair %d guess %d", k.name, i, guess)
				}
			}
		}
	}
}

// language gives every prefix a distribution of its own.
type language struct {
	seed uint64
	size int
}

func (l language) next(prefix []int32) *sampler.Dist {
	h := l.seed
	for _, t := range prefix {
		h = h*31 + uint64(t) + 7
	}
	r := rand.New(rand.NewPCG(h, 3))
	p := make([]float64, l.size)
	for i := range p {
		if r.IntN(6) > 0 {
			p[i] = math.Exp(1.5 * r.NormFloat64())
		}
	}
	p[r.IntN(l.size)] += 0.2
	return dist(p...)
}

// round drafts a tree of that depth behind prefix and walks it; it returns what
// the round emits.
func round(k kind, target, draft language, prefix []int32, drafts, depth int, draws, coins func(depth int) speculate.Chance) []int32 {
	var tree speculate.Tree
	tree.Reset(0, drafts)
	text := func(node int) []int32 {
		out := append([]int32(nil), prefix...)
		for _, n := range tree.Path(nil, node)[1:] {
			out = append(out, tree.Nodes[n].Token)
		}
		return out
	}
	drawn := 0
	for i, level := 0, 0; i < len(tree.Nodes) && tree.Nodes[i].Depth < depth; i++ {
		if d := tree.Nodes[i].Depth; d != level {
			level, drawn = d, 0
		}
		n := tree.Nodes[i].Mult
		drawn = tree.Grow(i, draft.next(text(i)), n, k.distinct, drawn, draws(level))
	}
	var out []int32
	rule := k.rule()
	for w := (speculate.Walk{Tree: &tree}); !w.Done; {
		var p sampler.Dist
		p.Set(target.next(append(append([]int32(nil), prefix...), out...)))
		out = append(out, w.Step(rule, &p, coins(len(out))))
	}
	return out
}

// Whole rounds emit texts with the target's probabilities: the joint distribution
// of the first tokens, completed from the target where a round ends early.
func TestTreesAreExact(t *testing.T) {
	const length = 3
	for _, k := range kinds {
		for _, drafts := range []int{1, 2, 3} {
			for depth := 1; depth <= 2; depth++ {
				if drafts*depth > 4 {
					continue
				}
				for seed := range uint64(3) {
					target, draft := language{seed, 3}, language{seed + 50, 3}
					got := map[string]float64{}
					enumerate(func(c *branches) {
						same := func(int) speculate.Chance { return c }
						out := round(k, target, draft, nil, drafts, depth, same, same)
						for len(out) < length {
							out = append(out, c.Draw(0, target.next(out)))
						}
						got[fmt.Sprint(out)] += c.weight
					})
					joint(target, nil, length, 1, func(text []int32, want float64) {
						require.InDelta(t, want, got[fmt.Sprint(text)], 1e-12, "%s k=%d depth %d: %v", k.name, drafts, depth, text)
						delete(got, fmt.Sprint(text))
					})
					require.Empty(t, got)
				}
			}
		}
	}
}

// joint calls f with every text of that length and its probability.
func joint(l language, prefix []int32, length int, weight float64, f func([]int32, float64)) {
	if len(prefix) == length {
		f(prefix, weight)
		return
	}
	d := l.next(prefix)
	for i, id := range d.IDs {
		joint(l, append(prefix[:len(prefix):len(prefix)], id), length, weight*d.P[i], f)
	}
}

// The same with the numbers that a seed gives, counted: a chi-square test over
// 10^5 texts, each of several rounds that share their positions' random numbers.
func TestSeededRoundsFollowTheTarget(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	const length = 3
	for _, k := range kinds {
		target, draft := language{5, 4}, language{77, 4}
		counts := map[string]int{}
		for seed := range uint64(n) {
			var out []int32
			for len(out) < length {
				at := len(out)
				chance := func(purpose sampler.Purpose) func(int) speculate.Chance {
					return func(depth int) speculate.Chance {
						return speculate.Seeded{Rand: sampler.NewRand(seed, 0, uint32(at+depth)), Purpose: purpose}
					}
				}
				out = append(out, round(k, target, draft, out, 3, 2, chance(sampler.PurposeDraft), chance(sampler.PurposeResidual))...)
			}
			counts[fmt.Sprint(out[:length])]++
		}
		chi, cells := 0.0, 0
		joint(target, nil, length, 1, func(text []int32, p float64) {
			if e := p * float64(n); e >= 5 {
				d := float64(counts[fmt.Sprint(text)]) - e
				chi += d * d / e
				cells++
			}
		})
		// Four standard deviations above the mean of chi-square.
		require.Less(t, chi, float64(cells)+4*math.Sqrt(2*float64(cells)), "%s: %d cells", k.name, cells)
		require.Greater(t, cells, 20)
	}
}
