package jinja

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// textFilter makes a filter of a function of a string alone; other values are
// printed first.
func textFilter(name string, f func(x *interp, s *Str) Value) filterFunc {
	return func(x *interp, v Value, a *args) (Value, error) {
		if _, err := a.bind(name); err != nil {
			return nil, err
		}
		s, err := x.str(v)
		if err != nil {
			return nil, err
		}
		return f(x, s), x.work(len(s.s))
	}
}

// titleWords is the filter title: unlike the method, it starts words only
// after white space, dashes and opening brackets.
func titleWords(x *interp, s *Str) Value {
	start := true
	return x.mapText(s, func(text string) string {
		var b strings.Builder
		for at := 0; at < len(text); {
			r, w := utf8.DecodeRuneInString(text[at:])
			switch c := text[at : at+w]; {
			case isSpace(r) || strings.ContainsRune("-({[<", r):
				b.WriteString(c)
				start = true
			case start:
				b.WriteString(upperText(c))
				start = false
			default:
				b.WriteString(strings.ToLower(c))
			}
			at += w
		}
		return b.String()
	})
}

func filterString(x *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("string"); err != nil {
		return nil, err
	}
	return x.str(v)
}

func filterTrim(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("trim", "chars?")
	if err != nil {
		return nil, err
	}
	s, err := x.str(v)
	if err != nil {
		return nil, err
	}
	return x.strip(s, p[0], true, true)
}

func filterReplace(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("replace", "old", "new", "count?")
	if err != nil {
		return nil, err
	}
	var text [3]*Str
	for i, v := range []Value{v, p[0], p[1]} {
		s, err := x.str(v)
		if err != nil {
			return nil, err
		}
		text[i] = plain(s)
	}
	count, err := intArg(p[2], -1)
	if err != nil {
		return nil, err
	}
	return x.replace(text[0], text[1], text[2], count)
}

// plain drops the markup flag of a string.
func plain(s *Str) *Str {
	if !s.html {
		return s
	}
	return &Str{s: s.s, in: s.in, count: s.count}
}

func filterSafe(x *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("safe"); err != nil {
		return nil, err
	}
	s, err := x.str(v)
	if err != nil {
		return nil, err
	}
	return &Str{s: s.s, in: s.in, html: true, count: s.count}, nil
}

func filterEscape(x *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("escape"); err != nil {
		return nil, err
	}
	s, err := x.str(v)
	if err != nil {
		return nil, err
	}
	return x.escapeHTML(s), nil
}

func filterForceEscape(x *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("forceescape"); err != nil {
		return nil, err
	}
	s, err := x.str(v)
	if err != nil {
		return nil, err
	}
	return x.escapeHTML(plain(s)), nil
}

func filterFormat(x *interp, v Value, a *args) (Value, error) {
	s, err := x.str(v)
	if err != nil {
		return nil, err
	}
	if len(a.pos) > 0 && len(a.kw) > 0 {
		return nil, errors.New("format takes positional or keyword arguments, not both")
	}
	if len(a.kw) == 0 {
		return x.percent(s, &Tuple{items: a.pos})
	}
	d := NewDict()
	if err := x.fillDict(d, a, "format"); err != nil {
		return nil, err
	}
	return x.percent(s, d)
}

func filterJoin(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("join", "d?", "attribute?")
	if err != nil {
		return nil, err
	}
	sep, err := x.str(orUndefined(p[0], ""))
	if err != nil {
		return nil, err
	}
	at, err := parsePath(p[1])
	if err != nil {
		return nil, err
	}
	items, err := x.iterate(v)
	if err != nil {
		return nil, err
	}
	b := x.newBuilder()
	for i, item := range items {
		if item, err = at.get(x, item, nil); err != nil {
			return nil, err
		}
		if i > 0 {
			b.addStr(sep)
		}
		if err := x.print(b, item); err != nil {
			return nil, err
		}
	}
	return b.str(), nil
}

func filterIndent(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("indent", "width?", "first?", "blank?")
	if err != nil {
		return nil, err
	}
	s, err := strArg(v, "")
	if err != nil {
		return nil, err
	}
	by, isStr := p[0].(*Str)
	if !isStr {
		width, err := intArg(p[0], 4)
		if err != nil {
			return nil, err
		}
		if by, err = x.repeatStr(Text(" "), int64(max(width, 0))); err != nil {
			return nil, err
		}
	}
	lines := x.splitLines(x.concat(s, Text("\n")), false)
	b := x.newBuilder()
	for i, line := range lines {
		line := line.(*Str)
		if i > 0 {
			b.add("\n", false)
		}
		if i == 0 && boolArg(p[1]) || i > 0 && (line.s != "" || boolArg(p[2])) {
			b.addStr(by)
		}
		b.addStr(line)
	}
	r := b.str()
	r.html = s.html
	return r, x.step()
}

func filterCenter(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("center", "width?")
	if err != nil {
		return nil, err
	}
	s, err := x.str(v)
	if err != nil {
		return nil, err
	}
	width, err := intArg(p[0], 80)
	if err != nil {
		return nil, err
	}
	return x.pad(s, "center", width, Text(" "))
}

func filterTruncate(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("truncate", "length?", "killwords?", "end?", "leeway?")
	if err != nil {
		return nil, err
	}
	s, err := strArg(v, "")
	if err != nil {
		return nil, err
	}
	length, err := intArg(p[0], 255)
	if err != nil {
		return nil, err
	}
	end, err := strArg(p[2], "...")
	if err != nil {
		return nil, err
	}
	leeway, err := intArg(p[3], 5)
	if err != nil {
		return nil, err
	}
	if length < end.runes() || leeway < 0 {
		return nil, errors.New("truncate needs a length of at least that of the end, and no negative leeway")
	}
	if s.runes()-leeway <= length {
		return s, nil
	}
	cut := s.sub(0, s.offset(length-end.runes()))
	if !boolArg(p[1]) {
		if i := strings.LastIndexByte(cut.s, ' '); i >= 0 {
			cut = cut.sub(0, i)
		}
	}
	return x.concat(cut, end), x.work(len(s.s))
}

func filterWordCount(x *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("wordcount"); err != nil {
		return nil, err
	}
	s, err := x.str(v)
	if err != nil {
		return nil, err
	}
	if err := x.work(2 * len(s.s)); err != nil {
		return nil, err
	}
	words, inWord := 0, false
	for _, r := range s.s {
		isWord := r == '_' || isAlnum(r)
		if isWord && !inWord {
			words++
		}
		inWord = isWord
	}
	return Int(words), nil
}
