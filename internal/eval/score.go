package eval

import (
	"slices"
	"strings"
	"unicode"
)

// items takes the answers apart: runs of digits, or words.
func items(out string, digits bool) []string {
	is := unicode.IsLetter
	if digits {
		is = unicode.IsDigit
	}
	return strings.FieldsFunc(strings.ToLower(out), func(r rune) bool { return !is(r) && r != '\'' })
}

// share is the part of the wanted answers that stand among the first as many
// different items of the output. A number counts as a whole only.
func share(out string, wanted []string, digits bool) float64 {
	var found []string
	for _, it := range items(out, digits) {
		if !slices.Contains(found, it) {
			found = append(found, it)
		}
		if len(found) == len(wanted) {
			break
		}
	}
	right := 0
	for _, w := range wanted {
		if slices.Contains(found, strings.ToLower(w)) {
			right++
		}
	}
	return float64(right) / float64(len(wanted))
}

// contains is RULER's rule: the part of the wanted answers found anywhere.
func contains(out string, wanted []string) float64 {
	out = strings.ToLower(out)
	right := 0
	for _, w := range wanted {
		if strings.Contains(out, strings.ToLower(w)) {
			right++
		}
	}
	return float64(right) / float64(len(wanted))
}
