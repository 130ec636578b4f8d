package main

import (
	"fmt"
	"regexp"
	"strconv"
)

// row is one line of the comparison.
type row struct {
	kind    string // "pp", "tg" or "ttft"
	tokens  int
	depth   int
	streams int // tg: sequences side by side
}

var rowForm = regexp.MustCompile(`^(pp|tg|ttft)([0-9]{1,7})(?:x([0-9]{1,4}))?(?:@d?([0-9]{1,7}))?$`)

// parseRow reads "pp512", "tg128@8000", "tg64x8@128", "ttft500".
func parseRow(text string) (r row, err error) {
	m := rowForm.FindStringSubmatch(text)
	if m == nil {
		return r, fmt.Errorf("row %q: want ppN, tgN or tgNxSTREAMS, each with or without @DEPTH, or ttftN", text)
	}
	r = row{kind: m[1], streams: 1}
	r.tokens, _ = strconv.Atoi(m[2])
	if m[3] != "" {
		r.streams, _ = strconv.Atoi(m[3])
	}
	if m[4] != "" {
		r.depth, _ = strconv.Atoi(m[4])
	}
	switch {
	case r.tokens < 1 || r.streams < 1:
		return r, fmt.Errorf("row %q: counts must be at least 1", text)
	case r.streams > 1 && r.kind != "tg":
		return r, fmt.Errorf("row %q: only decoding (tg) has streams", text)
	case r.kind == "ttft" && r.depth > 0:
		return r, fmt.Errorf("row %q: the first token has no depth", text)
	}
	return r, nil
}

// String returns the form that parseRow reads.
func (r row) String() string {
	s := fmt.Sprintf("%s%d", r.kind, r.tokens)
	if r.streams > 1 {
		s += fmt.Sprintf("x%d", r.streams)
	}
	if r.depth > 0 {
		s += fmt.Sprintf("@%d", r.depth)
	}
	return s
}

// context is the number of tokens that a sequence holds at the end.
func (r row) context() int { return r.depth + r.tokens }

// long rows are not repeated within a leg, nor warmed up.
func (r row) long() bool { return r.context() >= 2048 && r.kind == "pp" }
