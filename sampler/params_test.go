package sampler_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
)

func TestZeroParamsAreDefaults(t *testing.T) {
	require.Equal(t, sampler.DefaultParams(), sampler.Params{}.OrDefault())
	p := sampler.Params{Seed: sampler.FixedSeed(7), IgnoreEOS: true, MinKeep: 2}.OrDefault()
	require.Equal(t, 40, p.TopK)
	require.Equal(t, sampler.FixedSeed(7), p.Seed)
	require.True(t, p.IgnoreEOS)
	require.Equal(t, 2, p.MinKeep)
	require.NoError(t, sampler.Params{}.Validate())
}

func TestValidate(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tc := range []struct {
		name  string
		set   func(*sampler.Params)
		param string // "" = valid
	}{
		{"defaults", func(p *sampler.Params) {}, ""},
		{"extremes", func(p *sampler.Params) { p.Temperature, p.TopK, p.TopP, p.MinP = -1, -5, 3, 7 }, ""},
		{"half filled", func(p *sampler.Params) { *p = sampler.Params{TopK: 20} }, "repeat_penalty"},
		{"temperature NaN", func(p *sampler.Params) { p.Temperature = nan }, "temperature"},
		{"top_p Inf", func(p *sampler.Params) { p.TopP = inf }, "top_p"},
		{"min_p -Inf", func(p *sampler.Params) { p.MinP = -inf }, "min_p"},
		{"repeat 0", func(p *sampler.Params) { p.RepeatPenalty = 0 }, "repeat_penalty"},
		{"repeat denormal", func(p *sampler.Params) { p.RepeatPenalty = 5e-324 }, "repeat_penalty"},
		{"presence NaN", func(p *sampler.Params) { p.PresencePenalty = nan }, "presence_penalty"},
		{"frequency Inf", func(p *sampler.Params) { p.FrequencyPenalty = inf }, "frequency_penalty"},
		{"last n -1", func(p *sampler.Params) { p.RepeatLastN = -1 }, ""},
		{"last n -2", func(p *sampler.Params) { p.RepeatLastN = -2 }, "repeat_last_n"},
		{"min_keep -1", func(p *sampler.Params) { p.MinKeep = -1 }, "min_keep"},
		{"bias -Inf", func(p *sampler.Params) { p.LogitBias = map[int32]float32{1: float32(-inf)} }, ""},
		{"bias Inf", func(p *sampler.Params) { p.LogitBias = map[int32]float32{1: float32(inf)} }, "logit_bias"},
		{"bias NaN", func(p *sampler.Params) { p.LogitBias = map[int32]float32{1: float32(nan)} }, "logit_bias"},
		{"unknown stage", func(p *sampler.Params) { p.Samplers = []string{"top_k", "top_q"} }, "samplers"},
		{"letters", func(p *sampler.Params) { p.Samplers = []string{"edskypmxt"} }, ""},
		{"letter twice", func(p *sampler.Params) { p.Samplers = []string{"kpk"} }, "samplers"},
		{"preset unknown", func(p *sampler.Params) { p.Preset = "x" }, "preset"},
		{"dynatemp NaN", func(p *sampler.Params) { p.DynatempRange = nan }, "dynatemp_range"},
		{"dynatemp exponent Inf", func(p *sampler.Params) { p.DynatempExponent = inf }, "dynatemp_exponent"},
		{"sigma Inf", func(p *sampler.Params) { p.TopNSigma = inf }, "top_n_sigma"},
		{"typical NaN", func(p *sampler.Params) { p.TypicalP = nan }, "typical_p"},
		{"xtc NaN", func(p *sampler.Params) { p.XTCProbability = nan }, "xtc_probability"},
		{"xtc threshold NaN", func(p *sampler.Params) { p.XTCThreshold = nan }, "xtc_threshold"},
		{"top_h NaN", func(p *sampler.Params) { p.TopH = nan }, "top_h"},
		{"top_h mode", func(p *sampler.Params) { p.TopHMode = "code" }, "top_h_mode"},
		{"top_h mode empty", func(p *sampler.Params) { p.TopHMode = "" }, ""},
		{"top_h ref of none", func(p *sampler.Params) { p.TopHMode, p.TopHN = "ref", 0 }, "top_h_n"},
		{"dry NaN", func(p *sampler.Params) { p.DRYMultiplier = nan }, "dry_multiplier"},
		{"dry length -1", func(p *sampler.Params) { p.DRYAllowedLength = -1 }, "dry_allowed_length"},
		{"dry last n -2", func(p *sampler.Params) { p.DRYPenaltyLastN = -2 }, "dry_penalty_last_n"},
		{"dry breaker empty", func(p *sampler.Params) { p.DRYBreakers = []string{"a", ""} }, "dry_sequence_breakers"},
		{"dry breaker long", func(p *sampler.Params) { p.DRYBreakers = []string{strings.Repeat("x", 41)} }, "dry_sequence_breakers"},
		{"mirostat 3", func(p *sampler.Params) { p.Mirostat = 3 }, "mirostat"},
		{"mirostat -1", func(p *sampler.Params) { p.Mirostat = -1 }, "mirostat"},
		{"mirostat tau NaN", func(p *sampler.Params) { p.Mirostat, p.MirostatTau = 2, nan }, "mirostat_tau"},
		{"adaptive above 1", func(p *sampler.Params) { p.AdaptiveTarget = 1.1 }, "adaptive_target"},
		{"adaptive with mirostat", func(p *sampler.Params) { p.AdaptiveTarget, p.Mirostat = 0.5, 1 }, "adaptive_target"},
		{"adaptive decay beyond", func(p *sampler.Params) { p.AdaptiveDecay = 3 }, ""},
		{"stage twice", func(p *sampler.Params) { p.Samplers = []string{"top_k", "top_k"} }, "samplers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := sampler.DefaultParams()
			tc.set(&p)
			err := p.Validate()
			if tc.param == "" {
				require.NoError(t, err)
				return
			}
			var pe *sampler.ParamError
			require.True(t, errors.As(err, &pe), "%v", err)
			require.Equal(t, tc.param, pe.Param)
			_, err = sampler.NewChain(p, sampler.Vocab{Size: 4})
			require.True(t, errors.As(err, &pe), "NewChain must refuse as well: %v", err)
		})
	}
}

