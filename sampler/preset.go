package sampler

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Preset is a named set of settings.
type Preset struct {
	Doc string
	Set func(p *Params) // changes defaults
}

// Presets is the registry of names for [Params.Preset]; [Preset.Params] has the values
// and [Params.Changes] prints them.
var Presets = map[string]Preset{
	"plain": {"the model's own distribution", func(p *Params) {
		p.Temperature = 1
		p.noTruncation()
	}},
	"greedy": {"always the most likely token", func(p *Params) { p.Temperature = 0 }},
	"precise": {"facts, extraction, code", func(p *Params) {
		p.Temperature, p.TopK, p.TopP, p.MinP = 0.3, 20, 0.9, 0.1
	}},
	"balanced": {"chat", func(p *Params) {
		p.Temperature = 0.7
		p.noTruncation()
		p.MinP = 0.1
	}},
	"creative": {"stories: no likely phrase is certain, no phrase is repeated", func(p *Params) {
		p.Temperature = 1
		p.noTruncation()
		p.MinP, p.XTCProbability, p.DRYMultiplier = 0.02, 0.5, 0.8
	}},
	"wild": {"high temperature, held together by Top-H", func(p *Params) {
		p.Temperature = 1.5
		p.noTruncation()
		p.TopH = 0.4
	}},
	custom: {"every value as it stands", func(*Params) {}},
}

// custom is the preset of settings that were resolved, or that mean what they say.
const custom = "custom"

// noTruncation switches the truncations off that are on by default.
func (p *Params) noTruncation() { p.TopK, p.TopP, p.MinP = 0, 1, 0 }

// freeTopH switches the truncations off that have their default values.
func (p *Params) freeTopH() {
	def, off := DefaultParams(), *p
	off.noTruncation()
	if p.TopK == def.TopK {
		p.TopK = off.TopK
	}
	if p.TopP == def.TopP {
		p.TopP = off.TopP
	}
	if p.MinP == def.MinP {
		p.MinP = off.MinP
	}
}

// Params returns the settings of a preset: the defaults with its changes.
func (s Preset) Params() Params {
	p := DefaultParams()
	s.Set(&p)
	return p
}

// Resolve replaces what Preset and TopH stand for by plain values:
//
//   - with a Preset, settings that were not given take its values;
//   - with TopH on, TopK, TopP and MinP are off unless they were given or the preset
//     sets them, because Top-H is to judge the whole distribution.
//
// given tells by JSON name which settings were given; nil stands for "those that
// differ from [DefaultParams]", which is all that can be known of a plain value, and
// what [NewChain] goes by. A front end that knows better calls Resolve itself. The
// result has the preset "custom", which is never changed again, unless nothing was to
// be replaced. An unknown preset is a [*ParamError].
func (p Params) Resolve(given func(name string) bool) (Params, error) {
	if p.Preset == custom || p.Preset == "" && p.TopH <= 0 {
		return p, nil
	}
	base := DefaultParams()
	if p.Preset != "" {
		preset, ok := Presets[p.Preset]
		if !ok {
			known := strings.Join(slices.Sorted(maps.Keys(Presets)), ", ")
			return p, &ParamError{Param: "preset", Value: p.Preset, Reason: "is not one of " + known}
		}
		preset.Set(&base)
	}
	if p.TopH > 0 {
		base.freeTopH()
	}
	from, to := reflect.ValueOf(p), reflect.ValueOf(&base).Elem()
	def := reflect.ValueOf(DefaultParams())
	for i := range to.NumField() {
		name := to.Type().Field(i).Tag.Get("json")
		if given != nil && given(name) || given == nil && !reflect.DeepEqual(from.Field(i).Interface(), def.Field(i).Interface()) {
			to.Field(i).Set(from.Field(i))
		}
	}
	base.Preset = custom
	return base, nil
}

// Changes lists the settings that differ from the defaults as name=value, with JSON
// names and in the order of the fields.
func (p Params) Changes() []string {
	var out []string
	def := reflect.ValueOf(DefaultParams())
	for f, v := range reflect.ValueOf(p).Fields() {
		if x := v.Interface(); !reflect.DeepEqual(x, def.FieldByIndex(f.Index).Interface()) {
			out = append(out, fmt.Sprintf("%s=%v", f.Tag.Get("json"), x))
		}
	}
	return out
}
