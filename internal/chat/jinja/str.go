package jinja

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// mark is a range of bytes [lo, hi) that came from the input.
type mark struct{ lo, hi int }

// Str is a string value: text, the marks of its bytes that came from the
// input, and whether it counts as HTML-safe markup. A Str never changes after
// it was made. Marks are sorted, disjoint, not empty and not adjacent.
type Str struct {
	s    string
	in   []mark
	html bool
	// count caches the number of code points plus one; 0 is not known yet.
	// Strings shared between renders have it computed when parsed.
	count int
}

// Text returns s as a string of template origin.
func Text(s string) *Str { return &Str{s: s} }

// Input returns s as a string that came from the input in full.
func Input(s string) *Str {
	if s == "" {
		return &Str{}
	}
	return &Str{s: s, in: []mark{{0, len(s)}}}
}

// String returns the text without its marks.
func (s *Str) String() string { return s.s }

// Span is a run of text of one origin.
type Span struct {
	Text      string
	FromInput bool
}

// Spans cuts the string where the origin changes. Joined, the texts are the
// string; neighbours differ in origin; no text is empty.
func (s *Str) Spans() []Span {
	spans := make([]Span, 0, 2*len(s.in)+1)
	at := 0
	for _, m := range s.in {
		if m.lo > at {
			spans = append(spans, Span{Text: s.s[at:m.lo]})
		}
		spans = append(spans, Span{Text: s.s[m.lo:m.hi], FromInput: true})
		at = m.hi
	}
	if at < len(s.s) {
		spans = append(spans, Span{Text: s.s[at:]})
	}
	return spans
}

// sub returns the bytes [lo, hi) with their marks; the text is shared.
func (s *Str) sub(lo, hi int) *Str {
	if lo == 0 && hi == len(s.s) {
		return s
	}
	return &Str{s: s.s[lo:hi], in: cutMarks(s.in, lo, hi), html: s.html}
}

func cutMarks(in []mark, lo, hi int) []mark {
	i := sort.Search(len(in), func(i int) bool { return in[i].hi > lo })
	j := i
	for j < len(in) && in[j].lo < hi {
		j++
	}
	if i == j || lo >= hi {
		return nil
	}
	out := make([]mark, j-i)
	for k, m := range in[i:j] {
		out[k] = mark{max(m.lo, lo) - lo, min(m.hi, hi) - lo}
	}
	return out
}

// runes returns the number of code points; a byte that is not valid UTF-8
// counts as one.
func (s *Str) runes() int {
	if s.count == 0 {
		s.count = utf8.RuneCountInString(s.s) + 1
	}
	return s.count - 1
}

// bytewise reports whether code point i is byte i, for all i.
func (s *Str) bytewise() bool { return s.runes() == len(s.s) }

// offset returns the byte offset of code point i, which must lie in
// [0, runes].
func (s *Str) offset(i int) int {
	if s.bytewise() {
		return i
	}
	at := 0
	for ; i > 0 && at < len(s.s); i-- {
		_, n := utf8.DecodeRuneInString(s.s[at:])
		at += n
	}
	return at
}

// builder assembles a Str and charges what it grows by to the render. When a
// limit is hit the render fails at its next step and further text is dropped.
type builder struct {
	x  *interp
	b  strings.Builder
	in []mark
}

func (x *interp) newBuilder() *builder { return &builder{x: x} }

func (b *builder) add(s string, in bool) {
	if s == "" || !b.x.grow(b.b.Len(), len(s)) {
		return
	}
	if in {
		b.mark(b.b.Len(), b.b.Len()+len(s))
	}
	b.b.WriteString(s)
}

func (b *builder) mark(lo, hi int) {
	if n := len(b.in); n > 0 && b.in[n-1].hi == lo {
		b.in[n-1].hi = hi
		return
	}
	b.x.charge(16)
	b.in = append(b.in, mark{lo, hi})
}

func (b *builder) addStr(s *Str) { b.addSub(s, 0, len(s.s)) }

func (b *builder) addSub(s *Str, lo, hi int) {
	if lo >= hi || !b.x.grow(b.b.Len(), hi-lo) {
		return
	}
	base := b.b.Len() - lo
	i := sort.Search(len(s.in), func(i int) bool { return s.in[i].hi > lo })
	for ; i < len(s.in) && s.in[i].lo < hi; i++ {
		b.mark(base+max(s.in[i].lo, lo), base+min(s.in[i].hi, hi))
	}
	b.b.WriteString(s.s[lo:hi])
}

func (b *builder) str() *Str { return &Str{s: b.b.String(), in: b.in} }

// concat returns a followed by b. When either is markup the other is escaped
// and the result is markup, as Python's Markup type does.
func (x *interp) concat(a, b *Str) *Str {
	html := a.html || b.html
	if html {
		a, b = x.escapeHTML(a), x.escapeHTML(b)
	}
	if a.s == "" && b.html == html {
		return b
	}
	if b.s == "" && a.html == html {
		return a
	}
	out := x.newBuilder()
	out.addStr(a)
	out.addStr(b)
	s := out.str()
	s.html = html
	return s
}

// eachSpan calls f for every run of s of one origin.
func eachSpan(s *Str, f func(text string, in bool)) {
	at := 0
	for _, m := range s.in {
		if m.lo > at {
			f(s.s[at:m.lo], false)
		}
		f(s.s[m.lo:m.hi], true)
		at = m.hi
	}
	if at < len(s.s) {
		f(s.s[at:], false)
	}
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;")

// escapeHTML returns s as markup, unchanged when it is markup already.
func (x *interp) escapeHTML(s *Str) *Str {
	if s.html {
		return s
	}
	out := x.newBuilder()
	eachSpan(s, func(text string, in bool) { out.add(htmlEscaper.Replace(text), in) })
	r := out.str()
	r.html = true
	return r
}
