package repl

import (
	"fmt"
	"strings"

	"kvasir"
)

// answerWriter prints an answer as it comes: thinking dim or hidden, and no
// character that could drive the terminal.
type answerWriter struct {
	t        Terminal
	think    string
	split    *kvasir.Splitter
	content  strings.Builder
	thinking int // tokens
	mid      bool
	inThink  bool
}

func (w *answerWriter) token(tok kvasir.Token) {
	deltas := w.split.Push(tok.Text)
	w.show(deltas)
	if tok.Finish != "" {
		w.show(w.split.Flush())
	}
}

func (w *answerWriter) show(deltas []kvasir.Delta) {
	for _, d := range deltas {
		switch {
		case d.Reasoning != "":
			w.reason(d.Reasoning)
		case d.Content != "":
			w.content.WriteString(d.Content)
			w.leaveThinking()
			w.print(Clean(d.Content))
		}
	}
}

func (w *answerWriter) reason(text string) {
	w.thinking++
	w.inThink = true
	switch w.think {
	case "hide":
		fmt.Fprintf(w.t, "\r%s", w.t.Dim(fmt.Sprintf("thinking, %d tokens", w.thinking)))
		w.mid = true
	case "dim":
		w.print(w.t.Dim(Clean(text)))
	default:
		w.print(Clean(text))
	}
}

func (w *answerWriter) leaveThinking() {
	if w.inThink {
		w.inThink = false
		fmt.Fprint(w.t, "\n\n")
	}
}

func (w *answerWriter) print(text string) {
	if text == "" {
		return
	}
	fmt.Fprint(w.t, text)
	w.mid = !strings.HasSuffix(text, "\n")
}

// end closes the answer with a line break.
func (w *answerWriter) end() {
	w.show(w.split.Flush())
	if w.mid {
		fmt.Fprintln(w.t)
	}
}

// Clean shows control characters, but for line breaks and tabs, as a sign: a
// model must not move the cursor, change colours or set the title.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			return '␛'
		}
		return r
	}, text)
}
