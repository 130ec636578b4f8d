package eval

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"kvasir"
)

// Setting is one column of a comparison: how the cache and the attention of a
// run are configured, in the words of the command line.
type Setting struct {
	KV        string  // cache policy with its parameters, without "bytes"
	Ratio     float64 // > 0: the budget is chosen for this share of the reference's bytes
	Type      string  // storage of keys and values
	Attention string  // attention variant
}

// DefaultType is how keys and values are stored when nothing else is asked for.
const DefaultType = "i16"

// Dense is the setting that drops nothing.
func Dense() Setting { return Setting{KV: "dense", Type: DefaultType, Attention: "dense"} }

// ErrSetting marks a setting that cannot be.
var ErrSetting = errors.New("bad setting")

// ParseSettings makes the settings of a comparison: every policy with every
// storage type and attention variant. A policy may ask for a share of the dense
// bytes: "snapkv:bytes=1/4,window=16".
func ParseSettings(kv, types, attention []string) ([]Setting, error) {
	var all []Setting
	seen := map[Setting]bool{}
	for _, k := range orDefault(kv, "dense") {
		policy, ratio, err := cutBytes(k)
		if err != nil {
			return nil, err
		}
		for _, t := range orDefault(types, DefaultType) {
			for _, at := range orDefault(attention, "dense") {
				s := Setting{KV: policy, Ratio: ratio, Type: t, Attention: at}
				if seen[s] {
					continue
				}
				seen[s] = true
				if err := s.options(kvasir.Options{}, 64).Validate(); err != nil {
					return nil, fmt.Errorf("%w: %w", ErrSetting, err)
				}
				all = append(all, s)
			}
		}
	}
	return all, nil
}

func orDefault(list []string, def string) []string {
	if len(list) == 0 {
		return []string{def}
	}
	return list
}

// cutBytes takes the parameter "bytes" out of a policy.
func cutBytes(spec string) (policy string, ratio float64, err error) {
	name, params, _ := strings.Cut(spec, ":")
	var rest []string
	budget := false
	for _, p := range strings.Split(params, ",") {
		key, val, _ := strings.Cut(p, "=")
		switch key {
		case "bytes":
			if ratio, err = parseRatio(val); err != nil {
				return "", 0, fmt.Errorf("%w: %s: %w", ErrSetting, spec, err)
			}
			continue
		case "budget", "ratio":
			budget = true
		case "":
			continue
		}
		rest = append(rest, p)
	}
	if ratio > 0 && budget {
		return "", 0, fmt.Errorf("%w: %s: bytes and a budget exclude each other", ErrSetting, spec)
	}
	if ratio > 0 && (name == "dense" || name == "") {
		return "", 0, fmt.Errorf("%w: %s: dense keeps everything and has no budget", ErrSetting, spec)
	}
	if len(rest) > 0 {
		name += ":" + strings.Join(rest, ",")
	}
	return name, ratio, nil
}

// parseRatio reads "1/4" or "0.25".
func parseRatio(s string) (float64, error) {
	a, b, fraction := strings.Cut(s, "/")
	v, err := strconv.ParseFloat(a, 64)
	if err == nil && fraction {
		var d float64
		d, err = strconv.ParseFloat(b, 64)
		v /= d
	}
	if err != nil || !(v > 0 && v <= 1) {
		return 0, fmt.Errorf("bytes=%s: must be a share of the dense cache, such as 1/4", s)
	}
	return v, nil
}

// withBudget is the policy with a budget of slots, where the setting asks for a
// share of the bytes.
func (s *Setting) withBudget(slots int) string {
	if s.Ratio == 0 {
		return s.KV
	}
	sep := ":"
	if strings.Contains(s.KV, ":") {
		sep = ","
	}
	return fmt.Sprintf("%s%sbudget=%d", s.KV, sep, slots)
}

// options are those of an engine for the setting.
func (s *Setting) options(base kvasir.Options, slots int) kvasir.Options {
	base.KV, base.KVType, base.Attention = s.withBudget(slots), s.Type, s.Attention
	return base
}

// Policy is the policy's name.
func (s *Setting) Policy() string {
	name, _, _ := strings.Cut(s.KV, ":")
	return name
}

// String names a setting in tables and charts.
func (s *Setting) String() string {
	name := s.KV
	if s.Ratio > 0 {
		name += fmt.Sprintf(" at %.4g", s.Ratio)
	}
	if s.Type != DefaultType {
		name += " " + s.Type
	}
	if s.Attention != "dense" {
		name += " " + s.Attention
	}
	return name
}

// typeBytes is about how many bytes a value takes, for first guesses.
var typeBytes = map[string]float64{"f32": 4, "i16": 2 + 4.0/64, "f16": 2, "bf16": 2, "q8_0": 34.0 / 32, "q4_0": 18.0 / 32}

// typeShare is the size of the storage type relative to the reference's.
func (s *Setting) typeShare(base Setting) float64 { return typeBytes[s.Type] / typeBytes[base.Type] }

// budgetOf reads the budget out of a policy, 0 when it names none.
func budgetOf(policy string) int {
	_, params, _ := strings.Cut(policy, ":")
	for _, p := range strings.Split(params, ",") {
		if v, ok := strings.CutPrefix(p, "budget="); ok {
			n, _ := strconv.Atoi(v)
			return n
		}
	}
	return 0
}
