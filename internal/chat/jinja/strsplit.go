package jinja

import (
	"errors"
	"strings"
	"unicode/utf8"
)

func strSplit(x *interp, recv Value, a *args) (Value, error) {
	return x.splitMethod(recv, a, "split", x.splitSpace, x.splitSep)
}

func strRSplit(x *interp, recv Value, a *args) (Value, error) {
	return x.splitMethod(recv, a, "rsplit", x.rsplitSpace, x.rsplitSep)
}

func (x *interp) splitMethod(
	recv Value, a *args, name string,
	space func(s *Str, limit int) []Value, bySep func(s *Str, sep string, limit int) []Value,
) (Value, error) {
	p, err := a.bind(name, "sep?", "maxsplit?")
	if err != nil {
		return nil, err
	}
	limit, err := intArg(p[1], -1)
	if err != nil {
		return nil, err
	}
	s := recv.(*Str)
	if err := x.work(len(s.s)); err != nil {
		return nil, err
	}
	var parts []Value
	if absent(p[0]) {
		parts = space(s, limit)
	} else {
		sep, err := strArg(p[0], "")
		if err != nil {
			return nil, err
		}
		if sep.s == "" {
			return nil, errors.New("empty separator")
		}
		parts = bySep(s, sep.s, limit)
	}
	return x.newList(parts)
}

// part returns s[lo:hi] and accounts for it. When a limit is hit the parts are
// no longer kept apart; the render fails at its next step.
func (x *interp) part(s *Str, lo, hi int) Value {
	x.steps++
	x.charge(96)
	return s.sub(lo, hi)
}

func (x *interp) splitSep(s *Str, sep string, limit int) []Value {
	var parts []Value
	at := 0
	for ; limit != 0 && x.failed == nil; limit-- {
		i := strings.Index(s.s[at:], sep)
		if i < 0 {
			break
		}
		parts = append(parts, x.part(s, at, at+i))
		at += i + len(sep)
	}
	return append(parts, x.part(s, at, len(s.s)))
}

func (x *interp) rsplitSep(s *Str, sep string, limit int) []Value {
	var parts []Value
	end := len(s.s)
	for ; limit != 0 && x.failed == nil; limit-- {
		i := strings.LastIndex(s.s[:end], sep)
		if i < 0 {
			break
		}
		parts = append(parts, x.part(s, i+len(sep), end))
		end = i
	}
	return reversed(append(parts, x.part(s, 0, end)))
}

func (x *interp) splitSpace(s *Str, limit int) []Value {
	var parts []Value
	at := 0
	for x.failed == nil {
		at = len(s.s) - len(strings.TrimLeftFunc(s.s[at:], isSpace))
		if at == len(s.s) {
			break
		}
		if limit == 0 {
			return append(parts, x.part(s, at, len(s.s)))
		}
		end := strings.IndexFunc(s.s[at:], isSpace)
		if end < 0 {
			return append(parts, x.part(s, at, len(s.s)))
		}
		parts = append(parts, x.part(s, at, at+end))
		at += end
		limit--
	}
	return parts
}

func (x *interp) rsplitSpace(s *Str, limit int) []Value {
	var parts []Value
	end := len(s.s)
	for x.failed == nil {
		end = len(strings.TrimRightFunc(s.s[:end], isSpace))
		if end == 0 {
			break
		}
		start := 0
		if limit != 0 {
			if i := strings.LastIndexFunc(s.s[:end], isSpace); i >= 0 {
				_, w := utf8.DecodeRuneInString(s.s[i:])
				start = i + w
			}
		}
		parts = append(parts, x.part(s, start, end))
		if limit == 0 || start == 0 {
			break
		}
		end = start
		limit--
	}
	return reversed(parts)
}

func reversed(items []Value) []Value {
	for i, j := 0, len(items)-1; i < j; i, j = i+1, j-1 {
		items[i], items[j] = items[j], items[i]
	}
	return items
}

func strSplitLines(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("splitlines", "keepends?")
	if err != nil {
		return nil, err
	}
	s := recv.(*Str)
	if err := x.work(len(s.s)); err != nil {
		return nil, err
	}
	return x.newList(x.splitLines(s, boolArg(p[0])))
}

// splitLines cuts s at line ends: those of Python's str.splitlines.
func (x *interp) splitLines(s *Str, keepEnds bool) []Value {
	var parts []Value
	at := 0
	for at < len(s.s) && x.failed == nil {
		i := strings.IndexAny(s.s[at:], "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if i < 0 {
			parts = append(parts, x.part(s, at, len(s.s)))
			break
		}
		end := at + i
		_, w := utf8.DecodeRuneInString(s.s[end:])
		if strings.HasPrefix(s.s[end:], "\r\n") {
			w = 2
		}
		if keepEnds {
			parts = append(parts, x.part(s, at, end+w))
		} else {
			parts = append(parts, x.part(s, at, end))
		}
		at = end + w
	}
	return parts
}

func partition(name string, index func(s, sub string) int) method {
	return func(x *interp, recv Value, a *args) (Value, error) {
		p, err := a.bind(name, "sep")
		if err != nil {
			return nil, err
		}
		sep, err := strArg(p[0], "")
		if err != nil {
			return nil, err
		}
		if sep.s == "" {
			return nil, errors.New("empty separator")
		}
		s := recv.(*Str)
		if err := x.work(len(s.s)); err != nil {
			return nil, err
		}
		i := index(s.s, sep.s)
		switch {
		case i >= 0:
			mid := s.sub(i, i+len(sep.s))
			return &Tuple{items: []Value{s.sub(0, i), mid, s.sub(i+len(sep.s), len(s.s))}}, nil
		case name == "partition":
			return &Tuple{items: []Value{s, Text(""), Text("")}}, nil
		}
		return &Tuple{items: []Value{Text(""), Text(""), s}}, nil
	}
}
