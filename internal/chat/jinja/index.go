package jinja

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// iterate returns what a loop over v would yield.
func (x *interp) iterate(v Value) ([]Value, error) {
	switch v := v.(type) {
	case *List:
		return slices.Clone(v.items), x.alloc(len(v.items), 16)
	case *Tuple:
		return v.items, x.work(len(v.items))
	case *Dict:
		return slices.Clone(v.keys), x.alloc(v.Len(), 16)
	case *view:
		return v.items(), x.alloc(v.d.Len(), 80)
	case *gen:
		return v.take(), nil
	case *Str:
		return x.chars(v)
	case *rangeVal:
		if err := x.alloc(int(v.n), 24); err != nil {
			return nil, err
		}
		out := make([]Value, v.n)
		for i := range out {
			out[i] = v.at(int64(i))
		}
		return out, nil
	case *Undefined:
		return nil, nil
	}
	return nil, fmt.Errorf("'%s' object is not iterable", v.typeName())
}

// items returns a fresh slice of what the view shows.
func (v *view) items() []Value {
	switch v.kind {
	case "dict_keys":
		return slices.Clone(v.d.keys)
	case "dict_values":
		return slices.Clone(v.d.vals)
	}
	return v.d.pairs()
}

// chars returns the code points of s as strings.
func (x *interp) chars(s *Str) ([]Value, error) {
	n := s.runes()
	if err := x.alloc(n, 112); err != nil {
		return nil, err
	}
	out := make([]Value, 0, n)
	for at := 0; at < len(s.s); {
		_, w := utf8.DecodeRuneInString(s.s[at:])
		out = append(out, s.sub(at, at+w))
		at += w
	}
	return out, nil
}

// getAttr is v.name: a method or attribute first, then an item.
func (x *interp) getAttr(v Value, name string) (Value, error) {
	r, ok, err := x.attribute(v, name)
	if ok || err != nil {
		return r, err
	}
	if d, isDict := v.(*Dict); isDict {
		if r, ok := d.Get(name); ok {
			return r, nil
		}
	}
	return noAttr(v, name), nil
}

func noAttr(v Value, name string) *Undefined {
	return &Undefined{hint: fmt.Sprintf("'%s object' has no attribute '%s'", v.typeName(), name)}
}

// attribute looks up what Python's getattr would find; names with a leading
// underscore are never found.
func (x *interp) attribute(v Value, name string) (r Value, ok bool, err error) {
	var m method
	switch v := v.(type) {
	case *Undefined:
		return nil, false, v.err()
	case *Str:
		m, ok = strMethods[name]
	case *List:
		m, ok = listMethods[name]
	case *Tuple:
		if i := slices.Index(v.names, name); i >= 0 {
			return v.items[i], true, nil
		}
		m, ok = tupleMethods[name]
	case *Dict:
		m, ok = dictMethods[name]
	case *namespace:
		r, ok = v.d.Get(name)
		return r, ok, nil
	case *rangeVal:
		switch name {
		case "start":
			return Int(v.start), true, nil
		case "stop":
			return Int(v.stop), true, nil
		case "step":
			return Int(v.step), true, nil
		}
	case *loopVal:
		return v.attr(name)
	case *cyclerVal:
		return v.attr(name)
	case *macroVal:
		if name == "name" {
			return Text(v.def.name), true, nil
		}
	}
	if !ok {
		return nil, false, nil
	}
	return &function{name: name, call: func(x *interp, a *args) (Value, error) { return m(x, v, a) }}, true, nil
}

// getItem is v[index]: an item first, then for a name an attribute.
func (x *interp) getItem(v, index Value) (Value, error) {
	if u, ok := v.(*Undefined); ok {
		return nil, u.err()
	}
	r, err := x.item(v, index)
	if r != nil || err != nil {
		return r, err
	}
	if s, ok := index.(*Str); ok {
		r, found, err := x.attribute(v, s.s)
		if found || err != nil {
			return r, err
		}
		return noAttr(v, s.s), nil
	}
	return &Undefined{hint: fmt.Sprintf("'%s object' has no element at this index", v.typeName())}, nil
}

