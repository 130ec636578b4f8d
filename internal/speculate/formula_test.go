package speculate_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/speculate"
	"kvasir/sampler"
)

// pair is a target and a draft over 40 tokens with Σ min(p, q) = a at every
// position: the draft moves 1-a of the target's mass to tokens of its own.
func pair(a float64) (p, q *sampler.Dist) {
	var x, y [40]float64
	sum := 0.0
	for i := range 20 {
		x[i] = 1 / float64(i+1)
		sum += x[i]
	}
	for i := range 20 {
		x[i] /= sum
		y[i] = a * x[i]
		y[20+i] = (1 - a) / 20
	}
	return dist(x[:]...), dist(y[:]...)
}

// rounds returns the mean number of tokens that a round of that depth emits.
func rounds(k kind, a float64, drafts, depth, n int) float64 {
	p, q := pair(a)
	rule, total := k.rule(), 0
	var tree speculate.Tree
	var target sampler.Dist
	for seed := range uint64(n) {
		tree.Reset(0, drafts)
		chance := func(depth int, purpose sampler.Purpose) speculate.Chance {
			return speculate.Seeded{Rand: sampler.NewRand(seed, 9, uint32(depth)), Purpose: purpose}
		}
		drawn, level := 0, 0
		for i := 0; i < len(tree.Nodes) && tree.Nodes[i].Depth < depth; i++ {
			if d := tree.Nodes[i].Depth; d != level {
				level, drawn = d, 0
			}
			drawn = tree.Grow(i, q, tree.Nodes[i].Mult, k.distinct, drawn, chance(level, sampler.PurposeDraft))
		}
		for w := (speculate.Walk{Tree: &tree}); !w.Done; total++ {
			target.Set(p)
			w.Step(rule, &target, chance(tree.Nodes[w.Node].Depth, sampler.PurposeResidual))
		}
	}
	return float64(total) / float64(n)
}

// Tokens per target pass are (1 - a^(g+1)) / (1 - a) for a draft of g tokens that
// are each accepted with probability a.
func TestTokensPerPass(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 8_000
	}
	for _, a := range []float64{.3, .6, .7, .8, .9} {
		for _, g := range []int{1, 2, 4, 8} {
			want := (1 - math.Pow(a, float64(g+1))) / (1 - a)
			for _, k := range kinds {
				got := rounds(k, a, 1, g, n)
				t.Logf("%s a=%.1f g=%d: %.3f tokens per pass, formula %.3f", k.name, a, g, got, want)
				require.InEpsilon(t, want, got, 0.03)
			}
		}
	}
}

// Several candidates emit more than one: for as many draft passes, and for as many
// drafted tokens where acceptance is low.
func TestCandidatesPay(t *testing.T) {
	const n = 8_000
	for _, k := range kinds {
		for _, a := range []float64{.3, .5, .7} {
			one := rounds(k, a, 1, 4, n)
			last := one
			for _, drafts := range []int{2, 4, 8} {
				many := rounds(k, a, drafts, 4, n)
				t.Logf("%s a=%.1f depth 4, k=%d: %.3f tokens per pass", k.name, a, drafts, many)
				require.Greater(t, many, last-0.01, "%s a=%.1f k=%d", k.name, a, drafts)
				last = many
			}
			require.Greater(t, last, 1.1*one)
		}
		equal, tree := rounds(k, .4, 1, 8, n), rounds(k, .4, 4, 2, n)
		t.Logf("%s a=0.4, 8 drafted tokens: chain %.3f, 4 x 2 %.3f", k.name, equal, tree)
		require.Greater(t, tree, equal)
	}
}
