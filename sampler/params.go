package sampler

import (
	"fmt"
	"math"
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
	Temperature      float64           `json:"temperature" flag:"temp" usage:"divides the logits; 0 or less takes the most likely token"`
	TopK             int               `json:"top_k" flag:"top-k" usage:"keep the k most likely tokens; 0 is off"`
	TopP             float64           `json:"top_p" flag:"top-p" usage:"keep the most likely tokens that together reach this probability; 1 is off"`
	MinP             float64           `json:"min_p" flag:"min-p" usage:"drop tokens less likely than this share of the best one; 0 is off"`
	RepeatPenalty    float64           `json:"repeat_penalty" flag:"repeat-penalty" usage:"factor against tokens seen in the last repeat-last-n; 1 is off"`
	RepeatLastN      int               `json:"repeat_last_n" flag:"repeat-last-n" usage:"how many last tokens the penalties look at; 0 is off, -1 all"`
	PresencePenalty  float64           `json:"presence_penalty" flag:"presence-penalty" usage:"subtracted from the logit of a token that was seen"`
	FrequencyPenalty float64           `json:"frequency_penalty" flag:"frequency-penalty" usage:"subtracted from the logit once for each time a token was seen"`
	MinKeep          int               `json:"min_keep" flag:"min-keep" usage:"top-p and min-p keep at least this many tokens"`
	IgnoreEOS        bool              `json:"ignore_eos" flag:"ignore-eos" usage:"never end before the token limit"`
	LogitBias        map[int32]float32 `json:"logit_bias" flag:"logit-bias" usage:"added to the logit of a token id; -Inf bans it"`
	Samplers         []string          `json:"samplers" flag:"samplers" usage:"order of the stages; empty draws from the plain distribution"`
	Seed             Seed              `json:"seed" flag:"seed" usage:"seed of the random draws; -1 picks one and reports it"`
}

// DefaultParams returns the defaults: those of llama.cpp, with a random seed.
func DefaultParams() Params {
	return Params{
		Temperature:   0.8,
		TopK:          40,
		TopP:          0.95,
		MinP:          0.05,
		RepeatPenalty: 1,
		RepeatLastN:   64,
	}
}

// OrDefault returns p, with the eight numbers set to their defaults when all are zero.
func (p Params) OrDefault() Params {
	if p.Temperature != 0 || p.TopK != 0 || p.TopP != 0 || p.MinP != 0 ||
		p.RepeatPenalty != 0 || p.RepeatLastN != 0 || p.PresencePenalty != 0 || p.FrequencyPenalty != 0 {
		return p
	}
	d := DefaultParams()
	d.MinKeep, d.IgnoreEOS, d.LogitBias, d.Samplers, d.Seed = p.MinKeep, p.IgnoreEOS, p.LogitBias, p.Samplers, p.Seed
	return d
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
	p = p.OrDefault()
	for _, f := range []struct {
		name string
		x    float64
	}{
		{"temperature", p.Temperature}, {"top_p", p.TopP}, {"min_p", p.MinP}, {"repeat_penalty", p.RepeatPenalty},
		{"presence_penalty", p.PresencePenalty}, {"frequency_penalty", p.FrequencyPenalty},
	} {
		if math.IsNaN(f.x) || math.IsInf(f.x, 0) {
			return &ParamError{Param: f.name, Value: f.x, Reason: "must be a finite number"}
		}
	}
	switch {
	case p.RepeatPenalty <= 0 || math.IsInf(1/p.RepeatPenalty, 0):
		return &ParamError{Param: "repeat_penalty", Value: p.RepeatPenalty, Reason: "must be above 0 (1 is off; start from the default settings)"}
	case p.RepeatLastN < -1:
		return &ParamError{Param: "repeat_last_n", Value: p.RepeatLastN, Reason: "must be -1 (all) or more"}
	case p.MinKeep < 0:
		return &ParamError{Param: "min_keep", Value: p.MinKeep, Reason: "must be 0 or more"}
	}
	for id, b := range p.LogitBias {
		if math.IsNaN(float64(b)) || math.IsInf(float64(b), 1) {
			return &ParamError{Param: "logit_bias", Value: fmt.Sprintf("%d: %v", id, b), Reason: "must be finite or -Inf"}
		}
	}
	return checkOrder(p.Samplers)
}
