package sampler_test

import (
	"math"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
)

// logs turns probabilities into logits; 0 becomes -Inf.
func logs(p ...float64) []float32 {
	row := make([]float32, len(p))
	for i, x := range p {
		row[i] = float32(math.Log(x))
	}
	return row
}

// neutral switches every stage off, so that a case sets just what it tests.
func neutral() sampler.Params {
	p := sampler.DefaultParams()
	p.Temperature, p.TopK, p.TopP, p.MinP = 1, 0, 1, 0
	p.Seed = sampler.FixedSeed(42)
	return p
}

// distOf runs a fresh chain over row, after it accepted toks.
func distOf(t *testing.T, p sampler.Params, row []float32, toks ...int32) sampler.Dist {
	t.Helper()
	c, err := sampler.NewChain(p, sampler.Vocab{Size: len(row)})
	require.NoError(t, err)
	for _, tok := range toks {
		require.NoError(t, c.Accept(tok))
	}
	var d sampler.Dist
	require.NoError(t, c.Dist(&d, row, 0))
	return d
}

// requireDist compares with one probability per token, 0 for absent ones.
func requireDist(t *testing.T, want []float64, got sampler.Dist) {
	t.Helper()
	for id, w := range want {
		require.InDelta(t, w, got.Prob(int32(id)), 1e-6, "token %d of %v %v", id, got.IDs, got.P)
		if w == 0 {
			require.NotContains(t, got.IDs, int32(id))
		}
	}
}

// The cases mirror the sampler tests of llama.cpp, on four tokens of probability
// 0.1, 0.2, 0.3 and 0.4.
func TestStagesOnFourTokens(t *testing.T) {
	all := []float64{0.1, 0.2, 0.3, 0.4}
	three, two, one := []float64{0, 2. / 9, 3. / 9, 4. / 9}, []float64{0, 0, 3. / 7, 4. / 7}, []float64{0, 0, 0, 1}
	for _, tc := range []struct {
		name string
		set  func(*sampler.Params)
		want []float64
	}{
		{"off", func(p *sampler.Params) {}, all},
		{"temp 0", func(p *sampler.Params) { p.Temperature = 0 }, one},
		{"temp -1", func(p *sampler.Params) { p.Temperature = -1 }, one},
		{"temp 0.5 squares", func(p *sampler.Params) { p.Temperature = 0.5 }, []float64{1. / 30, 4. / 30, 9. / 30, 16. / 30}},
		{"temp tiny", func(p *sampler.Params) { p.Temperature = 1e-300 }, one},
		{"temp huge", func(p *sampler.Params) { p.Temperature = 1e300 }, []float64{0.25, 0.25, 0.25, 0.25}},
		{"top_k 1", func(p *sampler.Params) { p.TopK = 1 }, one},
		{"top_k 3", func(p *sampler.Params) { p.TopK = 3 }, three},
		{"top_k 4", func(p *sampler.Params) { p.TopK = 4 }, all},
		{"top_k above size", func(p *sampler.Params) { p.TopK = math.MaxInt }, all},
		{"top_k -1 is off", func(p *sampler.Params) { p.TopK = -1 }, all},
		{"top_p 0", func(p *sampler.Params) { p.TopP = 0 }, one},
		{"top_p -1", func(p *sampler.Params) { p.TopP = -1 }, one},
		{"top_p 0.7", func(p *sampler.Params) { p.TopP = 0.7 }, two},
		{"top_p 0.71", func(p *sampler.Params) { p.TopP = 0.71 }, three},
		{"top_p 0.8", func(p *sampler.Params) { p.TopP = 0.8 }, three},
		{"top_p 0.7 min_keep 3", func(p *sampler.Params) { p.TopP, p.MinKeep = 0.7, 3 }, three},
		{"top_p 0.7 after top_k", func(p *sampler.Params) { p.TopP, p.TopK = 0.7, 4 }, two},
		{"top_p 0.7 after top_k min_keep 3", func(p *sampler.Params) { p.TopP, p.TopK, p.MinKeep = 0.7, 4, 3 }, three},
		{"min_p 0.24", func(p *sampler.Params) { p.MinP = 0.24 }, all},
		{"min_p 0.26", func(p *sampler.Params) { p.MinP = 0.26 }, three},
		{"min_p 0.49", func(p *sampler.Params) { p.MinP = 0.49 }, three},
		{"min_p 0.51", func(p *sampler.Params) { p.MinP = 0.51 }, two},
		{"min_p 0.74", func(p *sampler.Params) { p.MinP = 0.74 }, two},
		{"min_p 0.76", func(p *sampler.Params) { p.MinP = 0.76 }, one},
		{"min_p 1", func(p *sampler.Params) { p.MinP = 1 }, one},
		{"min_p 1.05", func(p *sampler.Params) { p.MinP = 1.05 }, one},
		{"min_p 0.76 min_keep 2", func(p *sampler.Params) { p.MinP, p.MinKeep = 0.76, 2 }, two},
		{"min_p 0.51 after top_k", func(p *sampler.Params) { p.MinP, p.TopK = 0.51, 3 }, two},
		{"min_keep above size", func(p *sampler.Params) { p.MinP, p.MinKeep = 0.76, 100 }, all},
		{"samplers empty", func(p *sampler.Params) { p.TopK, p.Samplers = 1, []string{} }, all},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := neutral()
			tc.set(&p)
			requireDist(t, tc.want, distOf(t, p, logs(all...)))
		})
	}
}

