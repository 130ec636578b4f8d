package jinja

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fieldSpec is how one value of a format string is laid out.
type fieldSpec struct {
	fill      string
	align     byte // '<', '>', '^', '=' or 0
	sign      byte // '+', ' ' or 0
	alt, zero bool
	comma     bool
	width     int
	precision int // -1 when not given
	verb      byte
}

// maxFieldWidth bounds width and precision of a field.
const maxFieldWidth = 10_000

// percent is s % args: printf-style formatting. Marks of the format and of
// string arguments are kept.
func (x *interp) percent(s *Str, v Value) (Value, error) {
	if err := x.work(len(s.s)); err != nil {
		return nil, err
	}
	args := []Value{v}
	if t, ok := v.(*Tuple); ok {
		args = t.items
	}
	dict, _ := v.(*Dict)
	b := x.newBuilder()
	at, used := 0, 0
	for {
		i := strings.IndexByte(s.s[at:], '%')
		if i < 0 {
			break
		}
		b.addSub(s, at, at+i)
		f, key, n, err := parsePercent(s.s[at+i+1:])
		if err != nil {
			return nil, err
		}
		at += i + 1 + n
		if f.verb == '%' {
			b.add("%", false)
			continue
		}
		if key != "" {
			used = 0
			args, err = percentKey(dict, key[1:])
		} else if used >= len(args) {
			err = errors.New("not enough arguments for format string")
		}
		if err != nil {
			return nil, err
		}
		arg := args[used]
		used++
		if err := x.formatField(b, arg, f, true); err != nil {
			return nil, err
		}
		if err := x.step(); err != nil {
			return nil, err
		}
	}
	b.addSub(s, at, len(s.s))
	if used < len(args) && dict == nil {
		return nil, errors.New("not all arguments converted during string formatting")
	}
	r := b.str()
	r.html = s.html
	return r, nil
}

// percentKey returns the argument of a conversion with a key, in the form of
// a list.
func percentKey(d *Dict, key string) ([]Value, error) {
	if d == nil {
		return nil, errors.New("format requires a mapping")
	}
	v, ok := d.Get(key)
	if !ok {
		return nil, fmt.Errorf("format key %q not found", key)
	}
	return []Value{v}, nil
}

// parsePercent reads a conversion behind its % sign and returns it with the
// key in "(key" form and the number of bytes read.
func parsePercent(s string) (f fieldSpec, key string, n int, err error) {
	f.precision = -1
	if strings.HasPrefix(s, "(") {
		end := strings.IndexByte(s, ')')
		if end < 0 {
			return f, "", 0, errors.New("incomplete format key")
		}
		key, n = s[:end], end+1
	}
flags:
	for ; n < len(s); n++ {
		switch s[n] {
		case '-':
			f.align = '<'
		case '+', ' ':
			f.sign = s[n]
		case '#':
			f.alt = true
		case '0':
			f.zero = true
		default:
			break flags
		}
	}
	if f.width, n, err = fieldNumber(s, n, 0); err != nil {
		return f, "", 0, err
	}
	if n < len(s) && s[n] == '.' {
		if f.precision, n, err = fieldNumber(s, n+1, 0); err != nil {
			return f, "", 0, err
		}
	}
	if n >= len(s) {
		return f, "", 0, errors.New("incomplete format")
	}
	f.verb = s[n]
	if !strings.ContainsRune("%sradiuxXoeEfFgGc", rune(f.verb)) {
		return f, "", 0, fmt.Errorf("unsupported format character %q", f.verb)
	}
	return f, key, n + 1, nil
}

// fieldNumber reads decimal digits at offset i.
func fieldNumber(s string, i, def int) (v, next int, err error) {
	start := i
	for i < len(s) && decimal(s[i]) {
		i++
	}
	if i == start {
		return def, i, nil
	}
	v, err = strconv.Atoi(s[start:i])
	if err != nil || v > maxFieldWidth {
		return 0, 0, limitf("format width or precision above %d", maxFieldWidth)
	}
	return v, i, nil
}

// formatField appends one value. With printf set the rules are those of the %
// operator, else those of str.format.
func (x *interp) formatField(b *builder, v Value, f fieldSpec, printf bool) error {
	var text *Str
	var err error
	numeric := true
	switch {
	case f.verb == 's' || f.verb == 0 && !isNumber(v):
		text, err = x.str(v)
		numeric = false
	case f.verb == 'r' || f.verb == 'a':
		rb := x.newBuilder()
		err = x.repr(rb, v, 0)
		text, numeric = rb.str(), false
	case f.verb == 'c':
		text, err = charField(v)
		numeric = false
	default:
		text, err = numberField(v, f, printf)
	}
	if err != nil {
		return err
	}
	if !numeric && f.precision >= 0 && f.precision < text.runes() {
		text = text.sub(0, text.offset(f.precision))
	}
	x.padField(b, text, f, numeric, printf)
	return nil
}

