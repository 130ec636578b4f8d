package server

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"kvasir"
)

// textLogprobs are the scores of the legacy route: arrays of equal length over
// the prompt's tokens, when it is echoed, and the generated ones. The first
// token of a prompt has no score (null). Every generated token has an entry,
// also the one that ends the text: clients that score a prompt cut off the
// last entry.
type textLogprobs struct {
	Tokens     []string              `json:"tokens"`
	Logprobs   []*float64            `json:"token_logprobs"`
	Top        []*map[string]float64 `json:"top_logprobs"`
	TextOffset []int                 `json:"text_offset"`

	t    kvasir.Tokenizer
	top  int
	raw  strings.Builder // bytes of all tokens
	ends []int           // of each token in raw
}

// prompt adds the tokens of a prompt from the first that is listed.
func (l *textLogprobs) prompt(g *generation, listed int, scores bool) {
	toks := g.job.Prompt()
	sc := g.job.Scores()
	for i := listed; i < len(toks); i++ {
		if !scores || len(sc) == 0 || i == 0 || i == listed {
			l.add(toks[i], nil, nil)
			continue
		}
		l.add(toks[i], &sc[i].Logprob, sc[i].Top)
	}
}

// token adds a generated token.
func (l *textLogprobs) token(t kvasir.Token) {
	before := l.raw.Len()
	l.add(t.ID, &t.Logprob, t.Top)
	if l.t.IsEnd(t.ID) { // shown nowhere, listed all the same
		text := l.raw.String()[:before]
		l.raw.Reset()
		l.raw.WriteString(text)
		l.ends[len(l.ends)-1] = before
		l.Tokens[len(l.Tokens)-1] = ""
	}
}

func (l *textLogprobs) add(id int32, logprob *float64, top []kvasir.TokenScore) {
	piece := l.t.Piece(id)
	l.raw.WriteString(piece)
	l.ends = append(l.ends, l.raw.Len())
	l.Tokens = append(l.Tokens, legacyPiece(piece))
	if logprob == nil {
		l.Logprobs, l.Top = append(l.Logprobs, nil), append(l.Top, nil)
		return
	}
	v := finite(*logprob)
	l.Logprobs = append(l.Logprobs, &v)
	best := map[string]float64{legacyPiece(piece): v}
	for _, t := range top[:min(l.top, len(top))] {
		text := legacyPiece(l.t.Piece(t.ID))
		if old, ok := best[text]; !ok || t.Logprob > old {
			best[text] = finite(t.Logprob)
		}
	}
	l.Top = append(l.Top, &best)
}

// finite keeps a score writable as JSON.
func finite(v float64) float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return -math.MaxFloat32
	}
	return v
}

// legacyPiece is the text of a token; bytes that are no text are shown as such.
func legacyPiece(piece string) string {
	if utf8.ValidString(piece) {
		return piece
	}
	var b strings.Builder
	b.WriteString("bytes:")
	for i := range len(piece) {
		fmt.Fprintf(&b, `\x%02X`, piece[i])
	}
	return b.String()
}

// text is what the tokens say.
func (l *textLogprobs) text() string { return strings.ToValidUTF8(l.raw.String(), "\ufffd") }

// close fills in where each token begins, in code points.
func (l *textLogprobs) close() {
	text := l.raw.String()
	count, at := 0, 0
	if n := len(l.TextOffset); n > 0 { // of a stream's earlier parts
		at = l.ends[n-1]
		count = utf8.RuneCountInString(text[:at])
	}
	for i := len(l.TextOffset); i < len(l.ends); i++ {
		l.TextOffset = append(l.TextOffset, count)
		for at < l.ends[i] {
			if utf8.RuneStart(text[at]) {
				count++
			}
			at++
		}
	}
}

// cut returns the entries since the last cut.
func (l *textLogprobs) cut() *textLogprobs {
	part := &textLogprobs{Tokens: l.Tokens, Logprobs: l.Logprobs, Top: l.Top}
	part.TextOffset = append([]int(nil), l.TextOffset[len(l.TextOffset)-len(l.Tokens):]...)
	l.Tokens, l.Logprobs, l.Top = nil, nil, nil
	return part
}
