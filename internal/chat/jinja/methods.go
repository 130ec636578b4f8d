package jinja

import (
	"errors"
	"fmt"
	"slices"
)

// listMethods are the methods of lists; those that change the list do so in
// place.
var listMethods = map[string]method{
	"append":  listAppend,
	"clear":   listClear,
	"copy":    listCopy,
	"count":   seqCount,
	"extend":  listExtend,
	"index":   seqIndex,
	"insert":  listInsert,
	"pop":     listPop,
	"remove":  listRemove,
	"reverse": listReverse,
}

// tupleMethods are the methods of tuples.
var tupleMethods = map[string]method{
	"count": seqCount,
	"index": seqIndex,
}

// dictMethods are the methods of dicts.
var dictMethods = map[string]method{
	"clear":      dictClear,
	"copy":       dictCopy,
	"get":        dictGet,
	"items":      dictView("items"),
	"keys":       dictView("keys"),
	"pop":        dictPop,
	"popitem":    dictPopItem,
	"setdefault": dictSetDefault,
	"update":     dictUpdate,
	"values":     dictView("values"),
}

func items(v Value) []Value {
	switch v := v.(type) {
	case *List:
		return v.items
	case *Tuple:
		return v.items
	}
	return nil
}

func listAppend(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("append", "object")
	if err != nil {
		return nil, err
	}
	l := recv.(*List)
	if err := x.alloc(2, 16); err != nil {
		return nil, err
	}
	l.items = append(l.items, p[0])
	return None{}, nil
}

func listClear(_ *interp, recv Value, a *args) (Value, error) {
	recv.(*List).items = nil
	_, err := a.bind("clear")
	return None{}, err
}

func listCopy(x *interp, recv Value, a *args) (Value, error) {
	if _, err := a.bind("copy"); err != nil {
		return nil, err
	}
	return x.newList(slices.Clone(recv.(*List).items))
}

func listExtend(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("extend", "iterable")
	if err != nil {
		return nil, err
	}
	more, err := x.iterate(p[0])
	if err != nil {
		return nil, err
	}
	l := recv.(*List)
	if err := x.alloc(len(more), 32); err != nil {
		return nil, err
	}
	l.items = append(l.items, more...)
	return None{}, nil
}

func listInsert(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("insert", "index", "object")
	if err != nil {
		return nil, err
	}
	i, err := intArg(p[0], 0)
	if err != nil {
		return nil, err
	}
	l := recv.(*List)
	if i < 0 {
		i = max(i+len(l.items), 0)
	}
	if err := x.alloc(2, 16); err != nil {
		return nil, err
	}
	l.items = slices.Insert(l.items, min(i, len(l.items)), p[1])
	return None{}, x.work(len(l.items))
}

func listPop(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("pop", "index?")
	if err != nil {
		return nil, err
	}
	i, err := intArg(p[0], -1)
	if err != nil {
		return nil, err
	}
	l := recv.(*List)
	if i < 0 {
		i += len(l.items)
	}
	if i < 0 || i >= len(l.items) {
		return nil, errors.New("pop index out of range")
	}
	v := l.items[i]
	l.items = slices.Delete(l.items, i, i+1)
	return v, x.work(len(l.items) - i)
}

func listRemove(x *interp, recv Value, a *args) (Value, error) {
	i, err := x.search(recv, a, "remove")
	if err != nil {
		return nil, err
	}
	l := recv.(*List)
	l.items = slices.Delete(l.items, i, i+1)
	return None{}, nil
}

func listReverse(x *interp, recv Value, a *args) (Value, error) {
	if _, err := a.bind("reverse"); err != nil {
		return nil, err
	}
	l := recv.(*List)
	reversed(l.items)
	return None{}, x.work(len(l.items))
}

func seqIndex(x *interp, recv Value, a *args) (Value, error) {
	i, err := x.search(recv, a, "index")
	return Int(i), err
}

// search finds the one argument in a sequence.
func (x *interp) search(recv Value, a *args, name string) (int, error) {
	p, err := a.bind(name, "value")
	if err != nil {
		return 0, err
	}
	for i, item := range items(recv) {
		eq, err := x.equal(item, p[0])
		if err != nil {
			return 0, err
		}
		if eq {
			return i, nil
		}
	}
	return 0, fmt.Errorf("value is not in %s", recv.typeName())
}