func TestUnknownStageListsKnownOnes(t *testing.T) {
	p := sampler.DefaultParams()
	p.Samplers = []string{"top_q"}
	err := p.Validate()
	for name := range sampler.Stages {
		require.ErrorContains(t, err, name)
	}
}

func TestVocabErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		v    sampler.Vocab
		bias map[int32]float32
	}{
		"empty":        {v: sampler.Vocab{}},
		"too large":    {v: sampler.Vocab{Size: 1<<24 + 1}},
		"end outside":  {v: sampler.Vocab{Size: 4, End: []int32{4}}},
		"suppress < 0": {v: sampler.Vocab{Size: 4, Suppress: []int32{-1}}},
		"bias outside": {v: sampler.Vocab{Size: 4}, bias: map[int32]float32{9: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			p := sampler.DefaultParams()
			p.LogitBias = tc.bias
			_, err := sampler.NewChain(p, tc.v)
			require.Error(t, err)
			if tc.v.Size == 4 {
				require.ErrorIs(t, err, sampler.ErrToken)
			}
		})
	}
}

func TestJSONOverDefaults(t *testing.T) {
	p := sampler.DefaultParams()
	require.NoError(t, json.Unmarshal([]byte(`{"temperature":0,"top_k":5,"logit_bias":{"3":-1.5},"seed":18446744073709551615,"samplers":["top_k"]}`), &p))
	require.Zero(t, p.Temperature)
	require.Equal(t, 5, p.TopK)
	require.Equal(t, 0.95, p.TopP, "absent fields keep their defaults")
	require.Equal(t, map[int32]float32{3: -1.5}, p.LogitBias)
	require.Equal(t, sampler.FixedSeed(math.MaxUint64), p.Seed)

	out, err := json.Marshal(p)
	require.NoError(t, err)
	var back sampler.Params
	require.NoError(t, json.Unmarshal(out, &back))
	require.Equal(t, p, back)
}

// One word for one setting: the flag is the JSON name with dashes ("temp" is the exception).
func TestTags(t *testing.T) {
	for f := range reflect.TypeFor[sampler.Params]().Fields() {
		name := strings.ReplaceAll(f.Tag.Get("json"), "_", "-")
		if name == "temperature" {
			name = "temp"
		}
		require.NotEmpty(t, name, f.Name)
		require.Equal(t, name, f.Tag.Get("flag"))
		require.NotEmpty(t, f.Tag.Get("usage"), f.Name)
	}
}

func TestSeedText(t *testing.T) {
	for text, want := range map[string]sampler.Seed{
		"-1": {}, "4294967295": {}, "0": sampler.FixedSeed(0), "12": sampler.FixedSeed(12),
		"18446744073709551615": sampler.FixedSeed(math.MaxUint64),
	} {
		got := sampler.FixedSeed(99)
		require.NoError(t, got.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "-2", "x", "1.5", "18446744073709551616", " 1", `"1"`} {
		s := sampler.FixedSeed(99)
		require.Error(t, s.UnmarshalText([]byte(text)), "%q", text)
		require.Equal(t, sampler.FixedSeed(99), s, "a refused text must not change the seed")
	}
	s := sampler.FixedSeed(99)
	require.NoError(t, json.Unmarshal([]byte("null"), &s))
	require.Equal(t, sampler.Seed{}, s)
	require.Error(t, json.Unmarshal([]byte(`"7"`), &s))
}

func TestRandomSeed(t *testing.T) {
	p := sampler.DefaultParams()
	v := sampler.Vocab{Size: 4}
	a, err := sampler.NewChain(p, v)
	require.NoError(t, err)
	b, err := sampler.NewChain(p, v)
	require.NoError(t, err)
	require.NotEqual(t, a.Seed(), b.Seed())
	require.Less(t, a.Seed(), uint64(1)<<53)

	p.Seed = sampler.FixedSeed(a.Seed())
	again, err := sampler.NewChain(p, v)
	require.NoError(t, err)
	row := []float32{1, 1, 1, 1}
	for pos := range uint32(50) {
		x, err := a.Next(row, pos, nil)
		require.NoError(t, err)
		y, err := again.Next(row, pos, nil)
		require.NoError(t, err)
		require.Equal(t, x, y, "the reported seed must repeat the draws")
	}
}
