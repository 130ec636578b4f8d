package sampler_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
)

// The values of every preset, as they differ from the defaults.
func ExamplePreset() {
	for _, name := range slices.Sorted(maps.Keys(sampler.Presets)) {
		preset := sampler.Presets[name]
		fmt.Printf("%s: %s\n", name, preset.Doc)
		for _, change := range preset.Params().Changes() {
			fmt.Print("  ", change)
		}
		fmt.Println()
	}
	// Output:
	// balanced: chat
	//   temperature=0.7  top_k=0  top_p=1  min_p=0.1
	// creative: stories: no likely phrase is certain, no phrase is repeated
	//   temperature=1  top_k=0  top_p=1  min_p=0.02  xtc_probability=0.5  dry_multiplier=0.8
	// custom: every value as it stands
	//
	// greedy: always the most likely token
	//   temperature=0
	// plain: the model's own distribution
	//   temperature=1  top_k=0  top_p=1  min_p=0
	// precise: facts, extraction, code
	//   temperature=0.3  top_k=20  top_p=0.9  min_p=0.1
	// wild: high temperature, held together by Top-H
	//   temperature=1.5  top_k=0  top_p=1  min_p=0  top_h=0.4
}

func TestPresets(t *testing.T) {
	usage, _ := reflect.TypeFor[sampler.Params]().FieldByName("Preset")
	for name, preset := range sampler.Presets {
		require.Contains(t, usage.Tag.Get("usage"), name, "the help names every preset")
		p := sampler.DefaultParams()
		p.Preset = name
		require.NoError(t, p.Validate(), name)
		got, want := p.OrDefault(), preset.Params()
		want.Preset = "custom"
		require.Equal(t, want, got, name)
		require.Equal(t, got, got.OrDefault(), "%s: resolved once", name)
		require.Equal(t, want, sampler.Params{Preset: name}.OrDefault(), "%s over the zero value", name)
	}
	p := sampler.DefaultParams()
	p.Preset = "crazy"
	var pe *sampler.ParamError
	require.True(t, errors.As(p.Validate(), &pe))
	require.Equal(t, "preset", pe.Param)
	require.ErrorContains(t, pe, "balanced, creative")
	_, err := sampler.NewChain(p, sampler.Vocab{Size: 4})
	require.True(t, errors.As(err, &pe))
}

// What is given wins over the preset, and over what Top-H switches off.
func TestResolve(t *testing.T) {
	p := sampler.DefaultParams()
	p.Preset, p.Temperature, p.Seed, p.LogitBias = "creative", 0.9, sampler.FixedSeed(4), map[int32]float32{1: 2}
	p.Samplers, p.IgnoreEOS = []string{"min_p"}, true
	got := p.OrDefault()
	require.Equal(t, 0.9, got.Temperature)
	require.Equal(t, 0.02, got.MinP)
	require.Equal(t, 0.8, got.DRYMultiplier)
	require.Equal(t, p.Seed, got.Seed)
	require.Equal(t, p.LogitBias, got.LogitBias)
	require.Equal(t, p.Samplers, got.Samplers)
	require.True(t, got.IgnoreEOS)

	p.Temperature = 0.8 // the default, which a plain value cannot tell from "not given"
	require.Equal(t, 1.0, p.OrDefault().Temperature)
	got, err := p.Resolve(func(name string) bool { return name == "temperature" })
	require.NoError(t, err)
	require.Equal(t, 0.8, got.Temperature)
	require.Equal(t, sampler.Seed{}, got.Seed, "not given")

	p = sampler.DefaultParams()
	p.TopH = 0.4
	got, err = p.Resolve(func(name string) bool { return name == "top_h" || name == "top_k" })
	require.NoError(t, err)
	require.Equal(t, []any{40, 1.0, 0.0}, []any{got.TopK, got.TopP, got.MinP})
	require.Equal(t, got, got.OrDefault())

	p.Preset = "precise"
	got = p.OrDefault()
	require.Equal(t, []any{20, 0.9, 0.1, 0.4}, []any{got.TopK, got.TopP, got.MinP, got.TopH}, "the preset sets them")

	p = sampler.DefaultParams()
	same, err := p.Resolve(nil)
	require.NoError(t, err)
	require.Equal(t, p, same)
}