func TestPenalties(t *testing.T) {
	even := []float64{0.2, 0.2, 0.2, 0.2, 0.2}
	e := math.Exp
	for _, tc := range []struct {
		name               string
		repeat, freq, pres float64
		lastN              int
		seen               []int32
		row                []float32
		want               []float64 // of the first tokens
	}{
		{name: "repeat on negative logit", repeat: 50, lastN: 64, seen: []int32{0}, row: logs(even...), want: []float64{0, .25, .25, .25, .25}},
		{name: "repeat on positive logit", repeat: 2, lastN: 64, seen: []int32{1}, row: []float32{1, 2, 1}, want: []float64{1. / 3, 1. / 3, 1. / 3}},
		{name: "repeat on a logit below zero", repeat: 2, lastN: 64, seen: []int32{0}, row: []float32{-0.5, -1}, want: []float64{.5, .5}},
		{name: "repeat counts once", repeat: 2, lastN: 64, seen: []int32{1, 1, 1}, row: []float32{1, 2, 1}, want: []float64{1. / 3, 1. / 3, 1. / 3}},
		{name: "presence counts once", repeat: 1, pres: 5, lastN: 64, seen: []int32{0, 0}, row: logs(even...),
			want: []float64{e(-5) / (4 + e(-5)), 1 / (4 + e(-5))}},
		{name: "frequency counts each", repeat: 1, freq: 2, lastN: 64, seen: []int32{0, 0}, row: logs(even...),
			want: []float64{e(-4) / (4 + e(-4)), 1 / (4 + e(-4))}},
		{name: "both", repeat: 1, freq: 5, pres: 5, lastN: 64, seen: []int32{0}, row: logs(even...),
			want: []float64{e(-10) / (4 + e(-10)), 1 / (4 + e(-10))}},
		{name: "negative rewards", repeat: 1, pres: -1, lastN: 64, seen: []int32{2}, row: []float32{0, 0, 0}, want: []float64{1 / (2 + e(1)), 1 / (2 + e(1)), e(1) / (2 + e(1))}},
		{name: "outside the window", repeat: 50, lastN: 2, seen: []int32{0, 1, 2}, row: logs(even...), want: []float64{1. / 3, 0, 0, 1. / 3, 1. / 3}},
		{name: "whole text", repeat: 50, lastN: -1, seen: []int32{0, 1, 2}, row: logs(even...), want: []float64{0, 0, 0, .5, .5}},
		{name: "window off", repeat: 50, lastN: 0, seen: []int32{0}, row: logs(even...), want: even},
		{name: "nothing seen", repeat: 50, lastN: 64, row: logs(even...), want: even},
		{name: "reward stays finite", repeat: 1e-38, lastN: 64, seen: []int32{0}, row: []float32{3e38, 0}, want: []float64{1, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := neutral()
			p.RepeatPenalty, p.FrequencyPenalty, p.PresencePenalty, p.RepeatLastN = tc.repeat, tc.freq, tc.pres, tc.lastN
			d := distOf(t, p, tc.row, tc.seen...)
			for id, w := range tc.want {
				require.InDelta(t, w, d.Prob(int32(id)), 1e-6, "token %d", id)
			}
		})
	}
}

// Penalties after a truncation see the kept tokens only, and their order is made anew.
func TestPenaltiesAfterTopK(t *testing.T) {
	p := neutral()
	p.TopK, p.TopP, p.RepeatPenalty = 3, 0.6, 100
	p.Samplers = []string{"top_k", "penalties", "top_p"}
	d := distOf(t, p, []float32{1, 2, 3, 4}, 3)
	require.Equal(t, []int32{2}, d.IDs, "token 3 is penalised to 0.04, so token 2 alone reaches 0.6")
}

func TestLogitBias(t *testing.T) {
	p := neutral()
	p.LogitBias = map[int32]float32{0: float32(math.Log(4)), 2: float32(math.Inf(-1))}
	requireDist(t, []float64{.5, .5, 0}, distOf(t, p, logs(.1, .4, .5)))
}

