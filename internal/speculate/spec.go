package speculate

import (
	"fmt"
	"strconv"
	"strings"
)

// Source says where drafts come from.
type Source uint8

// Sources.
const (
	FromModel  Source = iota // a second model
	FromLookup               // earlier occurrences of the last tokens
	FromSelf                 // the same model, computed more cheaply
)

// Draft is a parsed source.
type Draft struct {
	Source    Source
	Path      string // FromModel
	Match     int    // FromLookup: tokens that must have occurred before
	Skip      []int  // FromSelf: layers left out
	KV        string // FromSelf: cache policy, with its settings
	Attention string // FromSelf: attention variant, with its settings
}

// ParseDraft reads "lookup", "lookup:n=4", "self:skip=8-19" (ranges and numbers,
// joined by +), "self:attention=NAME", "self:kv=NAME", several of these joined by
// commas, or the path of a model file. A comma that no such key follows belongs to
// the settings of the variant or policy before it.
func ParseDraft(text string) (Draft, error) {
	name, rest, _ := strings.Cut(text, ":")
	switch name {
	case "lookup":
		return parseLookup(rest)
	case "self":
		return parseSelf(rest)
	case "":
		return Draft{}, fmt.Errorf("draft %q: use lookup, self:skip=… or the path of a model", text)
	}
	return Draft{Source: FromModel, Path: text}, nil
}

func parseLookup(rest string) (Draft, error) {
	d := Draft{Source: FromLookup, Match: 1}
	if rest == "" {
		return d, nil
	}
	n, err := setting("draft lookup", rest, "n", 1, 64)
	d.Match = n
	return d, err
}

// setting reads "key=number".
func setting(what, text, key string, lo, hi int) (int, error) {
	k, v, _ := strings.Cut(text, "=")
	if k != key {
		return 0, fmt.Errorf("%s: unknown key %q: use %s", what, k, key)
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < lo || n > hi {
		return 0, fmt.Errorf("%s: %s=%q: must be %d to %d", what, key, v, lo, hi)
	}
	return n, nil
}

func parseSelf(rest string) (Draft, error) {
	d := Draft{Source: FromSelf}
	for rest != "" {
		key, after, _ := strings.Cut(rest, "=")
		n := len(after)
		for _, next := range []string{",skip=", ",attention=", ",kv="} {
			if i := strings.Index(after, next); i >= 0 {
				n = min(n, i)
			}
		}
		value := after[:n]
		rest = strings.TrimPrefix(after[n:], ",")
		var err error
		switch {
		case key == "skip":
			d.Skip, err = parseLayers(value)
		case key != "attention" && key != "kv":
			err = fmt.Errorf("draft self: unknown key %q: use skip, attention or kv", key)
		case value == "":
			err = fmt.Errorf("draft self: %s= without a name", key)
		case key == "kv":
			d.KV = value
		default:
			d.Attention = value
		}
		if err != nil {
			return d, err
		}
	}
	if len(d.Skip) == 0 && d.Attention == "" && d.KV == "" {
		return d, fmt.Errorf("draft self: say what to leave out: self:skip=8-19, self:attention=NAME or self:kv=NAME")
	}
	return d, nil
}

// maxLayer bounds the numbers of layers.
const maxLayer = 4096

// parseLayers reads "3+8-11": ascending numbers and ranges.
func parseLayers(list string) ([]int, error) {
	var out []int
	for _, part := range strings.Split(list, "+") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		lo, err1 := strconv.Atoi(first)
		hi, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || lo < 0 || hi < lo || hi >= maxLayer {
			return nil, fmt.Errorf("draft self: skip=%q: %q is no layer or range of layers", list, part)
		}
		if len(out) > 0 && lo <= out[len(out)-1] {
			return nil, fmt.Errorf("draft self: skip=%q: layers must ascend", list)
		}
		for l := lo; l <= hi; l++ {
			out = append(out, l)
		}
	}
	return out, nil
}

// Verify is a parsed way to verify.
type Verify struct {
	Match    bool // the token that plain decoding would draw, or none
	Distinct bool // trials are drawn without replacement
	K        int  // trials of the first node
}

// MaxTrials bounds the trials of a node.
const MaxTrials = 16

// ParseVerify reads "match", "ratio", "kseq:k=4" or "wor:k=4"; "" is match.
func ParseVerify(text string) (Verify, error) {
	name, rest, has := strings.Cut(text, ":")
	v := Verify{K: 1}
	switch name {
	case "", "match":
		v.Match = true
	case "ratio":
	case "kseq":
		v.K = 4
	case "wor":
		v.K, v.Distinct = 4, true
	default:
		return v, fmt.Errorf("unknown verification %q: use match, ratio, kseq:k=4 or wor:k=4", name)
	}
	if !has {
		return v, nil
	}
	if v.Match || name == "ratio" {
		return v, fmt.Errorf("verify %s takes no settings", name)
	}
	n, err := setting("verify "+name, rest, "k", 1, MaxTrials)
	v.K = n
	return v, err
}

// Rule returns a fresh rule; nil for match.
func (v Verify) Rule() Rule {
	switch {
	case v.Match:
		return nil
	case v.Distinct:
		return &NoReplace{}
	}
	return &KSeq{}
}