func isNumber(v Value) bool {
	_, _, _, ok := number(v)
	_, isBool := v.(Bool)
	return ok && !isBool
}

func charField(v Value) (*Str, error) {
	if s, ok := v.(*Str); ok && s.runes() == 1 {
		return s, nil
	}
	if n, ok := v.(Int); ok && n >= 0 && n <= utf8.MaxRune {
		return Text(string(rune(n))), nil
	}
	return nil, errors.New("%c requires int or char")
}

// numberField lays out a number without padding.
func numberField(v Value, f fieldSpec, printf bool) (*Str, error) {
	i, fl, isInt, ok := number(v)
	if !ok {
		return nil, fmt.Errorf("format %%%c: a number is required, not %s", f.verb, v.typeName())
	}
	var s string
	switch verb := f.verb; verb {
	case 'd', 'i', 'u', 'x', 'X', 'o', 'b':
		if !isInt {
			if !printf || verb == 'x' || verb == 'X' || verb == 'o' {
				return nil, fmt.Errorf("format %%%c: an integer is required, not float", verb)
			}
			n, err := toInt(v)
			if err != nil {
				return nil, err
			}
			i = n
		}
		s = intDigits(i, verb, f.alt)
	case 0:
		switch {
		case isInt:
			s = intDigits(i, 'd', false)
		case f.precision >= 0:
			s = floatDigits(fl, 'g', f.precision)
		default:
			s = formatFloat(fl)
		}
	case 'e', 'E', 'f', 'F', 'g', 'G', '%':
		p := f.precision
		if p < 0 {
			p = 6
		}
		if verb == '%' {
			s = floatDigits(fl*100, 'f', p) + "%"
		} else {
			s = floatDigits(fl, verb, p)
		}
	default:
		return nil, fmt.Errorf("unknown format code %q for a number", verb)
	}
	if f.comma {
		s = groupThousands(s)
	}
	if f.sign != 0 && !strings.HasPrefix(s, "-") {
		s = string(f.sign) + s
	}
	return Text(s), nil
}

func intDigits(i int64, verb byte, alt bool) string {
	base, prefix := 10, ""
	switch verb {
	case 'x', 'X':
		base, prefix = 16, "0x"
	case 'o':
		base, prefix = 8, "0o"
	case 'b':
		base, prefix = 2, "0b"
	}
	s := strconv.FormatInt(i, base)
	if alt {
		digits, neg := strings.CutPrefix(s, "-")
		s = prefix + digits
		if neg {
			s = "-" + s
		}
	}
	if verb == 'X' {
		s = strings.ToUpper(s)
	}
	return s
}

func floatDigits(f float64, verb byte, precision int) string {
	up := verb == 'E' || verb == 'F' || verb == 'G'
	var s string
	switch {
	case math.IsInf(f, 0) || math.IsNaN(f):
		s = formatFloat(f)
	case verb|0x20 == 'g':
		s = strconv.FormatFloat(f, 'e', max(precision, 1)-1, 64)
		e := strings.IndexByte(s, 'e')
		exp, _ := strconv.Atoi(s[e+1:]) // FormatFloat wrote it
		if exp >= -4 && exp < max(precision, 1) {
			s = trimZeros(strconv.FormatFloat(f, 'f', max(precision, 1)-1-exp, 64))
		} else {
			s = trimZeros(s[:e]) + s[e:]
		}
	default:
		s = strconv.FormatFloat(f, verb|0x20, precision, 64)
	}
	if up {
		s = strings.ToUpper(s)
	}
	return s
}

func trimZeros(s string) string {
	if strings.ContainsRune(s, '.') {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// groupThousands puts commas into the integer part of a number.
func groupThousands(s string) string {
	end := strings.IndexAny(s, ".e%")
	if end < 0 {
		end = len(s)
	}
	var b strings.Builder
	for i := range end {
		if i > 0 && (end-i)%3 == 0 && s[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteByte(s[i])
	}
	return b.String() + s[end:]
}

// padField fills a field up to its width.
func (x *interp) padField(b *builder, text *Str, f fieldSpec, numeric, printf bool) {
	n := f.width - text.runes()
	align, fill := f.align, f.fill
	if align == 0 {
		align = '<'
		if numeric || printf {
			align = '>'
		}
		if f.zero && (numeric || !printf) {
			align = '='
		}
	}
	if fill == "" {
		fill = " "
		if f.zero && numeric && (f.align != '<' || !printf) {
			fill = "0"
		}
	}
	if align == '=' {
		signs := len(text.s) - len(strings.TrimLeft(text.s, "+- "))
		b.addSub(text, 0, signs)
		text = text.sub(signs, len(text.s))
	}
	left := 0
	switch n = max(n, 0); align {
	case '>', '=':
		left = n
	case '^':
		left = n / 2
	}
	b.add(strings.Repeat(fill, left), false)
	b.addStr(text)
	b.add(strings.Repeat(fill, n-left), false)
}
