package main

import (
	_ "embed"
	"sort"
	"strings"

	"kvasir"
)

// promptText is what prompts are cut from; long ones repeat it.
//
//go:embed prompt.txt
var promptText string

// tokenCounter returns how many tokens a model makes of a text.
func tokenCounter(model string) (func(text string) int, error) {
	t, err := kvasir.OpenTokenizer(model)
	if err != nil {
		return nil, err
	}
	return func(text string) int {
		return len(t.Encode(text, kvasir.EncodeOptions{AddSpecial: true, ParseSpecial: true}))
	}, nil
}

// cutPrompt returns the first words of the text that make at most n tokens.
func cutPrompt(n int, count func(text string) int) (text string, tokens int) {
	words := strings.Fields(promptText)
	join := func(k int) string {
		out := make([]string, k)
		for i := range out {
			out[i] = words[i%len(words)]
		}
		return strings.Join(out, " ")
	}
	k := sort.Search(n+1, func(k int) bool { return count(join(k)) > n }) - 1
	if k < 1 {
		return "", 0
	}
	text = join(k)
	return text, count(text)
}
