package jinja

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

var errOverflow = errors.New("integer overflow: results beyond 64 bits are not supported")

// asInt returns the integer value of an Int or Bool.
func asInt(v Value) int64 {
	switch v := v.(type) {
	case Int:
		return int64(v)
	case Bool:
		if v {
			return 1
		}
	}
	return 0
}

// number splits a numeric value; isInt says which of i and f holds it.
func number(v Value) (i int64, f float64, isInt, ok bool) {
	switch v := v.(type) {
	case Int:
		return int64(v), float64(v), true, true
	case Bool:
		i := asInt(v)
		return i, float64(i), true, true
	case Float:
		return 0, float64(v), false, true
	}
	return 0, 0, false, false
}

// formatFloat is Python's repr of a float: the shortest digits that read back
// as the same value.
func formatFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	case f == 0:
		if math.Signbit(f) {
			return "-0.0"
		}
		return "0.0"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	exp, err := strconv.Atoi(s[strings.IndexByte(s, 'e')+1:])
	if err != nil || exp < -4 || exp >= 16 {
		return s
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.ContainsRune(s, '.') {
		s += ".0"
	}
	return s
}

// maxNumberText is the length from which on text is no number, as Python has
// it for integers.
const maxNumberText = 4300

// parseInt is Python's int(s, base) for base 0 and 2 to 36.
func parseInt(s string, base int) (int64, error) {
	if len(s) > maxNumberText {
		return 0, errors.New("text too long for a number")
	}
	t := strings.TrimFunc(s, isSpace)
	neg := strings.HasPrefix(t, "-")
	if neg || strings.HasPrefix(t, "+") {
		t = t[1:]
	}
	if len(t) > 2 && t[0] == '0' {
		for _, p := range []struct {
			letter byte
			base   int
		}{{'x', 16}, {'o', 8}, {'b', 2}} {
			if t[1]|0x20 == p.letter && (base == p.base || base == 0) {
				t, base = strings.TrimPrefix(t[2:], "_"), p.base
				break
			}
		}
	}
	if base == 0 {
		base = 10
	}
	bad := t == "" || t[0] == '_' || t[0] == '-' || t[0] == '+' ||
		strings.HasSuffix(t, "_") || strings.Contains(t, "__")
	n, err := strconv.ParseInt(strings.ReplaceAll(t, "_", ""), base, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, errOverflow
	}
	if bad || err != nil {
		return 0, fmt.Errorf("invalid literal for int() with base %d", base)
	}
	if neg {
		n = -n
	}
	return n, nil
}

// parseFloat is Python's float(s).
func parseFloat(s string) (float64, error) {
	if len(s) > maxNumberText {
		return 0, errors.New("text too long for a number")
	}
	t := strings.TrimFunc(s, isSpace)
	bad := strings.ContainsAny(t, "xXpP") || strings.HasPrefix(t, "_") || strings.HasSuffix(t, "_") ||
		strings.Contains(t, "__")
	f, err := strconv.ParseFloat(strings.ReplaceAll(t, "_", ""), 64)
	if bad || err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("could not convert string to float")
	}
	return f, nil
}

// toInt is Python's int(v).
func toInt(v Value) (int64, error) {
	switch v := v.(type) {
	case Int, Bool:
		return asInt(v), nil
	case Float:
		f := math.Trunc(float64(v))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return 0, errors.New("cannot convert float infinity or NaN to integer")
		}
		if f < -1<<63 || f >= 1<<63 {
			return 0, errOverflow
		}
		return int64(f), nil
	case *Str:
		return parseInt(v.s, 10)
	case *Undefined:
		return 0, v.err()
	}
	return 0, fmt.Errorf("int() argument must be a string or a number, not '%s'", v.typeName())
}

// toFloat is Python's float(v).
func toFloat(v Value) (float64, error) {
	if _, f, _, ok := number(v); ok {
		return f, nil
	}
	switch v := v.(type) {
	case *Str:
		return parseFloat(v.s)
	case *BigInt:
		return parseFloat(v.digits)
	case *Undefined:
		return 0, v.err()
	}
	return 0, fmt.Errorf("float() argument must be a string or a number, not '%s'", v.typeName())
}

// sign is unary plus or minus.
func sign(v Value, neg bool) (Value, error) {
	if u, ok := v.(*Undefined); ok {
		return nil, u.err()
	}
	i, f, isInt, ok := number(v)
	switch {
	case !ok:
		return nil, fmt.Errorf("bad operand type for unary sign: '%s'", v.typeName())
	case isInt && neg && i == math.MinInt64:
		return nil, errOverflow
	case isInt && neg:
		return Int(-i), nil
	case isInt:
		return Int(i), nil
	case neg:
		return Float(-f), nil
	}
	return Float(f), nil
}
