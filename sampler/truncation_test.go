package sampler_test

import (
	"math"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
)

// The cases mirror the sampler tests of llama.cpp.
func TestTruncations(t *testing.T) {
	four := []float64{0.1, 0.2, 0.3, 0.4}
	for _, tc := range []struct {
		name string
		row  []float64
		set  func(*sampler.Params)
		want []float64
	}{
		{"top_n_sigma 1", four, func(p *sampler.Params) { p.TopNSigma = 1 }, []float64{0, 0, 3. / 7, 4. / 7}},
		{"top_n_sigma 0 is off", four, func(p *sampler.Params) { p.TopNSigma = 0 }, four},
		{"top_n_sigma 3", four, func(p *sampler.Params) { p.TopNSigma = 3 }, four},
		{"top_n_sigma ignores min_keep", four, func(p *sampler.Params) { p.TopNSigma, p.MinKeep = 1e-9, 3 }, []float64{0, 0, 0, 1}},
		{"top_n_sigma without deviation", []float64{.5, .5}, func(p *sampler.Params) { p.TopNSigma = 1e-9 }, []float64{.5, .5}},
		{"top_n_sigma skips masked", []float64{0, .25, .75, 0}, func(p *sampler.Params) { p.TopNSigma = 1.9 }, []float64{0, 0, 1, 0}},
		{"typ_p 0.5 peaked", []float64{.97, .01, .01, .01}, func(p *sampler.Params) { p.TypicalP = 0.5 }, []float64{1, 0, 0, 0}},
		{"typ_p 0.5 flat", []float64{.4, .2, .2, .2}, func(p *sampler.Params) { p.TypicalP = 0.5 }, []float64{0, 1. / 3, 1. / 3, 1. / 3}},
		{"typ_p drops the best", []float64{.6, .1, .1, .1, .1}, func(p *sampler.Params) { p.TypicalP = 0.35 }, []float64{1, 0, 0, 0, 0}},
		{"typ_p 0 keeps one", []float64{.4, .2, .2, .2}, func(p *sampler.Params) { p.TypicalP = 0 }, []float64{0, 1, 0, 0}},
		{"typ_p min_keep", []float64{.4, .2, .2, .2}, func(p *sampler.Params) { p.TypicalP, p.MinKeep = 0, 4 }, []float64{.4, .2, .2, .2}},
		{"typ_p min_keep above size", []float64{.4, .3, .3}, func(p *sampler.Params) { p.TypicalP, p.MinKeep = 0, 9 }, []float64{.4, .3, .3}},
		{"typ_p drops masked", []float64{.5, 0, .3, .2}, func(p *sampler.Params) { p.TypicalP = 0.999 }, []float64{.5, 0, .3, .2}},
		{"typ_p of one", []float64{0, 1}, func(p *sampler.Params) { p.TypicalP = 0.1 }, []float64{0, 1}},
		{"xtc 0.09", four, func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold = 1, 0.09 }, []float64{1, 0, 0, 0}},
		{"xtc 0.19", four, func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold = 1, 0.19 }, []float64{1. / 3, 2. / 3, 0, 0}},
		{"xtc 0.29", four, func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold = 1, 0.29 }, []float64{1. / 6, 2. / 6, 3. / 6, 0}},
		{"xtc 0.39 leaves the only one", four, func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold = 1, 0.39 }, four},
		{"xtc above 0.5 is off", four, func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold = 1, 0.51 }, four},
		{"xtc 0 keeps the least likely", four, func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold = 1, 0 }, []float64{1, 0, 0, 0}},
		{"xtc never", four, func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold = 0, 0.09 }, four},
		{"xtc min_keep 2", four, func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold, p.MinKeep = 1, 0.19, 2 }, []float64{1. / 3, 2. / 3, 0, 0}},
		{"xtc min_keep 3", four, func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold, p.MinKeep = 1, 0.19, 3 }, four},
		{"xtc min_keep skips masked", []float64{.6, .4, 0, 0}, func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold, p.MinKeep = 1, 0.19, 2 }, []float64{.6, .4, 0, 0}},
		{"xtc ties go by id", []float64{.25, .25, .25, .25}, func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold = 1, 0.2 }, []float64{0, 0, 0, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, topK := range []int{0, 9} { // unsorted and sorted
				p := neutral()
				tc.set(&p)
				p.TopK = topK
				requireDist(t, tc.want, distOf(t, p, logs(tc.row...)))
			}
		})
	}
}

