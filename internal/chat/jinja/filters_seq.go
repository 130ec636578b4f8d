package jinja

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// path is an attribute path such as "function.name" or 0.
type path []Value

// parsePath reads the argument that names an attribute; nil gives the empty
// path, which leaves items as they are.
func parsePath(v Value) (path, error) {
	if absent(v) {
		return nil, nil
	}
	s, ok := v.(*Str)
	if !ok {
		if _, isInt := v.(Int); !isInt {
			return nil, fmt.Errorf("attribute must be a string or integer, not '%s'", v.typeName())
		}
		return path{v}, nil
	}
	var p path
	for _, part := range strings.Split(s.s, ".") {
		if n, err := strconv.Atoi(part); err == nil && n >= 0 {
			p = append(p, Int(n))
		} else {
			p = append(p, Text(part))
		}
	}
	return p, nil
}

// get follows the path from v; def, when not nil, replaces what is undefined.
func (p path) get(x *interp, v, def Value) (Value, error) {
	for _, part := range p {
		var err error
		if v, err = x.getItem(v, part); err != nil {
			return nil, err
		}
		if _, undefined := v.(*Undefined); undefined && def != nil {
			v = def
		}
	}
	return v, x.step()
}

// foldCase makes strings lower case, for comparing without case.
func (x *interp) foldCase(v Value, sensitive bool) Value {
	if s, ok := v.(*Str); ok && !sensitive {
		return x.mapText(s, lowerText)
	}
	return v
}

// keys returns the sort keys of items: the value at the path, folded.
func (x *interp) keys(items []Value, p path, def Value, sensitive bool) ([]Value, error) {
	if err := x.alloc(len(items), 16); err != nil {
		return nil, err
	}
	out := make([]Value, len(items))
	for i, item := range items {
		v, err := p.get(x, item, def)
		if err != nil {
			return nil, err
		}
		out[i] = x.foldCase(v, sensitive)
	}
	return out, nil
}

func filterSort(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("sort", "reverse?", "case_sensitive?", "attribute?")
	if err != nil {
		return nil, err
	}
	items, err := x.iterate(v)
	if err != nil {
		return nil, err
	}
	attrs := []Value{p[2]}
	if s, ok := p[2].(*Str); ok {
		attrs = attrs[:0]
		for _, name := range strings.Split(s.s, ",") {
			attrs = append(attrs, Text(name))
		}
	}
	keys := make([]Value, len(items))
	for i := range keys {
		keys[i] = &Tuple{}
	}
	for _, attr := range attrs {
		at, err := parsePath(attr)
		if err != nil {
			return nil, err
		}
		column, err := x.keys(items, at, nil, boolArg(p[1]))
		if err != nil {
			return nil, err
		}
		for i, k := range column {
			t := keys[i].(*Tuple)
			t.items = append(t.items, k)
		}
	}
	out, err := x.sorted(items, keys, boolArg(p[0]))
	if err != nil {
		return nil, err
	}
	return x.newList(out)
}

func filterDictSort(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("dictsort", "case_sensitive?", "by?", "reverse?")
	if err != nil {
		return nil, err
	}
	d, ok := v.(*Dict)
	if !ok {
		if u, ok := v.(*Undefined); ok {
			return nil, u.err()
		}
		return nil, fmt.Errorf("'%s' object has no items to sort", v.typeName())
	}
	by, err := strArg(p[1], "key")
	if err != nil {
		return nil, err
	}
	keys := d.keys
	switch by.s {
	case "key":
	case "value":
		keys = d.vals
	default:
		return nil, errors.New(`by must be "key" or "value"`)
	}
	if keys, err = x.keys(keys, nil, nil, boolArg(p[0])); err != nil {
		return nil, err
	}
	out, err := x.sorted(d.pairs(), keys, boolArg(p[2]))
	if err != nil {
		return nil, err
	}
	return x.newList(out)
}

func filterUnique(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("unique", "case_sensitive?", "attribute?")
	if err != nil {
		return nil, err
	}
	items, keys, err := x.keyed(v, p[1], p[0])
	if err != nil {
		return nil, err
	}
	seen := map[dictKey]bool{}
	var out []Value
	for i, item := range items {
		k, err := x.key(keys[i])
		if err != nil {
			return nil, err
		}
		if !seen[k] {
			seen[k] = true
			x.charge(64)
			out = append(out, item)
		}
	}
	return x.newGen(out, "generator")
}

// keyed returns the items of v and their keys by an attribute.
func (x *interp) keyed(v, attr, sensitive Value) (items, keys []Value, err error) {
	at, err := parsePath(attr)
	if err != nil {
		return nil, nil, err
	}
	if items, err = x.iterate(v); err != nil {
		return nil, nil, err
	}
	keys, err = x.keys(items, at, nil, boolArg(sensitive))
	return items, keys, err
}

