package jinja

import (
	"errors"
	"fmt"
)

// globalFuncs are the functions every template can call.
var globalFuncs = map[string]func(x *interp, a *args) (Value, error){
	"cycler":          newCycler,
	"dict":            newDictFrom,
	"joiner":          newJoiner,
	"namespace":       newNamespace,
	"raise_exception": raise,
	"range":           newRange,
	"strftime_now":    strftimeNow,
}

// raise ends the render with a message of the template's.
func raise(x *interp, a *args) (Value, error) {
	p, err := a.bind("raise_exception", "message")
	if err != nil {
		return nil, err
	}
	s, err := x.str(p[0])
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %s", ErrRaised, s.s)
}

func newDictFrom(x *interp, a *args) (Value, error) {
	d := NewDict()
	return d, x.fillDict(d, a, "dict")
}

func newNamespace(x *interp, a *args) (Value, error) {
	d := NewDict()
	return &namespace{d: d}, x.fillDict(d, a, "namespace")
}

func newRange(x *interp, a *args) (Value, error) {
	if len(a.kw) > 0 || len(a.pos) == 0 || len(a.pos) > 3 {
		return nil, errors.New("range takes 1 to 3 positional arguments")
	}
	n := [3]int64{0, 0, 1}
	for i, v := range a.pos {
		j := i
		if len(a.pos) == 1 {
			j = 1
		}
		switch u := v.(type) {
		case Int, Bool:
			n[j] = asInt(v)
		case *Undefined:
			return nil, u.err()
		default:
			return nil, fmt.Errorf("'%s' object cannot be interpreted as an integer", v.typeName())
		}
	}
	start, stop, step := n[0], n[1], n[2]
	if step == 0 {
		return nil, errors.New("range() arg 3 must not be zero")
	}
	count := rangeLen(start, stop, step)
	if count > uint64(x.lim.RangeItems) {
		return nil, limitf("range of %d items, at most %d are allowed", count, x.lim.RangeItems)
	}
	return &rangeVal{start: start, stop: stop, step: step, n: int64(count)}, nil
}

// rangeLen counts the items of a range without overflow.
func rangeLen(start, stop, step int64) uint64 {
	span, by := uint64(0), uint64(step)
	switch {
	case step > 0 && stop > start:
		span = uint64(stop) - uint64(start)
	case step < 0 && stop < start:
		span, by = uint64(start)-uint64(stop), -uint64(step)
	default:
		return 0
	}
	return (span-1)/by + 1
}

func strftimeNow(x *interp, a *args) (Value, error) {
	p, err := a.bind("strftime_now", "format")
	if err != nil {
		return nil, err
	}
	s, err := strArg(p[0], "")
	if err != nil {
		return nil, err
	}
	if err := x.work(16 * len(s.s)); err != nil {
		return nil, err
	}
	b := x.newBuilder()
	b.add(strftime(x.now(), s.s), len(s.in) > 0)
	return b.str(), nil
}

// cyclerVal hands out its items in turn.
type cyclerVal struct {
	items []Value
	pos   int
}

func newCycler(_ *interp, a *args) (Value, error) {
	if len(a.pos) == 0 || len(a.kw) > 0 {
		return nil, errors.New("cycler takes one or more positional arguments")
	}
	return &cyclerVal{items: a.pos}, nil
}

func (c *cyclerVal) attr(name string) (Value, bool, error) {
	switch name {
	case "current":
		return c.items[c.pos], true, nil
	case "next":
		return &function{name: name, call: func(*interp, *args) (Value, error) {
			v := c.items[c.pos]
			c.pos = (c.pos + 1) % len(c.items)
			return v, nil
		}}, true, nil
	case "reset":
		return &function{name: name, call: func(*interp, *args) (Value, error) {
			c.pos = 0
			return None{}, nil
		}}, true, nil
	}
	return nil, false, nil
}

// newJoiner returns a function that gives nothing on its first call and the
// separator on all others.
func newJoiner(_ *interp, a *args) (Value, error) {
	p, err := a.bind("joiner", "sep?")
	if err != nil {
		return nil, err
	}
	sep, err := strArg(p[0], ", ")
	if err != nil {
		return nil, err
	}
	used := false
	return &function{name: "joiner", call: func(*interp, *args) (Value, error) {
		if !used {
			used = true
			return Text(""), nil
		}
		return sep, nil
	}}, nil
}
