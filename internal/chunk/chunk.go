// Package chunk cuts a document into passages at the borders of its sentences, by what
// a language model says of them: Meta-Chunking (Zhao et al., "Meta-Chunking: Learning
// Text Segmentation and Semantic Completion via Logical Perception", 2024). It knows no
// model: scores come from the caller. Passages are byte ranges, so nothing of the text
// is lost or changed, unlike in the published code, which drops blanks.
package chunk

import (
	"math"
	"unicode"
	"unicode/utf8"
)

// Sentences cuts a text behind sentence ends and line ends; the parts put together are
// the text. A sentence end is one of .!?。！？… with closing quotes and brackets behind
// it and a blank or the end of the text after those; the wide marks need no blank.
func Sentences(text string) []string {
	var out []string
	from, ended := 0, false
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		space := unicode.IsSpace(r)
		if ended && !space {
			out = append(out, text[from:i])
			from, ended = i, false
		}
		i += n
		switch {
		case r == '\n', r == '。' || r == '！' || r == '？':
			ended = i < len(text)
		case r == '.' || r == '!' || r == '?' || r == '…':
			next, _ := utf8.DecodeRuneInString(text[closers(text, i):])
			if unicode.IsSpace(next) {
				i = closers(text, i)
				ended = true
			}
		}
	}
	if from < len(text) {
		out = append(out, text[from:])
	}
	return out
}

// closers returns the index behind quotes and brackets that close.
func closers(text string, i int) int {
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r != '"' && r != '\'' && !unicode.In(r, unicode.Pe, unicode.Pf) {
			break
		}
		i += n
	}
	return i
}

// ByPerplexity returns after which sentences a passage ends, the last one left out.
// mean[i] is the mean negative log-probability of sentence i's tokens after all before
// them. A passage ends at a local minimum that lies lower than a neighbour by the
// threshold at least. NaN (a sentence without a scored token) is never a minimum.
func ByPerplexity(mean []float64, threshold float64) []int {
	var cuts []int
	for i := 1; i+1 < len(mean); i++ {
		left, right := mean[i-1]-mean[i], mean[i+1]-mean[i]
		dip := left > 0 && right > 0 && (left >= threshold || right >= threshold)
		step := left > 0 && right == 0 && left >= threshold
		if dip || step {
			cuts = append(cuts, i)
		}
	}
	return cuts
}

// Margins decides by margin sampling whether each next sentence goes on with the
// passage. The threshold starts at 0 and is, once there are five margins, the mean of
// the last five.
type Margins struct {
	last [5]float64
	n    int
}

// Join takes the margin P(keep together) - P(split) and reports whether to join.
func (m *Margins) Join(margin float64) bool {
	threshold := 0.0
	if m.n >= len(m.last) {
		for _, x := range m.last {
			threshold += x / float64(len(m.last))
		}
	}
	m.last[m.n%len(m.last)] = margin
	m.n++
	return margin > threshold && !math.IsNaN(margin)
}

// Merge joins neighbours greedily while they hold at most size words together; size 0
// joins nothing. cuts and the result are as of ByPerplexity.
func Merge(words []int, cuts []int, size int) []int {
	if size <= 0 {
		return cuts
	}
	var kept []int
	cut := map[int]bool{}
	for _, c := range cuts {
		cut[c] = true
	}
	have, part, last := 0, 0, -1 // of the passage, of the piece behind it, where that began
	for i, w := range words {
		part += w
		if !cut[i] && i+1 < len(words) {
			continue
		}
		if have > 0 && have+part > size {
			kept = append(kept, last)
			have = 0
		}
		have, part, last = have+part, 0, i
	}
	return kept
}
