package jinja

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

func filterAbs(_ *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("abs"); err != nil {
		return nil, err
	}
	if u, ok := v.(*Undefined); ok {
		return nil, u.err()
	}
	i, f, isInt, ok := number(v)
	switch {
	case !ok:
		return nil, fmt.Errorf("bad operand type for abs(): '%s'", v.typeName())
	case !isInt:
		return Float(math.Abs(f)), nil
	case i == math.MinInt64:
		return nil, errOverflow
	case i < 0:
		return Int(-i), nil
	}
	return Int(i), nil
}

// readNumber accounts for parsing a number from text.
func (x *interp) readNumber(v Value) error {
	if s, ok := v.(*Str); ok {
		return x.work(64 * min(len(s.s), maxNumberText))
	}
	return nil
}

func filterInt(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("int", "default?", "base?")
	if err != nil {
		return nil, err
	}
	base, err := intArg(p[1], 10)
	if err != nil {
		return nil, err
	}
	if base != 0 && (base < 2 || base > 36) {
		return nil, errors.New("base must be 0 or 2 to 36")
	}
	if err := x.readNumber(v); err != nil {
		return nil, err
	}
	var n int64
	if s, ok := v.(*Str); ok {
		n, err = parseInt(s.s, base)
	} else {
		n, err = toInt(v)
	}
	if errors.Is(err, errOverflow) || errors.Is(err, ErrUndefined) {
		return nil, err
	}
	if err == nil {
		return Int(n), nil
	}
	if f, err := toFloat(v); err == nil {
		if n, err := toInt(Float(f)); err == nil {
			return Int(n), nil
		}
	}
	if p[0] == nil {
		return Int(0), nil
	}
	return p[0], nil
}

func filterFloat(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("float", "default?")
	if err != nil {
		return nil, err
	}
	if err := x.readNumber(v); err != nil {
		return nil, err
	}
	f, err := toFloat(v)
	switch {
	case err == nil:
		return Float(f), nil
	case errors.Is(err, ErrUndefined):
		return nil, err
	case p[0] == nil:
		return Float(0), nil
	}
	return p[0], nil
}

func filterRound(_ *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("round", "precision?", "method?")
	if err != nil {
		return nil, err
	}
	precision, err := intArg(p[0], 0)
	if err != nil {
		return nil, err
	}
	method, err := strArg(p[1], "common")
	if err != nil {
		return nil, err
	}
	i, f, isInt, ok := number(v)
	if !ok {
		if u, ok := v.(*Undefined); ok {
			return nil, u.err()
		}
		return nil, fmt.Errorf("type %s cannot be rounded", v.typeName())
	}
	precision = max(min(precision, 400), -400) // beyond every float
	switch method.s {
	case "common":
		if isInt && precision >= 0 {
			return Int(i), nil
		}
		r := roundTo(f, precision)
		if isInt {
			return Int(int64(r)), nil
		}
		return Float(r), nil
	case "ceil":
		return Float(math.Ceil(f*math.Pow10(precision)) / math.Pow10(precision)), nil
	case "floor":
		return Float(math.Floor(f*math.Pow10(precision)) / math.Pow10(precision)), nil
	}
	return nil, errors.New("method must be common, ceil or floor")
}

// roundTo rounds to a number of decimals, exact halves to even, as Python's
// round does.
func roundTo(f float64, precision int) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return f
	}
	if precision < 0 {
		scale := math.Pow10(-precision)
		if math.IsInf(scale, 0) {
			return math.Copysign(0, f)
		}
		return math.RoundToEven(f/scale) * scale
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
	if err != nil {
		return f
	}
	return r
}

func filterSum(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("sum", "attribute?", "start?")
	if err != nil {
		return nil, err
	}
	at, err := parsePath(p[0])
	if err != nil {
		return nil, err
	}
	items, err := x.iterate(v)
	if err != nil {
		return nil, err
	}
	total := p[1]
	if total == nil {
		total = Int(0)
	}
	if _, isStr := total.(*Str); isStr {
		return nil, errors.New("sum cannot sum strings, use join instead")
	}
	for _, item := range items {
		if item, err = at.get(x, item, nil); err != nil {
			return nil, err
		}
		if total, err = x.binary("+", total, item); err != nil {
			return nil, err
		}
	}
	return total, nil
}
