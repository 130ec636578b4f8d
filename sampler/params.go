package sampler

import (
	"fmt"
	"math"
	"reflect"
)

// Params are the sampling settings in the words of flags, configuration and JSON.
// Start from [DefaultParams] and change fields, or decode JSON over it: absent
// fields keep their defaults.
//
// Every field means what it says: Temperature 0 is greedy, TopK 0 is off. The zero
// value is special: when all eight numbers from Temperature to FrequencyPenalty are
// zero, they stand for their defaults, so Params{} and Params{Seed: FixedSeed(7)}
// work. A half-filled literal such as Params{TopK: 20} is an error, not a guess:
// its RepeatPenalty of 0 is refused.
type Params struct {
	Preset           string            `json:"preset" flag:"preset" usage:"start from named values: plain, greedy, precise, balanced, creative or wild; custom takes every value literally"`
	Temperature      float64           `json:"temperature" flag:"temp" usage:"divides the logits; 0 or less takes the most likely token"`
	DynatempRange    float64           `json:"dynatemp_range" flag:"dynatemp-range" usage:"temperature varies by this much up and down with the entropy; 0 is off"`
	DynatempExponent float64           `json:"dynatemp_exponent" flag:"dynatemp-exponent" usage:"power of the normalized entropy in dynatemp-range"`
	TopK             int               `json:"top_k" flag:"top-k" usage:"keep the k most likely tokens; 0 is off"`
	TopP             float64           `json:"top_p" flag:"top-p" usage:"keep the most likely tokens that together reach this probability; 1 is off"`
	MinP             float64           `json:"min_p" flag:"min-p" usage:"drop tokens less likely than this share of the best one; 0 is off"`
	TopNSigma        float64           `json:"top_n_sigma" flag:"top-n-sigma" usage:"drop tokens more than n standard deviations of the logits below the best; 0 or less is off"`
	TypicalP         float64           `json:"typical_p" flag:"typical-p" usage:"keep the most typical tokens that together exceed this probability; 1 is off"`
	TopH             float64           `json:"top_h" flag:"top-h" usage:"keep tokens up to this share of the entropy, 0.4 is usual; switches off top-k, top-p and min-p unless they are set; 0 is off"`
	TopHMode         string            `json:"top_h_mode" flag:"top-h-mode" usage:"paper, or ref for the rule of the published code"`
	TopHN            int               `json:"top_h_n" flag:"top-h-n" usage:"how many tokens top-h-mode ref looks at"`
	XTCProbability   float64           `json:"xtc_probability" flag:"xtc-probability" usage:"chance to drop all but the least likely of the tokens above xtc-threshold; 0 is off"`
	XTCThreshold     float64           `json:"xtc_threshold" flag:"xtc-threshold" usage:"probability of a token that xtc may drop; above 0.5 is off"`
	RepeatPenalty    float64           `json:"repeat_penalty" flag:"repeat-penalty" usage:"factor against tokens seen in the last repeat-last-n; 1 is off"`
	RepeatLastN      int               `json:"repeat_last_n" flag:"repeat-last-n" usage:"how many last tokens the penalties look at; 0 is off, -1 all"`
	PresencePenalty  float64           `json:"presence_penalty" flag:"presence-penalty" usage:"subtracted from the logit of a token that was seen"`
	FrequencyPenalty float64           `json:"frequency_penalty" flag:"frequency-penalty" usage:"subtracted from the logit once for each time a token was seen"`
	DRYMultiplier    float64           `json:"dry_multiplier" flag:"dry-multiplier" usage:"strength of the penalty on going on with a repetition; 0 is off"`
	DRYBase          float64           `json:"dry_base" flag:"dry-base" usage:"the dry penalty grows by this factor with each repeated token; below 1 is off"`
	DRYAllowedLength int               `json:"dry_allowed_length" flag:"dry-allowed-length" usage:"longer repetitions than this many tokens are penalised by dry"`
	DRYPenaltyLastN  int               `json:"dry_penalty_last_n" flag:"dry-penalty-last-n" usage:"how many last tokens dry looks at; 0 is off, -1 all"`
	DRYBreakers      []string          `json:"dry_sequence_breakers" flag:"dry-sequence-breakers" usage:"texts that end a repetition for dry (default newline, colon, double quote and asterisk)"`
	Mirostat         int               `json:"mirostat" flag:"mirostat" usage:"1 or 2: hold the surprise of the text; replaces all stages but bias and temperature; 0 is off"`
	MirostatTau      float64           `json:"mirostat_tau" flag:"mirostat-tau" usage:"surprise in bits a token that mirostat aims at"`
	MirostatEta      float64           `json:"mirostat_eta" flag:"mirostat-eta" usage:"how fast mirostat learns"`
	AdaptiveTarget   float64           `json:"adaptive_target" flag:"adaptive-target" usage:"prefer tokens near this probability, 0 to 1; negative is off"`
	AdaptiveDecay    float64           `json:"adaptive_decay" flag:"adaptive-decay" usage:"how long adaptive-target remembers, 0 to 0.99"`
	MinKeep          int               `json:"min_keep" flag:"min-keep" usage:"top-p, min-p, typical-p, top-h and xtc keep at least this many tokens"`
	IgnoreEOS        bool              `json:"ignore_eos" flag:"ignore-eos" usage:"never end before the token limit"`
	LogitBias        map[int32]float32 `json:"logit_bias" flag:"logit-bias" usage:"added to the logit of a token id; -Inf bans it"`
	Samplers         []string          `json:"samplers" flag:"samplers" usage:"order of the stages, as names or as a string of letters like edskypmxt; empty draws from the plain distribution"`
	Seed             Seed              `json:"seed" flag:"seed" usage:"seed of the random draws; -1 picks one and reports it"`
}