// item returns v[index], or nil when v has no such item.
func (x *interp) item(v, index Value) (Value, error) {
	if d, ok := v.(*Dict); ok {
		k, err := x.key(index)
		if errors.Is(err, ErrLimit) {
			return nil, err
		}
		if err != nil {
			return nil, nil // an unhashable key is a missing key
		}
		r, ok := d.get(k)
		if !ok {
			return nil, nil
		}
		return r, nil
	}
	i, _, isInt, ok := number(index)
	n, hasLen := length(v)
	if !ok || !isInt || !hasLen {
		return nil, nil
	}
	if i < 0 {
		i += int64(n)
	}
	if i < 0 || i >= int64(n) {
		return nil, nil
	}
	switch v := v.(type) {
	case *List:
		return v.items[i], nil
	case *Tuple:
		return v.items[i], nil
	case *rangeVal:
		return v.at(i), nil
	case *Str:
		at := v.offset(int(i))
		_, w := utf8.DecodeRuneInString(v.s[at:])
		if v.bytewise() {
			return v.sub(at, at+w), nil
		}
		return v.sub(at, at+w), x.work(len(v.s))
	}
	return nil, nil
}

// slice is v[lo:hi:step]; missing bounds are nil or none. Slicing what cannot
// be sliced gives undefined.
func (x *interp) slice(v Value, bounds [3]Value) (Value, error) {
	if u, ok := v.(*Undefined); ok {
		return nil, u.err()
	}
	n, ok := length(v)
	if !ok {
		return noAttr(v, "slice"), nil
	}
	lo, hi, step, count, err := sliceBounds(bounds, n)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *Str:
		return x.sliceStr(v, lo, step, count)
	case *List:
		items, err := x.pick(v.items, lo, step, count)
		return &List{items: items}, err
	case *Tuple:
		items, err := x.pick(v.items, lo, step, count)
		return &Tuple{items: items}, err
	case *rangeVal:
		r := &rangeVal{start: v.start + int64(lo)*v.step, step: v.step * int64(step), n: int64(count)}
		r.stop = v.start + int64(hi)*v.step
		return r, nil
	}
	return noAttr(v, "slice"), nil
}

// sliceBounds resolves slice bounds for a sequence of n items to the first
// index, the index to stop before, the step and the number of items, as Python
// does.
func sliceBounds(bounds [3]Value, n int) (lo, hi, step, count int, err error) {
	var at [3]int
	for i, def := range []int{0, 0, 1} {
		if at[i], err = intArg(bounds[i], def); err != nil {
			return 0, 0, 0, 0, err
		}
	}
	step = at[2]
	if step == 0 {
		return 0, 0, 0, 0, fmt.Errorf("slice step cannot be zero")
	}
	step = max(min(step, math.MaxInt32), -math.MaxInt32) // no sequence is longer
	low, high := 0, n
	if step < 0 {
		low, high = -1, n-1
	}
	clip := func(i int) int {
		if i < 0 {
			i += n
		}
		return max(min(i, high), low)
	}
	lo, hi = low, high
	if step < 0 {
		lo, hi = high, low
	}
	if !absent(bounds[0]) {
		lo = clip(at[0])
	}
	if !absent(bounds[1]) {
		hi = clip(at[1])
	}
	switch {
	case step > 0 && hi > lo:
		count = (hi - lo + step - 1) / step
	case step < 0 && hi < lo:
		count = (lo - hi - step - 1) / -step
	}
	return lo, hi, step, count, nil
}

func (x *interp) pick(items []Value, lo, step, count int) ([]Value, error) {
	if err := x.alloc(count+2, 16); err != nil {
		return nil, err
	}
	out := make([]Value, count)
	for i := range out {
		out[i] = items[lo+i*step]
	}
	return out, nil
}

func (x *interp) sliceStr(s *Str, lo, step, count int) (Value, error) {
	if count == 0 {
		return &Str{html: s.html}, nil
	}
	if err := x.work(len(s.s)); err != nil {
		return nil, err
	}
	if step == 1 {
		from := s.offset(lo)
		to := from + s.sub(from, len(s.s)).offset(count)
		return s.sub(from, to), nil
	}
	if err := x.alloc(s.runes()+1, 8); err != nil {
		return nil, err
	}
	offsets := make([]int, 0, s.runes()+1)
	for at := 0; at < len(s.s); {
		offsets = append(offsets, at)
		_, w := utf8.DecodeRuneInString(s.s[at:])
		at += w
	}
	offsets = append(offsets, len(s.s))
	b := x.newBuilder()
	for i := range count {
		at := lo + i*step
		b.addSub(s, offsets[at], offsets[at+1])
	}
	r := b.str()
	r.html = s.html
	return r, nil
}
