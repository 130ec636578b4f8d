package jinja

import (
	"fmt"
	"math"
	"strconv"
)

// Dict is a mapping that keeps the order in which keys were first set.
type Dict struct {
	keys  []Value
	vals  []Value
	index map[dictKey]int
}

// dictKey identifies a key by value: equal numbers are one key whatever their
// type, and the marks of a string do not count.
type dictKey struct {
	kind byte
	s    string
	n    int64
}

// NewDict returns an empty dict.
func NewDict() *Dict { return &Dict{index: map[dictKey]int{}} }

// Len returns the number of entries.
func (d *Dict) Len() int { return len(d.keys) }

// Set sets the entry of a string key of template origin.
func (d *Dict) Set(key string, v Value) { d.set(dictKey{kind: 's', s: key}, Text(key), v) }

// Get returns the entry of a string key.
func (d *Dict) Get(key string) (Value, bool) { return d.get(dictKey{kind: 's', s: key}) }

func (d *Dict) set(k dictKey, key, v Value) {
	if i, ok := d.index[k]; ok {
		d.vals[i] = v
		return
	}
	d.index[k] = len(d.keys)
	d.keys = append(d.keys, key)
	d.vals = append(d.vals, v)
}

func (d *Dict) get(k dictKey) (Value, bool) {
	i, ok := d.index[k]
	if !ok {
		return nil, false
	}
	return d.vals[i], true
}

// remove deletes an entry in time linear in the entries behind it.
func (d *Dict) remove(k dictKey) (Value, bool) {
	i, ok := d.index[k]
	if !ok {
		return nil, false
	}
	v := d.vals[i]
	d.keys = append(d.keys[:i], d.keys[i+1:]...)
	d.vals = append(d.vals[:i], d.vals[i+1:]...)
	delete(d.index, k)
	for other, j := range d.index {
		if j > i {
			d.index[other] = j - 1
		}
	}
	return v, true
}

func (d *Dict) copy() *Dict {
	c := &Dict{keys: append([]Value(nil), d.keys...), vals: append([]Value(nil), d.vals...)}
	c.index = make(map[dictKey]int, len(d.index))
	for k, i := range d.index {
		c.index[k] = i
	}
	return c
}

// pairs returns the entries as tuples.
func (d *Dict) pairs() []Value {
	out := make([]Value, len(d.keys))
	for i, k := range d.keys {
		out[i] = &Tuple{items: []Value{k, d.vals[i]}}
	}
	return out
}

// maxHashBytes bounds the text form of a tuple key, and with it the work on
// tuples that contain one another many times.
const maxHashBytes = 64 << 10

// hash turns a value into a dict key; only immutable values can be one.
func hash(v Value) (dictKey, error) {
	switch v := v.(type) {
	case *Str:
		return dictKey{kind: 's', s: v.s}, nil
	case Int:
		return dictKey{kind: 'i', n: int64(v)}, nil
	case Bool:
		if v {
			return dictKey{kind: 'i', n: 1}, nil
		}
		return dictKey{kind: 'i'}, nil
	case Float:
		if f := float64(v); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return dictKey{kind: 'i', n: int64(f)}, nil
		}
		return dictKey{kind: 'f', n: int64(math.Float64bits(float64(v)))}, nil
	case None:
		return dictKey{kind: 'n'}, nil
	case *BigInt:
		return dictKey{kind: 'b', s: v.digits}, nil
	case *Tuple:
		return hashTuple(v, 0)
	case *Undefined:
		return dictKey{kind: 'u'}, nil
	case *List, *Dict:
		return dictKey{}, fmt.Errorf("unhashable type: '%s'", v.typeName())
	}
	return dictKey{kind: 'p', s: fmt.Sprintf("%p", v)}, nil
}

// key is hash, and counts the work of hashing a long key.
func (x *interp) key(v Value) (dictKey, error) {
	k, err := hash(v)
	if err != nil {
		return k, err
	}
	return k, x.work(len(k.s))
}

func hashTuple(t *Tuple, nest int) (dictKey, error) {
	if nest > maxDataNest {
		return dictKey{}, limitf("values nest deeper than %d", maxDataNest)
	}
	var s []byte
	for _, item := range t.items {
		k, err := dictKey{}, error(nil)
		if inner, ok := item.(*Tuple); ok {
			k, err = hashTuple(inner, nest+1)
		} else {
			k, err = hash(item)
		}
		if err != nil {
			return dictKey{}, err
		}
		s = append(s, k.kind)
		s = strconv.AppendInt(s, k.n, 10)
		s = strconv.AppendQuote(s, k.s)
		if len(s) > maxHashBytes {
			return dictKey{}, limitf("tuple too large for a dict key")
		}
	}
	return dictKey{kind: 't', s: string(s)}, nil
}
