package kvasir_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
)

// speculate prepares speculation for the duration of the test.
func speculate(t testing.TB, eng *kvasir.Engine, o kvasir.SpeculationOptions) *kvasir.Speculation {
	t.Helper()
	p, err := eng.NewSpeculation(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// drafts are sources for textSpec: lookup, the model itself, a model of other
// weights, and self-drafts.
func drafts(t testing.TB) []string {
	other := textSpec
	other.Seed = 9
	return []string{"lookup:n=1", tinyFile(t, textSpec), tinyFile(t, other), "self:skip=1", "self:kv=sinks:budget=32"}
}

// samplings are samplers with and without state.
func samplings() []kvasir.Sampling {
	base := kvasir.DefaultSampling()
	with := func(f func(p *kvasir.Sampling)) kvasir.Sampling {
		p := base
		f(&p)
		return p
	}
	return []kvasir.Sampling{
		kvasir.Greedy(), base,
		with(func(p *kvasir.Sampling) { p.Temperature, p.TopK, p.TopP, p.MinP = 1, 0, 1, 0 }),
		with(func(p *kvasir.Sampling) { p.RepeatPenalty, p.PresencePenalty, p.DRYMultiplier = 1.3, 0.2, 0.8 }),
		with(func(p *kvasir.Sampling) { p.Mirostat = 2 }),
		with(func(p *kvasir.Sampling) { p.XTCProbability, p.TopH = 0.5, 0.5 }),
		with(func(p *kvasir.Sampling) { p.AdaptiveTarget = 0.3 }),
	}
}

// Verified by match, the text is that of plain decoding, for the same prompt, seed
// and sampler: 1,000 triples.
func TestMatchGivesThePlainText(t *testing.T) {
	triples := 1000
	if testing.Short() {
		triples = 100
	}
	eng := openTiny(t, textSpec, kvasir.Options{})
	var specs []*kvasir.Speculation
	for i, d := range drafts(t) {
		specs = append(specs, speculate(t, eng, kvasir.SpeculationOptions{Draft: d, Most: 1 + 3*i, Always: i%2 == 0}))
		specs = append(specs, speculate(t, eng, kvasir.SpeculationOptions{Draft: d, Most: 8}))
	}
	r := rand.New(rand.NewPCG(1, 1))
	samplers := samplings()
	words := []string{"hello", " world", " the", " and", "user", "ing", " a w"}
	for i := range triples {
		prompt := ""
		for range 1 + r.IntN(12) {
			prompt += words[r.IntN(len(words))]
		}
		o := kvasir.GenerateOptions{MaxTokens: 1 + r.IntN(24), Sampling: samplers[i%len(samplers)]}
		o.Sampling.Seed = kvasir.FixedSeed(uint64(r.IntN(1000)))
		if i%5 == 0 {
			o.Stop, o.TopLogprobs = []string{"e"}, 2
		}
		want := generate(t, newSession(t, eng), kvasir.Text(prompt), o)
		o.Speculation = specs[i%len(specs)]
		s := newSession(t, eng)
		got := generate(t, s, kvasir.Text(prompt), o)
		require.Equal(t, want, got, "triple %d", i)
		require.Equal(t, want.ids, s.Tokens()[s.Len()-len(want.ids):])
	}
	for i, p := range specs {
		st := p.Stats()
		require.Positive(t, st.Tokens, "%d", i)
		require.LessOrEqual(t, st.Accepted, st.Drafted)
		if i%4 == 0 {
			require.Positive(t, st.Rounds)
		}
	}
	same := specs[2].Stats()
	require.InDelta(t, same.Drafted, same.Accepted, 0.15*float64(same.Drafted), "drafts of the same model are accepted but at the end")
}

// Windowed layers give drafts back as well.
func TestSpeculationWithWindows(t *testing.T) {
	eng := openTiny(t, windowSpec, kvasir.Options{})
	want := generate(t, newSession(t, eng), kvasir.Text("the world and the user"), greedy(200))
	for _, o := range []kvasir.SpeculationOptions{
		{Draft: "lookup:n=1", Most: 40, Always: true}, {Draft: "self:skip=0", Most: 5, Always: true},
		{Draft: tinyFile(t, windowSpec), Most: 7, Always: true}, {Draft: "self:kv=sinks:budget=32", Most: 4, Always: true},
	} {
		g := greedy(200)
		g.Speculation = speculate(t, eng, o)
		require.Equal(t, want, generate(t, newSession(t, eng), kvasir.Text("the world and the user"), g), o.Draft)
	}
}

// The other modes emit texts with the target's probabilities. The engine is the
// whole of it: draft model, trees in forks, sampler chain, seeds.
func TestVerifiedTextFollowsTheModel(t *testing.T) {
	n := 4_000
	if testing.Short() {
		n = 800
	}
	eng := openTiny(t, textSpec, kvasir.Options{Context: 32})
	sampling := kvasir.DefaultSampling()
	sampling.Temperature, sampling.TopK, sampling.TopP, sampling.MinP = 0.7, 3, 1, 0
	prompt := kvasir.Text("hello world")
	first := texts(t, eng, prompt, kvasir.GenerateOptions{MaxTokens: 3, Sampling: sampling}, n, 0)
	for i, o := range []kvasir.SpeculationOptions{
		{Draft: drafts(t)[2], Verify: "ratio"}, {Draft: "self:skip=0", Verify: "kseq:k=3"},
		{Draft: drafts(t)[2], Verify: "wor:k=2"}, {Draft: "lookup:n=1", Verify: "ratio"},
	} {
		o.Most, o.Always = 2, true
		g := kvasir.GenerateOptions{MaxTokens: 3, Sampling: sampling, Speculation: speculate(t, eng, o)}
		second := texts(t, eng, prompt, g, n, i+1)
		// Two samples of one distribution: chi-square of the difference.
		chi, cells := 0.0, 0
		for text, a := range first {
			if b := second[text]; a+b >= 10 {
				d := float64(a - b)
				chi += d * d / float64(a+b)
				cells++
			}
		}
		require.Greater(t, cells, 5)
		require.Less(t, chi, float64(cells)+4.5*math.Sqrt(2*float64(cells)), "%d: %s by %s, %d cells", i, o.Draft, o.Verify, cells)
		st := g.Speculation.Stats()
		if i < 3 {
			require.Positive(t, st.Accepted, o.Draft)
			require.Less(t, st.Accepted, st.Drafted)
		}
	}
}

// texts counts the texts of n seeds of a series.
func texts(t *testing.T, eng *kvasir.Engine, p kvasir.Prompt, o kvasir.GenerateOptions, n, series int) map[string]int {
	out := map[string]int{}
	s := newSession(t, eng)
	require.NoError(t, s.Prefill(context.Background(), p))
	base := s.Len()
	for seed := range n {
		o.Sampling.Seed = kvasir.FixedSeed(uint64(seed) + uint64(series)<<40)
		out[fmt.Sprint(generate(t, s, kvasir.Prompt{}, o).ids)]++
		require.NoError(t, s.Truncate(base))
	}
	return out
}

// A seed gives the same text again, at any number of threads, whatever ran before.
func TestSpeculationIsReproducible(t *testing.T) {
	path := tinyFile(t, textSpec)
	for _, o := range []kvasir.SpeculationOptions{
		{Draft: "self:skip=1", Verify: "kseq:k=4"}, {Draft: drafts(t)[2], Verify: "wor"}, {Draft: "lookup:n=1", Verify: "ratio"},
	} {
		var want generated
		for threads := 1; threads <= 3; threads++ {
			eng, err := kvasir.Open(path, kvasir.Options{Threads: threads})
			require.NoError(t, err)
			p := speculate(t, eng, o)
			for i := range 2 {
				g := kvasir.GenerateOptions{MaxTokens: 60, Speculation: p}
				g.Sampling.Seed = kvasir.FixedSeed(5)
				got := generate(t, newSession(t, eng), kvasir.Text("hello the world and the"), g)
				if threads == 1 && i == 0 {
					want = got
				}
				require.Equal(t, want, got, "%s: %d threads", o.Verify, threads)
			}
			t.Cleanup(func() { require.NoError(t, eng.Close()) })
		}
	}
}

// Breaking out in the middle of a round leaves what was yielded.
func TestSpeculationBreak(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	want := generate(t, newSession(t, eng), kvasir.Text("hello"), greedy(40)).ids
	p := speculate(t, eng, kvasir.SpeculationOptions{Draft: tinyFile(t, textSpec), Most: 5, Always: true})
	s := newSession(t, eng)
	require.NoError(t, s.Prefill(context.Background(), kvasir.Text("hello")))
	base := s.Len()
	for len(want) > s.Len()-base {
		n, had := 0, s.Len()-base
		g := greedy(len(want) - had)
		g.Speculation = p
		for tok, err := range s.Generate(context.Background(), kvasir.Prompt{}, g) {
			require.NoError(t, err)
			require.Equal(t, want[had+n], tok.ID)
			if n++; n == 3 {
				break
			}
		}
		require.Equal(t, had+n, s.Len()-base)
	}
	f, err := s.Fork()
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// An error in a row that was reached ends the text behind the tokens before it.
func TestSpeculationKeepsTokensBeforeAnError(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	p := speculate(t, eng, kvasir.SpeculationOptions{Draft: tinyFile(t, textSpec), Most: 8, Always: true})
	s := newSession(t, eng)
	g := greedy(30)
	g.Speculation = p
	first := -1
	g.Logits = func(pos int, l []float32) {
		if first < 0 {
			first = pos
		}
		if pos == first+5 {
			l[0] = float32(math.NaN())
		}
	}
	got, err := tryGenerate(context.Background(), s, kvasir.Text("hello"), g)
	require.ErrorIs(t, err, kvasir.ErrBadLogits)
	require.Len(t, got.ids, 5)
	require.Equal(t, first+5, s.Len())
}

func TestSpeculationErrors(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	size := tinyFile(t, tinymodel.Spec{Arch: "llama"})
	for _, tc := range []struct {
		o    kvasir.SpeculationOptions
		text string
	}{
		{kvasir.SpeculationOptions{}, "use lookup"},
		{kvasir.SpeculationOptions{Draft: "lookup", Verify: "maybe"}, "unknown verification"},
		{kvasir.SpeculationOptions{Draft: "lookup", Most: 99}, "draft-max 99"},
		{kvasir.SpeculationOptions{Draft: "self:skip=7"}, "layer 7"},
		{kvasir.SpeculationOptions{Draft: "self:attention=none"}, "none"},
		{kvasir.SpeculationOptions{Draft: "self:kv=none"}, "none"},
		{kvasir.SpeculationOptions{Draft: "no/such.gguf"}, "draft model"},
		{kvasir.SpeculationOptions{Draft: size}, "another vocabulary"},
	} {
		_, err := eng.NewSpeculation(tc.o)
		require.ErrorContains(t, err, tc.text)
	}
	_, err := eng.NewSpeculation(kvasir.SpeculationOptions{Draft: size})
	require.ErrorIs(t, err, kvasir.ErrVocabulary)

	g := greedy(3)
	g.Speculation = speculate(t, openTiny(t, textSpec, kvasir.Options{}), kvasir.SpeculationOptions{Draft: "lookup"})
	s := newSession(t, eng)
	_, err = tryGenerate(context.Background(), s, kvasir.Text("hello"), g)
	require.ErrorContains(t, err, "another engine")
	require.Zero(t, s.Len())
	_, err = eng.Submit(context.Background(), kvasir.Request{Prompt: kvasir.Text("hello"), GenerateOptions: g})
	require.ErrorContains(t, err, "for sessions")
	require.Equal(t, "a.gguf", kvasir.SpeculationOptions{Draft: "a.gguf"}.Model())
	require.Empty(t, kvasir.SpeculationOptions{Draft: "lookup"}.Model())
}
