package jinja

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonStyle is how tojson writes: the arguments of Python's json.dumps.
type jsonStyle struct {
	ascii     bool   // escape everything beyond ASCII
	pretty    bool   // put every item on a line of its own
	indent    string // one level of indentation
	item, key string // separators
	sortKeys  bool
}

// dumpJSON appends v as JSON.
func (x *interp) dumpJSON(b *builder, v Value, st *jsonStyle, nest int) error {
	if nest > maxDataNest {
		return limitf("values nest deeper than %d", maxDataNest)
	}
	if err := x.step(); err != nil {
		return err
	}
	switch v := v.(type) {
	case *Str:
		dumpString(b, v, st.ascii)
	case None:
		b.add("null", false)
	case Bool, Int, Float, *BigInt:
		b.add(jsonScalar(v), false)
	case *List:
		return x.dumpItems(b, v.items, st, nest)
	case *Tuple:
		return x.dumpItems(b, v.items, st, nest)
	case *gen:
		return x.dumpItems(b, v.take(), st, nest)
	case *view:
		return x.dumpItems(b, v.items(), st, nest)
	case *Dict:
		return x.dumpDict(b, v, st, nest)
	case *Undefined:
		return v.err()
	default:
		return fmt.Errorf("object of type %s is not JSON serializable", v.typeName())
	}
	return nil
}

func jsonScalar(v Value) string {
	switch v := v.(type) {
	case Bool:
		if v {
			return "true"
		}
		return "false"
	case Float:
		switch f := float64(v); {
		case math.IsInf(f, 1):
			return "Infinity"
		case math.IsInf(f, -1):
			return "-Infinity"
		case math.IsNaN(f):
			return "NaN"
		}
	}
	return plainRepr(v)
}

// newline starts an item on its own line when the style is pretty.
func (st *jsonStyle) newline(b *builder, nest int) {
	if st.pretty {
		b.add("\n", false)
		for range nest {
			b.add(st.indent, false)
		}
	}
}

func (x *interp) dumpItems(b *builder, items []Value, st *jsonStyle, nest int) error {
	if len(items) == 0 {
		b.add("[]", false)
		return nil
	}
	b.add("[", false)
	for i, item := range items {
		if i > 0 {
			b.add(st.item, false)
		}
		st.newline(b, nest+1)
		if err := x.dumpJSON(b, item, st, nest+1); err != nil {
			return err
		}
	}
	st.newline(b, nest)
	b.add("]", false)
	return nil
}

func (x *interp) dumpDict(b *builder, d *Dict, st *jsonStyle, nest int) error {
	if d.Len() == 0 {
		b.add("{}", false)
		return nil
	}
	keys, vals := d.keys, d.vals
	if st.sortKeys {
		var err error
		if keys, err = x.sorted(d.keys, d.keys, false); err != nil {
			return err
		}
		if vals, err = x.sorted(d.vals, d.keys, false); err != nil {
			return err
		}
	}
	b.add("{", false)
	for i, k := range keys {
		if i > 0 {
			b.add(st.item, false)
		}
		st.newline(b, nest+1)
		switch k := k.(type) {
		case *Str:
			dumpString(b, k, st.ascii)
		case None, Bool, Int, Float, *BigInt:
			name := "null"
			if _, none := k.(None); !none {
				name = jsonScalar(k)
			}
			b.add(`"`+name+`"`, false)
		default:
			return fmt.Errorf("keys must be str, int, float, bool or None, not %s", k.typeName())
		}
		b.add(st.key, false)
		if err := x.dumpJSON(b, vals[i], st, nest+1); err != nil {
			return err
		}
	}
	st.newline(b, nest)
	b.add("}", false)
	return nil
}

// dumpString appends a JSON string. The quotes are of template origin, what is
// between them keeps its marks.
func dumpString(b *builder, s *Str, ascii bool) {
	b.add(`"`, false)
	eachSpan(s, func(text string, in bool) {
		from := 0
		for at := 0; at < len(text); {
			r, w := utf8.DecodeRuneInString(text[at:])
			if esc := jsonEscape(r, ascii); esc != "" {
				b.add(text[from:at], in)
				b.add(esc, in)
				from = at + w
			}
			at += w
		}
		b.add(text[from:], in)
	})
	b.add(`"`, false)
}

// jsonEscape returns the escape of a character in a JSON string, or "" for one
// that stands for itself.
func jsonEscape(r rune, ascii bool) string {
	if i := strings.IndexRune("\"\\\n\r\t\f\b", r); i >= 0 {
		return `\` + `"\nrtfb`[i:i+1]
	}
	switch {
	case r < 0x20:
		return fmt.Sprintf(`\u%04x`, r)
	case !ascii || r < 0x7f:
		return ""
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	hi, lo := utf16.EncodeRune(r)
	return fmt.Sprintf(`\u%04x\u%04x`, hi, lo)
}

// filterToJSON is tojson as chat libraries define it.
func filterToJSON(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("tojson", "ensure_ascii?", "indent?", "separators?", "sort_keys?")
	if err != nil {
		return nil, err
	}
	st := &jsonStyle{
		ascii: boolArg(p[0]), sortKeys: boolArg(p[3]),
		item: ", ", key: ": ",
	}
	switch indent := p[1].(type) {
	case nil, None:
	case *Str:
		st.pretty, st.indent = true, indent.s
	default:
		n, err := intArg(indent, 0)
		if err != nil {
			return nil, err
		}
		st.pretty, st.indent = true, strings.Repeat(" ", min(max(n, 0), 256))
	}
	if st.pretty {
		st.item = ","
	}
	if err := st.separators(x, p[2]); err != nil {
		return nil, err
	}
	b := x.newBuilder()
	if err := x.dumpJSON(b, v, st, 0); err != nil {
		return nil, err
	}
	return b.str(), nil
}

func (st *jsonStyle) separators(x *interp, v Value) error {
	if absent(v) {
		return nil
	}
	items, err := x.iterate(v)
	if err != nil {
		return err
	}
	if len(items) != 2 || slices.ContainsFunc(items, func(v Value) bool { _, ok := v.(*Str); return !ok }) {
		return fmt.Errorf("separators must be two strings")
	}
	st.item, st.key = items[0].(*Str).s, items[1].(*Str).s
	return nil
}
