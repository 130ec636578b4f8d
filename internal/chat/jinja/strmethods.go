package jinja

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// method is a method of a built-in type; recv has that type.
type method func(x *interp, recv Value, a *args) (Value, error)

// strMethods are the methods of strings. All keep the marks of the text they
// pass on.
var strMethods = map[string]method{
	"capitalize":   noArgs("capitalize", capitalize),
	"casefold":     noArgs("casefold", lower),
	"center":       pad("center"),
	"count":        strCount,
	"endswith":     affix("endswith", strings.HasSuffix),
	"find":         find("find", strings.Index, false),
	"format":       strFormat,
	"index":        find("index", strings.Index, true),
	"isalnum":      class("isalnum", isAlnum),
	"isalpha":      class("isalpha", isAlpha),
	"isdecimal":    class("isdecimal", isDecimal),
	"isdigit":      class("isdigit", isDigit),
	"islower":      noArgs("islower", func(_ *interp, s *Str) Value { return Bool(isLower(s.s)) }),
	"isnumeric":    class("isnumeric", isNumeric),
	"isspace":      class("isspace", isSpace),
	"isupper":      noArgs("isupper", func(_ *interp, s *Str) Value { return Bool(isUpper(s.s)) }),
	"join":         strJoin,
	"ljust":        pad("ljust"),
	"lower":        noArgs("lower", lower),
	"lstrip":       stripper("lstrip", true, false),
	"partition":    partition("partition", strings.Index),
	"removeprefix": strRemovePrefix,
	"removesuffix": strRemoveSuffix,
	"replace":      strReplace,
	"rfind":        find("rfind", strings.LastIndex, false),
	"rindex":       find("rindex", strings.LastIndex, true),
	"rjust":        pad("rjust"),
	"rpartition":   partition("rpartition", strings.LastIndex),
	"rsplit":       strRSplit,
	"rstrip":       stripper("rstrip", false, true),
	"split":        strSplit,
	"splitlines":   strSplitLines,
	"startswith":   affix("startswith", strings.HasPrefix),
	"strip":        stripper("strip", true, true),
	"swapcase":     noArgs("swapcase", swapCase),
	"title":        noArgs("title", title),
	"upper":        noArgs("upper", upper),
	"zfill":        pad("zfill"),
}

// noArgs makes a method of a function that takes the string alone.
func noArgs(name string, f func(x *interp, s *Str) Value) method {
	return func(x *interp, recv Value, a *args) (Value, error) {
		if _, err := a.bind(name); err != nil {
			return nil, err
		}
		s := recv.(*Str)
		if err := x.work(len(s.s)); err != nil {
			return nil, err
		}
		return f(x, s), nil
	}
}

// class makes a method that tells whether all characters, of which there must
// be one, are in a class.
func class(name string, in func(rune) bool) method {
	return noArgs(name, func(_ *interp, s *Str) Value {
		for _, r := range s.s {
			if !in(r) {
				return Bool(false)
			}
		}
		return Bool(s.s != "")
	})
}

func stripper(name string, left, right bool) method {
	return func(x *interp, recv Value, a *args) (Value, error) {
		p, err := a.bind(name, "chars?")
		if err != nil {
			return nil, err
		}
		return x.strip(recv.(*Str), p[0], left, right)
	}
}

// strip removes white space, or the characters of the string chars, from the
// ends of s.
func (x *interp) strip(s *Str, chars Value, left, right bool) (Value, error) {
	drop := isSpace
	if !absent(chars) {
		set, err := strArg(chars, "")
		if err != nil {
			return nil, err
		}
		drop = func(r rune) bool { return strings.ContainsRune(set.s, r) }
		if err := x.work(len(s.s) * (1 + len(set.s)/16)); err != nil {
			return nil, err
		}
	}
	lo, hi := 0, len(s.s)
	if left {
		lo = hi - len(strings.TrimLeftFunc(s.s, drop))
	}
	if right {
		hi = lo + len(strings.TrimRightFunc(s.s[lo:], drop))
	}
	return s.sub(lo, hi), x.work(len(s.s))
}

// window reads the optional start and end arguments of the search methods and
// returns the part of s they select; ok is false when start is behind the end.
func (s *Str) window(start, end Value) (lo, hi int, ok bool, err error) {
	if start == nil && end == nil {
		return 0, len(s.s), true, nil
	}
	n := s.runes()
	clip := func(v Value, def int) (int, error) {
		i, err := intArg(v, def)
		if i < 0 {
			i = max(i+n, 0)
		}
		return i, err
	}
	from, err := clip(start, 0)
	if err != nil {
		return 0, 0, false, err
	}
	to, err := clip(end, n)
	if err != nil {
		return 0, 0, false, err
	}
	to = min(to, n)
	if from > to {
		return 0, 0, false, nil
	}
	return s.offset(from), s.offset(to), true, nil
}

func affix(name string, has func(s, affix string) bool) method {
	return func(x *interp, recv Value, a *args) (Value, error) {
		p, err := a.bind(name, "prefix", "start?", "end?")
		if err != nil {
			return nil, err
		}
		s := recv.(*Str)
		lo, hi, ok, err := s.window(p[1], p[2])
		if err != nil || !ok {
			return Bool(false), err
		}
		choices := []Value{p[0]}
		if t, ok := p[0].(*Tuple); ok {
			choices = t.items
		}
		for _, c := range choices {
			c, err := strArg(c, "")
			if err != nil {
				return nil, err
			}
			if err := x.work(len(c.s)); err != nil {
				return nil, err
			}
			if has(s.s[lo:hi], c.s) {
				return Bool(true), nil
			}
		}
		return Bool(false), nil
	}
}