func seqCount(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("count", "value")
	if err != nil {
		return nil, err
	}
	n := 0
	for _, item := range items(recv) {
		eq, err := x.equal(item, p[0])
		if err != nil {
			return nil, err
		}
		if eq {
			n++
		}
	}
	return Int(n), nil
}

func dictView(kind string) method {
	return func(_ *interp, recv Value, a *args) (Value, error) {
		_, err := a.bind(kind)
		return &view{d: recv.(*Dict), kind: "dict_" + kind}, err
	}
}

func dictGet(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("get", "key", "default?")
	if err != nil {
		return nil, err
	}
	k, err := x.key(p[0])
	if err != nil {
		return nil, err
	}
	if v, ok := recv.(*Dict).get(k); ok {
		return v, nil
	}
	return orNone(p[1]), nil
}

func orNone(v Value) Value {
	if v == nil {
		return None{}
	}
	return v
}

func dictPop(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("pop", "key", "default?")
	if err != nil {
		return nil, err
	}
	k, err := x.key(p[0])
	if err != nil {
		return nil, err
	}
	d := recv.(*Dict)
	if err := x.work(64 * d.Len()); err != nil {
		return nil, err
	}
	if v, ok := d.remove(k); ok {
		return v, nil
	}
	if p[1] == nil {
		return nil, errors.New("key not found")
	}
	return p[1], nil
}

func dictPopItem(x *interp, recv Value, a *args) (Value, error) {
	if _, err := a.bind("popitem"); err != nil {
		return nil, err
	}
	d := recv.(*Dict)
	if d.Len() == 0 {
		return nil, errors.New("dictionary is empty")
	}
	if err := x.work(64 * d.Len()); err != nil {
		return nil, err
	}
	key := d.keys[d.Len()-1]
	k, err := x.key(key)
	if err != nil {
		return nil, err
	}
	v, _ := d.remove(k)
	return &Tuple{items: []Value{key, v}}, nil
}

func dictSetDefault(x *interp, recv Value, a *args) (Value, error) {
	p, err := a.bind("setdefault", "key", "default?")
	if err != nil {
		return nil, err
	}
	k, err := x.key(p[0])
	if err != nil {
		return nil, err
	}
	d := recv.(*Dict)
	if v, ok := d.get(k); ok {
		return v, nil
	}
	v := orNone(p[1])
	return v, x.setItem(d, p[0], v)
}

func dictUpdate(x *interp, recv Value, a *args) (Value, error) {
	return None{}, x.fillDict(recv.(*Dict), a, "update")
}

func dictClear(_ *interp, recv Value, a *args) (Value, error) {
	_, err := a.bind("clear")
	*recv.(*Dict) = *NewDict()
	return None{}, err
}

func dictCopy(x *interp, recv Value, a *args) (Value, error) {
	if _, err := a.bind("copy"); err != nil {
		return nil, err
	}
	d := recv.(*Dict)
	if err := x.alloc(d.Len(), 120); err != nil {
		return nil, err
	}
	return d.copy(), nil
}

// fillDict sets entries from the arguments that dict() and update() take: a
// mapping or pairs, then keywords.
func (x *interp) fillDict(d *Dict, a *args, name string) error {
	if len(a.pos) > 1 {
		return fmt.Errorf("%s takes at most 1 positional argument, %d given", name, len(a.pos))
	}
	if len(a.pos) == 1 {
		if err := x.fillFrom(d, a.pos[0]); err != nil {
			return err
		}
	}
	for _, kw := range a.kw {
		if err := x.setItem(d, Text(kw.name), kw.v); err != nil {
			return err
		}
	}
	return nil
}

func (x *interp) fillFrom(d *Dict, v Value) error {
	if from, ok := v.(*Dict); ok {
		for i := range from.keys {
			if err := x.setItem(d, from.keys[i], from.vals[i]); err != nil {
				return err
			}
		}
		return nil
	}
	pairs, err := x.iterate(v)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		kv, err := x.iterate(p)
		if err != nil {
			return err
		}
		if len(kv) != 2 {
			return errors.New("dictionary update sequence elements must be pairs")
		}
		if err := x.setItem(d, kv[0], kv[1]); err != nil {
			return err
		}
	}
	return nil
}
