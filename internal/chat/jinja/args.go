package jinja

import (
	"fmt"
	"strings"
)

// args is the arguments of a call.
type args struct {
	pos []Value
	kw  []kwarg
}

type kwarg struct {
	name string
	v    Value
}

func (a *args) keyword(name string) (Value, bool) {
	for _, kw := range a.kw {
		if kw.name == name {
			return kw.v, true
		}
	}
	return nil, false
}

// bind matches the arguments with parameters. A parameter whose name ends in
// "?" may be left out, its value is then nil.
func (a *args) bind(fn string, params ...string) ([]Value, error) {
	out := make([]Value, len(params))
	if len(a.pos) > len(params) {
		return nil, fmt.Errorf("%s takes at most %d argument(s), %d given", fn, len(params), len(a.pos))
	}
	copy(out, a.pos)
	for _, kw := range a.kw {
		i := 0
		for i < len(params) && strings.TrimSuffix(params[i], "?") != kw.name {
			i++
		}
		if i == len(params) {
			return nil, fmt.Errorf("%s takes no keyword argument '%s'", fn, kw.name)
		}
		if out[i] != nil {
			return nil, fmt.Errorf("%s got multiple values for argument '%s'", fn, kw.name)
		}
		out[i] = kw.v
	}
	for i, p := range params {
		if out[i] == nil && !strings.HasSuffix(p, "?") {
			return nil, fmt.Errorf("%s is missing the argument '%s'", fn, p)
		}
	}
	return out, nil
}

// intArg reads an integer argument; nil and none give the default.
func intArg(v Value, def int) (int, error) {
	switch v := v.(type) {
	case nil, None:
		return def, nil
	case Int:
		return int(v), nil
	case Bool:
		return int(asInt(v)), nil
	case *Undefined:
		return 0, v.err()
	}
	return 0, fmt.Errorf("'%s' object cannot be interpreted as an integer", v.typeName())
}

// boolArg reads a flag argument, which is off by default.
func boolArg(v Value) bool { return v != nil && truth(v) }

// strArg reads a string argument; nil gives the default.
func strArg(v Value, def string) (*Str, error) {
	switch v := v.(type) {
	case nil:
		return Text(def), nil
	case *Str:
		return v, nil
	case *Undefined:
		return nil, v.err()
	}
	return nil, fmt.Errorf("expected a string, not '%s'", v.typeName())
}