func find(name string, index func(s, sub string) int, must bool) method {
	return func(x *interp, recv Value, a *args) (Value, error) {
		p, err := a.bind(name, "sub", "start?", "end?")
		if err != nil {
			return nil, err
		}
		s := recv.(*Str)
		sub, err := strArg(p[0], "")
		if err != nil {
			return nil, err
		}
		if err := x.work(2 * len(s.s)); err != nil {
			return nil, err
		}
		at := -1
		lo, hi, ok, err := s.window(p[1], p[2])
		if err != nil {
			return nil, err
		}
		if ok {
			at = index(s.s[lo:hi], sub.s)
		}
		if at < 0 {
			if must {
				return nil, errors.New("substring not found")
			}
			return Int(-1), nil
		}
		return Int(utf8.RuneCountInString(s.s[:lo+at])), nil
	}
}

func strCount(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("count", "sub", "start?", "end?")
	if err != nil {
		return nil, err
	}
	s := recv.(*Str)
	sub, err := strArg(p[0], "")
	if err != nil {
		return nil, err
	}
	lo, hi, ok, err := s.window(p[1], p[2])
	if err != nil || !ok {
		return Int(0), err
	}
	return Int(strings.Count(s.s[lo:hi], sub.s)), x.work(2 * len(s.s))
}

func strReplace(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("replace", "old", "new", "count?")
	if err != nil {
		return nil, err
	}
	old, err := strArg(p[0], "")
	if err != nil {
		return nil, err
	}
	with, err := strArg(p[1], "")
	if err != nil {
		return nil, err
	}
	count, err := intArg(p[2], -1)
	if err != nil {
		return nil, err
	}
	return x.replace(recv.(*Str), old, with, count)
}

// replace replaces the first count occurrences of old, or all if count is
// negative. What it inserts keeps the marks of with.
func (x *interp) replace(s, old, with *Str, count int) (*Str, error) {
	if s.html && !with.html {
		with = x.escapeHTML(with)
	}
	if err := x.work(len(s.s)); err != nil {
		return nil, err
	}
	b := x.newBuilder()
	at := 0
	for ; count != 0 && x.failed == nil; count-- {
		i := len(s.s) - at
		if old.s != "" {
			i = strings.Index(s.s[at:], old.s)
		} else if i > 0 { // an empty old is found before every character
			_, i = utf8.DecodeRuneInString(s.s[at:])
		}
		if i < 0 {
			break
		}
		if old.s == "" {
			b.addStr(with)
			b.addSub(s, at, at+i)
		} else {
			b.addSub(s, at, at+i)
			b.addStr(with)
		}
		at += i + len(old.s)
		x.steps++
		if old.s == "" && i == 0 {
			break // the end was the last match
		}
	}
	b.addSub(s, at, len(s.s))
	r := b.str()
	r.html = s.html
	return r, x.step()
}

func strRemovePrefix(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("removeprefix", "prefix")
	if err != nil {
		return nil, err
	}
	s := recv.(*Str)
	prefix, err := strArg(p[0], "")
	if err != nil || !strings.HasPrefix(s.s, prefix.s) {
		return s, err
	}
	return s.sub(len(prefix.s), len(s.s)), x.work(len(s.s))
}

func strRemoveSuffix(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("removesuffix", "suffix")
	if err != nil {
		return nil, err
	}
	s := recv.(*Str)
	suffix, err := strArg(p[0], "")
	if err != nil || !strings.HasSuffix(s.s, suffix.s) {
		return s, err
	}
	return s.sub(0, len(s.s)-len(suffix.s)), x.work(len(s.s))
}

// strJoin is sep.join(items); unlike the filter it takes strings only.
func strJoin(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("join", "iterable")
	if err != nil {
		return nil, err
	}
	items, err := x.iterate(p[0])
	if err != nil {
		return nil, err
	}
	sep := recv.(*Str)
	b := x.newBuilder()
	for i, item := range items {
		s, ok := item.(*Str)
		if !ok {
			return nil, fmt.Errorf("sequence item %d: expected str instance, %s found", i, item.typeName())
		}
		if i > 0 {
			b.addStr(sep)
		}
		b.addStr(s)
		if err := x.step(); err != nil {
			return nil, err
		}
	}
	return b.str(), nil
}

// pad makes the methods that fill a string up to a width.
func pad(name string) method {
	return func(x *interp, recv Value, a *args) (Value, error) {
		p, err := a.bind(name, "width", "fillchar?")
		if err != nil {
			return nil, err
		}
		width, err := intArg(p[0], 0)
		if err != nil {
			return nil, err
		}
		fill, err := strArg(p[1], " ")
		if err != nil {
			return nil, err
		}
		if fill.runes() != 1 {
			return nil, errors.New("the fill character must be exactly one character long")
		}
		return x.pad(recv.(*Str), name, width, fill)
	}
}

func (x *interp) pad(s *Str, name string, width int, fill *Str) (Value, error) {
	n := width - s.runes()
	if n <= 0 {
		return s, nil
	}
	left := 0
	switch name {
	case "rjust":
		left = n
	case "zfill":
		left, fill = n, Text("0")
	case "center":
		left = n/2 + (n & width & 1)
	}
	before, err := x.repeatStr(fill, int64(left))
	if err != nil {
		return nil, err
	}
	after, err := x.repeatStr(fill, int64(n-left))
	if err != nil {
		return nil, err
	}
	b := x.newBuilder()
	if name == "zfill" && s.s != "" && (s.s[0] == '+' || s.s[0] == '-') {
		b.addSub(s, 0, 1)
		s = s.sub(1, len(s.s))
	}
	b.addStr(before)
	b.addStr(s)
	b.addStr(after)
	return b.str(), nil
}