func TestDynamicTemperature(t *testing.T) {
	e := func(p ...float64) float64 { return refEntropy(p) / math.Log(float64(len(p))) }
	for _, tc := range []struct {
		name                  string
		p                     []float64
		temp, width, exponent float64
		want                  float64 // temperature, 0 = the best alone
	}{
		{"off", []float64{.1, .2, .3, .4}, 0.5, 0, 1, 0.5},
		{"negative is off", []float64{.1, .2, .3, .4}, 0.5, -1, 1, 0.5},
		{"uniform takes the highest", []float64{.25, .25, .25, .25}, 1, 0.5, 1, 1.5},
		{"entropy between", []float64{.1, .2, .3, .4}, 1, 0.5, 1, 0.5 + e(.1, .2, .3, .4)},
		{"power", []float64{.1, .2, .3, .4}, 1, 0.5, 3, 0.5 + math.Pow(e(.1, .2, .3, .4), 3)},
		{"never below 0", []float64{.1, .2, .3, .4}, 0.5, 2, 1, 2.5 * e(.1, .2, .3, .4)},
		{"certain from 0", []float64{1e-30, 1e-20, 1}, 0.5, 2, 1, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := neutral()
			p.Temperature, p.DynatempRange, p.DynatempExponent = tc.temp, tc.width, tc.exponent
			d := distOf(t, p, logs(tc.p...))
			if tc.want < 0 {
				require.Equal(t, []int32{2}, d.IDs)
				return
			}
			want, sum := make([]float64, len(tc.p)), 0.0
			for i, x := range tc.p {
				want[i] = math.Pow(x, 1/tc.want)
				sum += want[i]
			}
			for i := range want {
				want[i] /= sum
			}
			requireDist(t, want, d)
		})
	}
	p := neutral()
	p.Temperature, p.DynatempRange = 0, 1
	require.Equal(t, []int32{1}, distOf(t, p, logs(.4, .6)).IDs, "temperature 0 is greedy all the same")
	p.Temperature, p.DynatempExponent = 0.5, -1e6
	require.Len(t, distOf(t, p, logs(.4, .6, 0)).IDs, 2, "an infinite temperature")
}

// The coin of xtc falls as often as asked, by position alone.
func TestXTCCoin(t *testing.T) {
	p := neutral()
	p.XTCProbability, p.XTCThreshold = 0.3, 0.2
	c, err := sampler.NewChain(p, sampler.Vocab{Size: 2})
	require.NoError(t, err)
	p.Samplers = []string{"xtc"}
	alone, err := sampler.NewChain(p, sampler.Vocab{Size: 2})
	require.NoError(t, err)
	row, hits := logs(.6, .4), 0
	var d, other sampler.Dist
	for pos := range uint32(4000) {
		require.NoError(t, c.Dist(&d, row, pos))
		require.NoError(t, alone.Dist(&other, row, pos))
		require.Equal(t, d.IDs, other.IDs)
		if len(d.IDs) == 1 {
			hits++
			require.Equal(t, []int32{1}, d.IDs)
		}
	}
	require.InDelta(t, 1200, hits, 120) // four standard deviations
	require.NoError(t, c.Dist(&d, row, 5))
	n := len(d.IDs)
	fork, differ := c.Fork(3), false
	require.NoError(t, c.Dist(&d, row, 5))
	require.Len(t, d.IDs, n)
	for pos := range uint32(50) {
		require.NoError(t, c.Dist(&d, row, pos))
		require.NoError(t, fork.Dist(&other, row, pos))
		differ = differ || len(d.IDs) != len(other.IDs)
	}
	require.True(t, differ, "another stream has another coin")
}

// Long lists are weighed in float32; what is kept is what the refChain keeps.
func TestLongLists(t *testing.T) {
	for name, set := range map[string]func(p *sampler.Params){
		"top_p":       func(p *sampler.Params) { p.TopP = 0.83 },
		"min_p":       func(p *sampler.Params) { p.MinP = 0.0137 },
		"typ_p":       func(p *sampler.Params) { p.TypicalP = 0.71 },
		"top_n_sigma": func(p *sampler.Params) { p.TopNSigma = 2.2 },
		"xtc":         func(p *sampler.Params) { p.XTCProbability, p.XTCThreshold = 1, 0.0021 },
		"temperature": func(p *sampler.Params) { p.DynatempRange = 0.7 },
		"top_h":       func(p *sampler.Params) { p.TopH = 0.61 },
	} {
		for seed := range uint64(3) {
			row := logitRow(6000, seed)
			p := neutral()
			p.Preset, p.Samplers = "custom", []string{name}
			set(&p)
			got, want := distOf(t, p, row), refChain(row, p, p.Samplers)
			require.Len(t, got.IDs, len(want), name)
			for i, id := range got.IDs {
				require.InDelta(t, want[id], got.P[i], 1e-6, "%s: token %d", name, id)
			}
		}
	}
}
