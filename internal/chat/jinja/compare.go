package jinja

import (
	"fmt"
	"sort"
	"strings"
)

// compare applies a comparison operator.
func (x *interp) compare(op string, a, b Value) (bool, error) {
	switch op {
	case "==":
		return x.equal(a, b)
	case "!=":
		eq, err := x.equal(a, b)
		return !eq, err
	case "in":
		return x.contains(b, a)
	case "not in":
		in, err := x.contains(b, a)
		return !in, err
	}
	c, err := x.order(a, b, op)
	switch op {
	case "<":
		return c < 0, err
	case "<=":
		return c <= 0, err
	case ">":
		return c > 0, err
	}
	return c >= 0, err
}

// equal is Python's ==.
func (x *interp) equal(a, b Value) (bool, error) { return x.equalAt(a, b, 0) }

func (x *interp) equalAt(a, b Value, nest int) (bool, error) {
	if nest > maxDataNest {
		return false, limitf("values nest deeper than %d", maxDataNest)
	}
	if err := x.step(); err != nil {
		return false, err
	}
	if ai, af, aInt, ok := number(a); ok {
		bi, bf, bInt, ok := number(b)
		if aInt && bInt {
			return ok && ai == bi, nil
		}
		return ok && af == bf, nil
	}
	switch a := a.(type) {
	case *Str:
		b, ok := b.(*Str)
		if !ok || len(a.s) != len(b.s) {
			return false, nil
		}
		return a.s == b.s, x.work(len(a.s))
	case None:
		_, ok := b.(None)
		return ok, nil
	case *Undefined:
		_, ok := b.(*Undefined)
		return ok, nil
	case *BigInt:
		b, ok := b.(*BigInt)
		return ok && a.digits == b.digits, nil
	}
	return x.equalContainers(a, b, nest)
}

func (x *interp) equalContainers(a, b Value, nest int) (bool, error) {
	switch a := a.(type) {
	case *List:
		b, ok := b.(*List)
		if !ok {
			return false, nil
		}
		return x.equalItems(a.items, b.items, nest)
	case *Tuple:
		b, ok := b.(*Tuple)
		if !ok {
			return false, nil
		}
		return x.equalItems(a.items, b.items, nest)
	case *Dict:
		b, ok := b.(*Dict)
		if !ok {
			return false, nil
		}
		return x.equalDicts(a, b, nest)
	case *rangeVal:
		b, ok := b.(*rangeVal)
		return ok && a.n == b.n && (a.n == 0 || a.start == b.start && (a.n == 1 || a.step == b.step)), nil
	}
	return a == b, nil
}

func (x *interp) equalItems(a, b []Value, nest int) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	for i := range a {
		if eq, err := x.equalAt(a[i], b[i], nest+1); err != nil || !eq {
			return false, err
		}
	}
	return true, nil
}

func (x *interp) equalDicts(a, b *Dict, nest int) (bool, error) {
	if a.Len() != b.Len() {
		return false, nil
	}
	for k, i := range a.index {
		v, ok := b.get(k)
		if !ok {
			return false, nil
		}
		if eq, err := x.equalAt(a.vals[i], v, nest+1); err != nil || !eq {
			return false, err
		}
	}
	return true, nil
}

// order compares two values that have an order: negative, zero or positive.
// The operator is named in the error for values that have none.
func (x *interp) order(a, b Value, op string) (int, error) { return x.orderAt(a, b, op, 0) }

func (x *interp) orderAt(a, b Value, op string, nest int) (int, error) {
	if nest > maxDataNest {
		return 0, limitf("values nest deeper than %d", maxDataNest)
	}
	if err := x.step(); err != nil {
		return 0, err
	}
	if ai, af, aInt, ok := number(a); ok {
		if bi, bf, bInt, ok := number(b); ok {
			if aInt && bInt {
				return cmp3(ai < bi, ai > bi), nil
			}
			return cmp3(af < bf, af > bf), nil
		}
	}
	switch a := a.(type) {
	case *Undefined:
		return 0, a.err()
	case *Str:
		if b, ok := b.(*Str); ok {
			return strings.Compare(a.s, b.s), x.work(min(len(a.s), len(b.s)))
		}
	case *List:
		if b, ok := b.(*List); ok {
			return x.orderItems(a.items, b.items, op, nest)
		}
	case *Tuple:
		if b, ok := b.(*Tuple); ok {
			return x.orderItems(a.items, b.items, op, nest)
		}
	}
	if u, ok := b.(*Undefined); ok {
		return 0, u.err()
	}
	return 0, fmt.Errorf("'%s' not supported between instances of '%s' and '%s'", op, a.typeName(), b.typeName())
}

func cmp3(less, more bool) int {
	switch {
	case less:
		return -1
	case more:
		return 1
	}
	return 0
}

func (x *interp) orderItems(a, b []Value, op string, nest int) (int, error) {
	for i := range min(len(a), len(b)) {
		eq, err := x.equalAt(a[i], b[i], nest+1)
		if err != nil {
			return 0, err
		}
		if !eq {
			return x.orderAt(a[i], b[i], op, nest+1)
		}
	}
	return len(a) - len(b), nil
}

// contains is Python's v in c.
func (x *interp) contains(c, v Value) (bool, error) {
	switch c := c.(type) {
	case *Str:
		sub, ok := v.(*Str)
		if !ok {
			if u, ok := v.(*Undefined); ok {
				return false, u.err()
			}
			return false, fmt.Errorf("'in <string>' requires string as left operand, not %s", v.typeName())
		}
		return strings.Contains(c.s, sub.s), x.work(len(c.s))
	case *Dict:
		return x.has(c, v)
	case *view:
		if c.kind == "dict_keys" {
			return x.has(c.d, v)
		}
	}
	items, err := x.iterate(c)
	if err != nil {
		return false, err
	}
	for _, item := range items {
		if eq, err := x.equal(item, v); err != nil || eq {
			return eq, err
		}
	}
	return false, nil
}

func (x *interp) has(d *Dict, key Value) (bool, error) {
	k, err := x.key(key)
	if err != nil {
		return false, err
	}
	_, ok := d.get(k)
	return ok, nil
}

// sorted sorts items by keys, stably, and returns them in a new slice.
func (x *interp) sorted(items, keys []Value, reverse bool) ([]Value, error) {
	if err := x.alloc(len(items), 24); err != nil {
		return nil, err
	}
	index := make([]int, len(items))
	for i := range index {
		index[i] = i
	}
	var failed error
	sort.SliceStable(index, func(i, j int) bool {
		if failed != nil {
			return false
		}
		a, b := keys[index[i]], keys[index[j]]
		if reverse {
			a, b = b, a
		}
		c, err := x.order(a, b, "<")
		if err != nil {
			failed = err
		}
		return c < 0
	})
	out := make([]Value, len(items))
	for i, j := range index {
		out[i] = items[j]
	}
	return out, failed
}
