package jinja

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// strFormat is the method format. Fields may be numbered, named or empty and
// may index into lists and dicts; attributes of values are refused.
func strFormat(x *interp, recv Value, a *args) (Value, error) {
	s := recv.(*Str)
	if err := x.work(len(s.s)); err != nil {
		return nil, err
	}
	f := &formatter{x: x, a: a, b: x.newBuilder()}
	at := 0
	for at < len(s.s) {
		i := strings.IndexAny(s.s[at:], "{}")
		if i < 0 {
			break
		}
		f.b.addSub(s, at, at+i)
		at += i
		if strings.HasPrefix(s.s[at:], "{{") || strings.HasPrefix(s.s[at:], "}}") {
			f.b.addSub(s, at, at+1)
			at += 2
			continue
		}
		if s.s[at] == '}' {
			return nil, errors.New("single '}' in format string")
		}
		end := strings.IndexByte(s.s[at:], '}')
		if end < 0 {
			return nil, errors.New("expected '}' before end of format string")
		}
		if err := f.field(s.s[at+1 : at+end]); err != nil {
			return nil, err
		}
		at += end + 1
	}
	f.b.addSub(s, at, len(s.s))
	r := f.b.str()
	r.html = s.html
	return r, x.step()
}

type formatter struct {
	x      *interp
	a      *args
	b      *builder
	next   int  // number of the next empty field
	manual bool // a numbered field was seen
}

// field appends one replacement field, given without its braces.
func (f *formatter) field(src string) error {
	if err := f.x.step(); err != nil {
		return err
	}
	if strings.ContainsRune(src, '{') {
		return errors.New("nested fields in a format string are not supported")
	}
	name, spec, _ := strings.Cut(src, ":")
	name, conv, hasConv := strings.Cut(name, "!")
	v, err := f.value(name)
	if err != nil {
		return err
	}
	if hasConv {
		if v, err = f.convert(v, conv); err != nil {
			return err
		}
	}
	fs, err := parseSpec(spec)
	if err != nil {
		return err
	}
	if _, isBool := v.(Bool); isBool && spec != "" {
		v = Int(asInt(v))
	}
	if _, isStr := v.(*Str); !isStr && !isNumber(v) && spec != "" {
		return fmt.Errorf("unsupported format string for '%s'", v.typeName())
	}
	return f.x.formatField(f.b, v, fs, false)
}

func (f *formatter) convert(v Value, conv string) (Value, error) {
	switch conv {
	case "s":
		return f.x.str(v)
	case "r", "a":
		b := f.x.newBuilder()
		err := f.x.repr(b, v, 0)
		return b.str(), err
	}
	return nil, fmt.Errorf("unknown conversion %q in format string", conv)
}

// value looks up the argument that a field names, such as "", 0, name or
// name[key].
func (f *formatter) value(name string) (Value, error) {
	first := name
	if i := strings.IndexAny(name, ".["); i >= 0 {
		first = name[:i]
	}
	var v Value
	n, err := strconv.Atoi(first)
	switch {
	case first == "" || err == nil:
		if first == "" {
			n = f.next
			f.next++
		} else {
			f.manual = true
		}
		if f.manual && f.next > 0 {
			return nil, errors.New("cannot mix numbered and empty format fields")
		}
		if n < 0 || n >= len(f.a.pos) {
			return nil, fmt.Errorf("replacement index %d out of range for positional args", n)
		}
		v = f.a.pos[n]
	default:
		var ok bool
		if v, ok = f.a.keyword(first); !ok {
			return nil, fmt.Errorf("no format argument %q", first)
		}
	}
	for rest := name[len(first):]; rest != ""; {
		end := strings.IndexByte(rest, ']')
		if rest[0] != '[' || end < 0 {
			return nil, fmt.Errorf("format field %q: only [index] is supported behind a name", name)
		}
		var key Value = Text(rest[1:end])
		if n, err := strconv.Atoi(rest[1:end]); err == nil {
			key = Int(n)
		}
		if v, err = f.x.item(v, key); err != nil {
			return nil, err
		}
		if v == nil {
			return nil, fmt.Errorf("format field %q: no such item", name)
		}
		rest = rest[end+1:]
	}
	return v, nil
}

// parseSpec reads [[fill]align][sign][#][0][width][,][.precision][type].
func parseSpec(s string) (fieldSpec, error) {
	f := fieldSpec{precision: -1}
	isAlign := func(c byte) bool { return c == '<' || c == '>' || c == '^' || c == '=' }
	if _, w := utf8.DecodeRuneInString(s); len(s) > w && w > 0 && isAlign(s[w]) {
		f.fill, f.align, s = s[:w], s[w], s[w+1:]
	} else if s != "" && isAlign(s[0]) {
		f.align, s = s[0], s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		if s[0] != '-' {
			f.sign = s[0]
		}
		s = s[1:]
	}
	s, f.alt = strings.CutPrefix(s, "#")
	s, f.zero = strings.CutPrefix(s, "0")
	var n int
	var err error
	if f.width, n, err = fieldNumber(s, 0, 0); err != nil {
		return f, err
	}
	s, f.comma = strings.CutPrefix(s[n:], ",")
	if strings.HasPrefix(s, ".") {
		if f.precision, n, err = fieldNumber(s, 1, -1); err != nil {
			return f, err
		}
		if n == 1 {
			return f, errors.New("format specifier is missing its precision")
		}
		s = s[n:]
	}
	if len(s) > 1 {
		return f, errors.New("invalid format specifier")
	}
	if s != "" {
		f.verb = s[0]
	}
	return f, nil
}