// extreme makes the filters min and max; sign is that of the wanted order.
func extreme(name string, sign int) filterFunc {
	return func(x *interp, v Value, a *args) (Value, error) {
		p, err := a.bind(name, "case_sensitive?", "attribute?")
		if err != nil {
			return nil, err
		}
		items, keys, err := x.keyed(v, p[1], p[0])
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return &Undefined{hint: "no aggregated item, sequence was empty"}, nil
		}
		best := 0
		for i := 1; i < len(items); i++ {
			c, err := x.order(keys[i], keys[best], "<")
			if err != nil {
				return nil, err
			}
			if c*sign > 0 {
				best = i
			}
		}
		return items[best], nil
	}
}

func filterGroupBy(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("groupby", "attribute", "default?", "case_sensitive?")
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
	keys, err := x.keys(items, at, p[1], boolArg(p[2]))
	if err != nil {
		return nil, err
	}
	if items, err = x.sorted(items, keys, false); err != nil {
		return nil, err
	}
	if keys, err = x.sorted(keys, keys, false); err != nil {
		return nil, err
	}
	var groups []Value
	var group *List
	for i, item := range items {
		same := false
		if i > 0 {
			if same, err = x.equal(keys[i], keys[i-1]); err != nil {
				return nil, err
			}
		}
		if !same {
			grouper, err := at.get(x, item, p[1])
			if err != nil {
				return nil, err
			}
			x.charge(160)
			group = NewList()
			groups = append(groups, &Tuple{items: []Value{grouper, group}, names: []string{"grouper", "list"}})
		}
		x.charge(16)
		group.Append(item)
	}
	return x.newList(groups)
}

func filterMap(x *interp, v Value, a *args) (Value, error) {
	if !truth(v) {
		return x.newGen(nil, "generator")
	}
	items, err := x.iterate(v)
	if err != nil {
		return nil, err
	}
	apply, err := x.mapper(a)
	if err != nil {
		return nil, err
	}
	out := make([]Value, 0, len(items))
	for _, item := range items {
		r, err := apply(item)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
		if err := x.step(); err != nil {
			return nil, err
		}
	}
	return x.newGen(out, "generator")
}

// mapper returns what map does with each item: look up an attribute or apply
// a filter.
func (x *interp) mapper(a *args) (func(Value) (Value, error), error) {
	attr, byAttr := a.keyword("attribute")
	if len(a.pos) == 0 && byAttr {
		p, err := a.bind("map", "attribute", "default?")
		if err != nil {
			return nil, err
		}
		at, err := parsePath(attr)
		return func(item Value) (Value, error) { return at.get(x, item, p[1]) }, err
	}
	if len(a.pos) == 0 {
		return nil, errors.New("map requires a filter argument")
	}
	name, err := strArg(a.pos[0], "")
	if err != nil {
		return nil, err
	}
	rest := &args{pos: a.pos[1:], kw: a.kw}
	return func(item Value) (Value, error) { return x.filter(name.s, item, rest) }, nil
}

// selector makes the filters that keep items by a test on themselves or on an
// attribute.
func selector(name string, byAttr, keep bool) filterFunc {
	return func(x *interp, v Value, a *args) (Value, error) {
		if !truth(v) {
			return x.newGen(nil, "generator")
		}
		pos := a.pos
		var at path
		if byAttr {
			if len(pos) == 0 {
				return nil, fmt.Errorf("%s is missing the attribute name", name)
			}
			var err error
			if at, err = parsePath(pos[0]); err != nil {
				return nil, err
			}
			pos = pos[1:]
		}
		items, err := x.iterate(v)
		if err != nil {
			return nil, err
		}
		var out []Value
		for _, item := range items {
			ok, err := x.selects(item, at, pos, a.kw)
			if err != nil {
				return nil, err
			}
			if ok == keep {
				out = append(out, item)
			}
		}
		return x.newGen(out, "generator")
	}
}

// selects applies the test whose name and arguments are pos and kw, or truth
// when pos is empty, to the value at a path of item.
func (x *interp) selects(item Value, at path, pos []Value, kw []kwarg) (bool, error) {
	v, err := at.get(x, item, nil)
	if err != nil {
		return false, err
	}
	if len(pos) == 0 {
		return truth(v), nil
	}
	name, err := strArg(pos[0], "")
	if err != nil {
		return false, err
	}
	return x.test(name.s, v, &args{pos: pos[1:], kw: kw})
}
