package jinja

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// print appends what {{ v }} puts out: Python's str(v).
func (x *interp) print(b *builder, v Value) error {
	switch v := v.(type) {
	case *Str:
		b.addStr(v)
	case *Undefined:
	default:
		return x.repr(b, v, 0)
	}
	return x.failed
}

// str is Python's str(v) as a value.
func (x *interp) str(v Value) (*Str, error) {
	if s, ok := v.(*Str); ok {
		return s, nil
	}
	b := x.newBuilder()
	err := x.print(b, v)
	return b.str(), err
}

// repr appends Python's repr(v).
func (x *interp) repr(b *builder, v Value, nest int) error {
	if nest > maxDataNest {
		return limitf("values nest deeper than %d", maxDataNest)
	}
	if err := x.step(); err != nil {
		return err
	}
	switch v := v.(type) {
	case *Str:
		reprStr(b, v)
	case *Undefined:
		b.add("Undefined", false)
	case *List:
		return x.reprItems(b, "[", v.items, "]", nest)
	case *Tuple:
		end := ")"
		if len(v.items) == 1 {
			end = ",)"
		}
		return x.reprItems(b, "(", v.items, end, nest)
	case *Dict:
		return x.reprDict(b, v, nest)
	case *view:
		b.add(v.kind+"(", false)
		err := x.reprItems(b, "[", v.items(), "]", nest)
		b.add(")", false)
		return err
	case *namespace:
		b.add("<Namespace ", false)
		err := x.reprDict(b, v.d, nest)
		b.add(">", false)
		return err
	default:
		b.add(plainRepr(v), false)
	}
	return nil
}

// plainRepr is the repr of values that hold no others.
func plainRepr(v Value) string {
	switch v := v.(type) {
	case None:
		return "None"
	case Bool:
		if v {
			return "True"
		}
		return "False"
	case Int:
		return strconv.FormatInt(int64(v), 10)
	case Float:
		return formatFloat(float64(v))
	case *BigInt:
		return v.digits
	case *rangeVal:
		if v.step == 1 {
			return fmt.Sprintf("range(%d, %d)", v.start, v.stop)
		}
		return fmt.Sprintf("range(%d, %d, %d)", v.start, v.stop, v.step)
	case *macroVal:
		return fmt.Sprintf("<Macro '%s'>", v.def.name)
	case *function:
		return fmt.Sprintf("<function %s>", v.name)
	}
	return fmt.Sprintf("<%s object>", v.typeName())
}

func (x *interp) reprItems(b *builder, open string, items []Value, end string, nest int) error {
	b.add(open, false)
	for i, item := range items {
		if i > 0 {
			b.add(", ", false)
		}
		if err := x.repr(b, item, nest+1); err != nil {
			return err
		}
	}
	b.add(end, false)
	return nil
}

func (x *interp) reprDict(b *builder, d *Dict, nest int) error {
	b.add("{", false)
	for i, k := range d.keys {
		if i > 0 {
			b.add(", ", false)
		}
		if err := x.repr(b, k, nest+1); err != nil {
			return err
		}
		b.add(": ", false)
		if err := x.repr(b, d.vals[i], nest+1); err != nil {
			return err
		}
	}
	b.add("}", false)
	return nil
}

// reprStr appends a string as a Python literal: in single quotes unless it
// holds those and no double quotes.
func reprStr(b *builder, s *Str) {
	quote := byte('\'')
	single, double := false, false
	for i := range len(s.s) {
		single = single || s.s[i] == '\''
		double = double || s.s[i] == '"'
	}
	if single && !double {
		quote = '"'
	}
	q := string(quote)
	if s.html {
		b.add("Markup(", false)
	}
	b.add(q, false)
	eachSpan(s, func(text string, in bool) {
		from := 0
		for at := 0; at < len(text); {
			r, w := utf8.DecodeRuneInString(text[at:])
			if esc := reprEscape(r, quote); esc != "" {
				b.add(text[from:at], in)
				b.add(esc, in)
				from = at + w
			}
			at += w
		}
		b.add(text[from:], in)
	})
	b.add(q, false)
	if s.html {
		b.add(")", false)
	}
}

// reprEscape returns the escape of a character in a Python string literal, or
// "" for one that stands for itself.
func reprEscape(r rune, quote byte) string {
	switch {
	case r == rune(quote) || r == '\\':
		return `\` + string(r)
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r == utf8.RuneError || unicode.IsPrint(r):
		return ""
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
