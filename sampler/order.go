package sampler

import (
	"maps"
	"slices"
	"strings"
)

// DefaultOrder returns the order used when [Params.Samplers] is nil, a fresh slice. It
// is that of llama.cpp, with top_h behind the temperature, as its paper has it.
// Mirostat is not in it: Params.Mirostat makes an order of its own.
func DefaultOrder() []string {
	return []string{
		"penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature", "top_h", "adaptive_p",
	}
}

// aliases are other words for stages, without dashes and underscores.
var aliases = map[string]string{
	"nucleus": "top_p", "temp": "temperature", "typ": "typ_p", "typical": "typ_p", "typicalp": "typ_p",
}

// ParseOrder turns an order of stages into registered names. An element may be a name
// in any spelling that llama.cpp takes (top_k, top-k, topk, nucleus, temp, typical,
// ...), several names with semicolons between them, or a string of letters such as
// edskypmxt: e penalties, d dry, s top_n_sigma, k top_k, y typ_p, p top_p, m min_p,
// x xtc, t temperature, h top_h, r mirostat, a adaptive_p. Errors are [*ParamError].
func ParseOrder(order []string) ([]string, error) {
	out := make([]string, 0, len(order))
	for _, text := range order {
		for word := range strings.SplitSeq(text, ";") {
			names := parseStages(strings.TrimSpace(word))
			if names == nil {
				known := strings.Join(slices.Sorted(maps.Keys(Stages)), ", ")
				return nil, &ParamError{Param: "samplers", Value: word, Reason: "is not one of " + known}
			}
			for _, name := range names {
				if slices.Contains(out, name) {
					return nil, &ParamError{Param: "samplers", Value: name, Reason: "is named twice"}
				}
				out = append(out, name)
			}
		}
	}
	return out, nil
}

// parseStages returns the stage of a name or alias, or those of a string of letters;
// nil when word is neither.
func parseStages(word string) []string {
	if _, ok := Stages[word]; ok {
		return []string{word}
	}
	plain := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(word))
	if name, ok := aliases[plain]; ok {
		return []string{name}
	}
	letters := map[byte]string{}
	for name, def := range Stages {
		if plain == strings.ReplaceAll(name, "_", "") {
			return []string{name}
		}
		letters[def.Letter] = name
	}
	var names []string
	for i := range len(word) {
		name, ok := letters[word[i]]
		if !ok {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// order returns the names of the stages that p asks for, in the order they run. With
// Mirostat on, that is temperature and mirostat as in llama.cpp, whatever Samplers
// says, unless it names mirostat itself.
func (p Params) order() ([]string, error) {
	order := DefaultOrder()
	if p.Samplers != nil {
		var err error
		if order, err = ParseOrder(p.Samplers); err != nil {
			return nil, err
		}
	}
	if p.Mirostat != 0 && !slices.Contains(order, "mirostat") {
		order = []string{"temperature", "mirostat"}
	}
	isLast := func(name string) bool { return Stages[name].Last }
	last := slices.DeleteFunc(slices.Clone(order), func(name string) bool { return !isLast(name) })
	return append(slices.DeleteFunc(order, isLast), last...), nil
}
