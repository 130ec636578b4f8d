package sampler_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
)

// logitRow returns a row shaped like that of a language model: a broad bell of
// unlikely tokens and a few likely ones.
func logitRow(size int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	row := make([]float32, size)
	for i := range row {
		row[i] = float32(rng.NormFloat64() * 2)
	}
	for i := range min(20, size/2) {
		row[rng.IntN(size)] = 12 - float32(i)/2
	}
	return row
}

// ascendingRow is the hard case of a selection by threshold: every token beats all before it.
func ascendingRow(size int) []float32 {
	row := make([]float32, size)
	for i := range row {
		row[i] = float32(i) * 1e-4
	}
	return row
}

// presets are the chains measured and checked for allocations.
func presets() map[string]sampler.Params {
	greedy := sampler.DefaultParams()
	greedy.Temperature = 0
	penal := sampler.DefaultParams()
	penal.RepeatPenalty, penal.FrequencyPenalty = 1.1, 0.2
	plain := sampler.DefaultParams()
	plain.Temperature, plain.TopK, plain.TopP, plain.MinP = 1, 0, 1, 0
	nucleus := plain
	nucleus.TopP = 0.95
	minp := plain
	minp.MinP = 0.05
	out := map[string]sampler.Params{
		"default": sampler.DefaultParams(), "greedy": greedy, "penalties": penal,
		"plain": plain, "top_p": nucleus, "min_p": minp,
	}
	for name, set := range map[string]func(p *sampler.Params){
		"top_h":         func(p *sampler.Params) { p.TopH = 0.4 },
		"top_h-hot":     func(p *sampler.Params) { p.TopH, p.Temperature = 0.4, 2 },
		"top_h-ref":     func(p *sampler.Params) { p.TopH, p.TopHMode = 0.4, "ref" },
		"typ_p":         func(p *sampler.Params) { p.TypicalP = 0.9 },
		"typ_p-default": func(p *sampler.Params) { p.TypicalP, p.TopK = 0.9, 40 },
		"top_n_sigma":   func(p *sampler.Params) { p.TopNSigma = 1 },
		"xtc":           func(p *sampler.Params) { p.XTCProbability, p.MinP = 0.5, 0.02 },
		"dynatemp":      func(p *sampler.Params) { p.DynatempRange, p.TopK = 0.5, 40 },
		"dry":           func(p *sampler.Params) { p.DRYMultiplier, p.DRYBreakers, p.MinP = 0.8, []string{}, 0.05 },
		"mirostat-1":    func(p *sampler.Params) { p.Mirostat, p.Temperature, p.MirostatEta = 1, 0.8, 1e-9 },
		"mirostat-2":    func(p *sampler.Params) { p.Mirostat = 2 },
		"adaptive_p":    func(p *sampler.Params) { p.AdaptiveTarget, p.MinP = 0.3, 0.05 },
	} {
		p := plain
		set(&p)
		out[name] = p
	}
	return out
}

func BenchmarkNext(b *testing.B) {
	for _, size := range []int{49152, 131072, 262144} {
		for name, p := range presets() {
			p.Seed = sampler.FixedSeed(1)
			b.Run(fmt.Sprintf("%s/vocab=%d", name, size), func(b *testing.B) { benchChain(b, p, logitRow(size, 7)) })
		}
		b.Run(fmt.Sprintf("default-ascending/vocab=%d", size), func(b *testing.B) {
			benchChain(b, sampler.DefaultParams(), ascendingRow(size))
		})
	}
}

// benchChain measures Next and Accept of one token.
func benchChain(b *testing.B, p sampler.Params, row []float32) {
	c, err := sampler.NewChain(p, sampler.Vocab{Size: len(row)})
	require.NoError(b, err)
	b.SetBytes(int64(4 * len(row)))
	b.ReportAllocs()
	pos := uint32(0)
	for b.Loop() {
		tok, err := c.Next(row, pos, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Accept(tok); err != nil {
			b.Fatal(err)
		}
		pos++
	}
}

func BenchmarkLogprobs(b *testing.B) {
	row := logitRow(262144, 7)
	var l sampler.Logprobs
	b.SetBytes(int64(4 * len(row)))
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Load(row); err != nil {
			b.Fatal(err)
		}
		l.Top(20)
	}
}