func TestBannedTokens(t *testing.T) {
	v := sampler.Vocab{Size: 4, End: []int32{3}, Suppress: []int32{1}}
	row := logs(.1, .2, .3, .4)
	for _, tc := range []struct {
		name   string
		ignore bool
		want   []int32
	}{{"suppressed", false, []int32{0, 2, 3}}, {"ignore_eos", true, []int32{0, 2}}} {
		t.Run(tc.name, func(t *testing.T) {
			p := neutral()
			p.IgnoreEOS = tc.ignore
			p.LogitBias = map[int32]float32{1: 100} // a bias does not lift a ban
			c, err := sampler.NewChain(p, v)
			require.NoError(t, err)
			var d sampler.Dist
			require.NoError(t, c.Dist(&d, row, 0))
			require.Equal(t, tc.want, d.IDs)
		})
	}
}

// Ties go to the lowest id in every selection.
func TestTies(t *testing.T) {
	row := []float32{0, 5, 5, 5, 0, 5}
	for name, tc := range map[string]struct {
		set  func(*sampler.Params)
		want []int32
	}{
		"greedy":           {func(p *sampler.Params) { p.Temperature = 0 }, []int32{1}},
		"top_k":            {func(p *sampler.Params) { p.TopK = 2 }, []int32{1, 2}},
		"top_p":            {func(p *sampler.Params) { p.TopP = 0.7 }, []int32{1, 2, 3}},
		"top_p then top_k": {func(p *sampler.Params) { p.TopP, p.TopK, p.Samplers = 0.7, 2, []string{"top_p", "top_k"} }, []int32{1, 2}},
		"min_p of one":     {func(p *sampler.Params) { p.MinP = 2 }, []int32{1}},
		"min_p of all":     {func(p *sampler.Params) { p.MinP = 1 }, []int32{1, 2, 3, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			p := neutral()
			tc.set(&p)
			require.Equal(t, tc.want, distOf(t, p, row).IDs)
		})
	}
	negZero := float32(math.Copysign(0, -1))
	p := neutral()
	p.TopK = 1
	require.Equal(t, []int32{0}, distOf(t, p, []float32{negZero, 0}).IDs, "-0 ties with 0")
}

// A round top_p means what it says although float32 logits only come near round
// probabilities.
func TestTopPAtRoundShares(t *testing.T) {
	for tenths := 1; tenths < 10; tenths++ {
		row := make([]float32, 10)
		for i := range row {
			row[i] = float32(math.Log(0.1)) + float32(i)*1e-7 // distinct, yet 0.1 each
		}
		for _, topK := range []int{0, 10} {
			p := neutral()
			p.TopP, p.TopK = float64(tenths)/10, topK
			require.Len(t, distOf(t, p, row).IDs, tenths, "top_p %v, top_k %d", p.TopP, topK)
		}
		q := 0.5 + float64(tenths)/20
		p := neutral()
		p.TopP = q
		require.Len(t, distOf(t, p, logs(q, 1-q)).IDs, 1, "top_p %v", q)
	}
}

// allOn gives every stage of the registry something to do.
func allOn() sampler.Params {
	p := sampler.DefaultParams()
	p.RepeatPenalty, p.DRYMultiplier, p.DRYBreakers = 1.2, 0.8, []string{}
	p.TopNSigma, p.TypicalP, p.XTCProbability, p.TopH = 2, 0.9, 0.5, 0.4
	p.Mirostat, p.AdaptiveTarget = 2, 0.3
	return p
}

// Every stage of the registry keeps its contract on a plain row.
func TestRegistry(t *testing.T) {
	p, v := allOn(), sampler.Vocab{Size: 4}
	require.Subset(t, sampler.DefaultOrder(), []string{"temperature"})
	letters := map[byte]string{}
	for name, def := range sampler.Stages {
		t.Run(name, func(t *testing.T) {
			s, err := def.New(p, v)
			require.NoError(t, err)
			require.NotNil(t, s, "the settings of this test must give every stage something to do")
			require.Equal(t, name, s.Name())
			require.Equal(t, name, s.Clone().Name())
			if name != "mirostat" { // has an order of its own
				require.Contains(t, sampler.DefaultOrder(), name)
			}
			require.Empty(t, letters[def.Letter], "letter %c is taken", def.Letter)
			letters[def.Letter] = name

			off := neutral()
			off.Samplers = []string{name}
			c, err := sampler.NewChain(off, sampler.Vocab{Size: 4})
			require.NoError(t, err)
			require.Empty(t, c.Stages(), "a stage without effect is left out")
		})
	}
}
