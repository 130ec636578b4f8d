package jinja

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

var errDivZero = errors.New("division by zero")

// binary applies one of + - * / // % **.
func (x *interp) binary(op string, a, b Value) (Value, error) {
	for _, v := range []Value{a, b} {
		if u, ok := v.(*Undefined); ok {
			return nil, u.err()
		}
	}
	if s, ok := a.(*Str); ok && op == "%" {
		return x.percent(s, b)
	}
	ai, af, aInt, aok := number(a)
	bi, bf, bInt, bok := number(b)
	switch {
	case aok && bok && aInt && bInt:
		return intOp(op, ai, bi)
	case aok && bok:
		return floatOp(op, af, bf)
	case op == "+":
		return x.join2(a, b)
	case op == "*" && bok && bInt:
		return x.repeat(a, bi)
	case op == "*" && aok && aInt:
		return x.repeat(b, ai)
	}
	return nil, opError(op, a, b)
}

func opError(op string, a, b Value) error {
	return fmt.Errorf("unsupported operand type(s) for %s: '%s' and '%s'", op, a.typeName(), b.typeName())
}

// join2 is + for sequences.
func (x *interp) join2(a, b Value) (Value, error) {
	switch a := a.(type) {
	case *Str:
		if b, ok := b.(*Str); ok {
			return x.concat(a, b), nil
		}
	case *List:
		if b, ok := b.(*List); ok {
			items, err := x.chain(a.items, b.items)
			return &List{items: items}, err
		}
	case *Tuple:
		if b, ok := b.(*Tuple); ok {
			items, err := x.chain(a.items, b.items)
			return &Tuple{items: items}, err
		}
	}
	return nil, opError("+", a, b)
}

func (x *interp) chain(a, b []Value) ([]Value, error) {
	if err := x.alloc(len(a)+len(b)+2, 16); err != nil {
		return nil, err
	}
	out := make([]Value, 0, len(a)+len(b))
	return append(append(out, a...), b...), nil
}

// repeat is sequence * n.
func (x *interp) repeat(v Value, n int64) (Value, error) {
	n = max(n, 0)
	switch v := v.(type) {
	case *Str:
		return x.repeatStr(v, n)
	case *List:
		items, err := x.repeatItems(v.items, n)
		return &List{items: items}, err
	case *Tuple:
		items, err := x.repeatItems(v.items, n)
		return &Tuple{items: items}, err
	}
	return nil, opError("*", v, Int(n))
}

func (x *interp) repeatStr(s *Str, n int64) (*Str, error) {
	if n > 0 && int64(len(s.s)) > int64(x.lim.OutputBytes)/n {
		return nil, limitf("text longer than %d bytes", x.lim.OutputBytes)
	}
	if s.s == "" {
		n = 0
	}
	if err := x.work(int(n) * 16); err != nil {
		return nil, err
	}
	b := x.newBuilder()
	for range n {
		b.addStr(s)
	}
	r := b.str()
	r.html = s.html
	return r, nil
}

func (x *interp) repeatItems(items []Value, n int64) ([]Value, error) {
	if n > 0 && int64(len(items)) > x.lim.MemoryBytes/16/n {
		return nil, limitf("list of %d items repeated %d times", len(items), n)
	}
	if len(items) == 0 {
		return nil, nil
	}
	if err := x.alloc(len(items)*int(n), 16); err != nil {
		return nil, err
	}
	out := make([]Value, 0, len(items)*int(n))
	for range n {
		out = append(out, items...)
	}
	return out, nil
}

func intOp(op string, a, b int64) (Value, error) {
	switch op {
	case "+":
		if s := a + b; (s > a) == (b > 0) {
			return Int(s), nil
		}
		return nil, errOverflow
	case "-":
		if d := a - b; (d < a) == (b > 0) {
			return Int(d), nil
		}
		return nil, errOverflow
	case "*":
		p, ok := mulInt(a, b)
		if !ok {
			return nil, errOverflow
		}
		return Int(p), nil
	case "**":
		return powInt(a, b)
	}
	if b == 0 {
		return nil, errDivZero
	}
	if op == "/" {
		return Float(float64(a) / float64(b)), nil
	}
	if a == math.MinInt64 && b == -1 {
		return nil, errOverflow
	}
	q, r := a/b, a%b
	if r != 0 && (r < 0) != (b < 0) {
		q, r = q-1, r+b
	}
	if op == "//" {
		return Int(q), nil
	}
	return Int(r), nil
}

func mulInt(a, b int64) (int64, bool) {
	abs := func(v int64) uint64 {
		if v < 0 {
			return -uint64(v)
		}
		return uint64(v)
	}
	hi, lo := bits.Mul64(abs(a), abs(b))
	if (a < 0) != (b < 0) {
		return int64(-lo), hi == 0 && lo <= 1<<63
	}
	return int64(lo), hi == 0 && lo < 1<<63
}

func powInt(a, b int64) (Value, error) {
	if b < 0 {
		if a == 0 {
			return nil, errDivZero
		}
		return Float(math.Pow(float64(a), float64(b))), nil
	}
	result := int64(1)
	for base := a; ; {
		var ok bool
		if b&1 == 1 {
			if result, ok = mulInt(result, base); !ok {
				return nil, errOverflow
			}
		}
		if b >>= 1; b == 0 {
			return Int(result), nil
		}
		if base, ok = mulInt(base, base); !ok {
			return nil, errOverflow
		}
	}
}

func floatOp(op string, a, b float64) (Value, error) {
	switch op {
	case "+":
		return Float(a + b), nil
	case "-":
		return Float(a - b), nil
	case "*":
		return Float(a * b), nil
	case "**":
		if a == 0 && b < 0 {
			return nil, errDivZero
		}
		if a < 0 && b != math.Trunc(b) {
			return nil, errors.New("complex results are not supported")
		}
		return Float(math.Pow(a, b)), nil
	}
	if b == 0 {
		return nil, errDivZero
	}
	if op == "/" {
		return Float(a / b), nil
	}
	mod := math.Mod(a, b)
	div := (a - mod) / b
	if mod != 0 && (mod < 0) != (b < 0) {
		mod += b
		div--
	}
	if op == "%" {
		if mod == 0 {
			mod = math.Copysign(0, b)
		}
		return Float(mod), nil
	}
	if div != 0 {
		if floor := math.Floor(div); div-floor > 0.5 {
			div = floor + 1
		} else {
			div = floor
		}
	} else {
		div = math.Copysign(0, a/b)
	}
	return Float(div), nil
}