// DefaultParams returns the defaults: those of llama.cpp, with a random seed.
func DefaultParams() Params {
	return Params{
		Temperature:      0.8,
		DynatempExponent: 1,
		TopK:             40,
		TopP:             0.95,
		MinP:             0.05,
		TopNSigma:        -1,
		TypicalP:         1,
		TopHMode:         topHPaper,
		TopHN:            100,
		XTCThreshold:     0.1,
		RepeatPenalty:    1,
		RepeatLastN:      64,
		DRYBase:          1.75,
		DRYAllowedLength: 2,
		DRYPenaltyLastN:  64,
		MirostatTau:      5,
		MirostatEta:      0.1,
		AdaptiveTarget:   -1,
		AdaptiveDecay:    0.9,
	}
}

// DefaultBreakers returns the sequence breakers that a nil Params.DRYBreakers stands
// for, a fresh slice.
func DefaultBreakers() []string { return []string{"\n", ":", "\"", "*"} }

// OrDefault returns what p stands for: the numbers set to their defaults when all of
// them are zero, then [Params.Resolve] for the settings that differ from the defaults.
func (p Params) OrDefault() Params {
	numbers := p
	numbers.Preset, numbers.TopHMode, numbers.MinKeep, numbers.IgnoreEOS, numbers.Seed = "", "", 0, false, Seed{}
	numbers.LogitBias, numbers.Samplers, numbers.DRYBreakers = nil, nil, nil
	if reflect.ValueOf(numbers).IsZero() {
		d := DefaultParams()
		d.Preset, d.MinKeep, d.IgnoreEOS, d.Seed = p.Preset, p.MinKeep, p.IgnoreEOS, p.Seed
		d.LogitBias, d.Samplers, d.DRYBreakers = p.LogitBias, p.Samplers, p.DRYBreakers
		if p.TopHMode != "" {
			d.TopHMode = p.TopHMode
		}
		p = d
	}
	if r, err := p.Resolve(nil); err == nil {
		return r
	}
	return p
}

// ParamError names the setting that is out of range, so that a server can point at it.
type ParamError struct {
	Param  string // JSON name
	Value  any
	Reason string
}

// Error says "param value reason".
func (e *ParamError) Error() string {
	return fmt.Sprintf("%s %v %s", e.Param, e.Value, e.Reason)
}

// Validate reports the first setting out of range as a [*ParamError]. It judges the
// value after [Params.OrDefault]. What is off or extreme but well defined passes:
// a negative temperature is greedy, top_p above 1 is off, top_p below 0 keeps one.
func (p Params) Validate() error {
	if _, err := p.Resolve(nil); err != nil {
		return err
	}
	p = p.OrDefault()
	for f, v := range reflect.ValueOf(p).Fields() {
		if x, ok := v.Interface().(float64); ok && (math.IsNaN(x) || math.IsInf(x, 0)) {
			return &ParamError{Param: f.Tag.Get("json"), Value: x, Reason: "must be a finite number"}
		}
	}
	for _, r := range []struct {
		bad    bool
		param  string
		value  any
		reason string
	}{
		{p.RepeatPenalty <= 0 || math.IsInf(1/p.RepeatPenalty, 0), "repeat_penalty", p.RepeatPenalty,
			"must be above 0 (1 is off; start from the default settings)"},
		{p.RepeatLastN < -1, "repeat_last_n", p.RepeatLastN, "must be -1 (all) or more"},
		{p.MinKeep < 0, "min_keep", p.MinKeep, "must be 0 or more"},
		{p.TopHMode != "" && p.TopHMode != topHPaper && p.TopHMode != topHRef, "top_h_mode", p.TopHMode, "is not one of paper, ref"},
		{p.TopHMode == topHRef && p.TopHN < 1, "top_h_n", p.TopHN, "must be 1 or more"},
		{p.DRYAllowedLength < 0, "dry_allowed_length", p.DRYAllowedLength, "must be 0 or more"},
		{p.DRYPenaltyLastN < -1, "dry_penalty_last_n", p.DRYPenaltyLastN, "must be -1 (all) or more"},
		{p.Mirostat < 0 || p.Mirostat > 2, "mirostat", p.Mirostat, "must be 0 (off), 1 or 2"},
		{p.AdaptiveTarget > 1, "adaptive_target", p.AdaptiveTarget, "must be at most 1 (negative is off)"},
		{p.AdaptiveTarget >= 0 && p.Mirostat != 0, "adaptive_target", p.AdaptiveTarget, "cannot be combined with mirostat"},
	} {
		if r.bad {
			return &ParamError{Param: r.param, Value: r.value, Reason: r.reason}
		}
	}
	for id, b := range p.LogitBias {
		if math.IsNaN(float64(b)) || math.IsInf(float64(b), 1) {
			return &ParamError{Param: "logit_bias", Value: fmt.Sprintf("%d: %v", id, b), Reason: "must be finite or -Inf"}
		}
	}
	for _, text := range p.DRYBreakers {
		if text == "" || len(text) > maxBreaker {
			return &ParamError{Param: "dry_sequence_breakers", Value: fmt.Sprintf("%q", text), Reason: fmt.Sprintf("must have 1 to %d bytes", maxBreaker)}
		}
	}
	_, err := p.order()
	return err
}
