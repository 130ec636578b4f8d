package kvasir_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/golden"
	rules "kvasir/internal/speculate"
	"kvasir/kernels"
	"kvasir/sampler"
)

const realText = "The harbour was built in 1842. It has two breakwaters and a lighthouse. The harbour was built in"

// lastRow returns the logits behind a text.
func lastRow(t *testing.T, eng *kvasir.Engine, text string) (row []float32) {
	s := newSession(t, eng)
	ids := eng.Tokenizer().Encode(text, kvasir.EncodeOptions{})
	require.NoError(t, s.NextLogits(context.Background(), ids, func(l []float32) error {
		row = slices.Clone(l)
		return nil
	}))
	return row
}

// With a real model's distributions, the tokens that the rules give follow the
// target: chi-square over 10^5 draws each. The draft is the same model with less of
// the text.
func TestRealModelDraws(t *testing.T) {
	path := golden.Model(t, "smollm2")
	n := 100_000
	if testing.Short() {
		n = 5_000
	}
	eng, err := kvasir.Open(path, kvasir.Options{Context: 256})
	require.NoError(t, err)
	defer eng.Close()
	target, draft := lastRow(t, eng, "On the first day of spring the old man went to the"), lastRow(t, eng, "In spring he went to the")
	params := kvasir.DefaultSampling()
	params.Temperature, params.TopK, params.TopP, params.MinP, params.Seed = 1.5, 60, 1, 0, kvasir.FixedSeed(1)
	chain, err := sampler.NewChain(params, sampler.Vocab{Size: len(target)})
	require.NoError(t, err)
	var p, q, work sampler.Dist
	require.NoError(t, chain.Dist(&p, target, 1))
	require.NoError(t, chain.Dist(&q, draft, 1))
	for _, tc := range []struct {
		rule     rules.Rule
		k        int
		distinct bool
	}{{&rules.KSeq{}, 1, false}, {&rules.KSeq{}, 4, false}, {&rules.KSeq{}, 8, false}, {&rules.NoReplace{}, 4, true}} {
		counts, accepted := map[int32]int{}, 0
		var tree rules.Tree
		for seed := range uint64(n) {
			r := sampler.NewRand(seed, 0, 1)
			tree.Reset(0, tc.k)
			tree.Grow(0, &q, tc.k, tc.distinct, 0, rules.Seeded{Rand: r, Purpose: sampler.PurposeDraft})
			work.Set(&p)
			w := rules.Walk{Tree: &tree}
			counts[w.Step(tc.rule, &work, rules.Seeded{Rand: r, Purpose: sampler.PurposeResidual})]++
			if !w.Done {
				accepted++
			}
		}
		chi, cells := 0.0, 0
		for i, id := range p.IDs {
			if e := p.P[i] * float64(n); e >= 5 {
				d := float64(counts[id]) - e
				chi += d * d / e
				cells++
			}
		}
		t.Logf("%T k=%d: accepted %.3f, chi-square %.1f over %d tokens", tc.rule, tc.k, float64(accepted)/float64(n), chi, cells)
		require.Greater(t, cells, 3)
		require.Less(t, chi, float64(cells)+4*math.Sqrt(2*float64(cells)))
	}
}

// On real models, too, the text is that of plain decoding.
func TestRealModelsMatch(t *testing.T) {
	if kernels.Current() == kernels.Generic || testing.Short() {
		t.Skip("takes long")
	}
	for _, name := range []string{"smollm2", "gemma3-270m"} {
		eng, err := kvasir.Open(golden.Model(t, name), kvasir.Options{Context: 256})
		require.NoError(t, err)
		for i, draft := range []string{"lookup", "self:skip=5-9"} {
			o := kvasir.GenerateOptions{MaxTokens: 16, Sampling: kvasir.DefaultSampling()}
			o.Sampling.Temperature, o.Sampling.Seed = float64(i)*0.7, kvasir.FixedSeed(3)
			want := generate(t, newSession(t, eng), kvasir.Text(realText), o)
			p := speculate(t, eng, kvasir.SpeculationOptions{Draft: draft, Most: 6, Always: true})
			o.Speculation = p
			got := generate(t, newSession(t, eng), kvasir.Text(realText), o)
			require.Equal(t, want, got, "%s, %s", name, draft)
			st := p.Stats()
			t.Logf("%s, %s: %d of %d drafted tokens accepted, %.2f tokens per pass", name, draft, st.Accepted, st.Drafted, float64(st.Tokens)/float64(st.Passes))
		}
		t.Cleanup(func() { require.NoError(t, eng.Close()) })
	}
}
