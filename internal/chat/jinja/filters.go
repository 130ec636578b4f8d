package jinja

import (
	"fmt"
)

// filterFunc is a filter applied to v.
type filterFunc func(x *interp, v Value, a *args) (Value, error)

// filters are the filters by name.
var filters = map[string]filterFunc{
	"abs":         filterAbs,
	"attr":        filterAttr,
	"batch":       filterBatch,
	"capitalize":  textFilter("capitalize", capitalize),
	"center":      filterCenter,
	"count":       filterLength,
	"d":           filterDefault,
	"default":     filterDefault,
	"dictsort":    filterDictSort,
	"e":           filterEscape,
	"escape":      filterEscape,
	"first":       filterFirst,
	"float":       filterFloat,
	"forceescape": filterForceEscape,
	"format":      filterFormat,
	"groupby":     filterGroupBy,
	"indent":      filterIndent,
	"int":         filterInt,
	"items":       filterItems,
	"join":        filterJoin,
	"last":        filterLast,
	"length":      filterLength,
	"list":        filterList,
	"lower":       textFilter("lower", lower),
	"map":         filterMap,
	"max":         extreme("max", 1),
	"min":         extreme("min", -1),
	"reject":      selector("reject", false, false),
	"rejectattr":  selector("rejectattr", true, false),
	"replace":     filterReplace,
	"reverse":     filterReverse,
	"round":       filterRound,
	"safe":        filterSafe,
	"select":      selector("select", false, true),
	"selectattr":  selector("selectattr", true, true),
	"slice":       filterSlice,
	"sort":        filterSort,
	"string":      filterString,
	"sum":         filterSum,
	"title":       textFilter("title", titleWords),
	"tojson":      filterToJSON,
	"trim":        filterTrim,
	"truncate":    filterTruncate,
	"unique":      filterUnique,
	"upper":       textFilter("upper", upper),
	"wordcount":   filterWordCount,
}

// filter applies the filter of a name.
func (x *interp) filter(name string, v Value, a *args) (Value, error) {
	f, ok := x.filters[name]
	if !ok {
		return nil, fmt.Errorf("no filter named '%s'", name)
	}
	return f(x, v, a)
}

func filterLength(_ *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("length"); err != nil {
		return nil, err
	}
	n, ok := length(v)
	if !ok {
		return nil, fmt.Errorf("object of type '%s' has no len()", v.typeName())
	}
	return Int(n), nil
}

func filterDefault(_ *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("default", "default_value?", "boolean?")
	if err != nil {
		return nil, err
	}
	_, undefined := v.(*Undefined)
	if !undefined && (truth(v) || !boolArg(p[1])) {
		return v, nil
	}
	if p[0] == nil {
		return Text(""), nil
	}
	return p[0], nil
}

func filterAttr(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("attr", "name")
	if err != nil {
		return nil, err
	}
	name, err := strArg(p[0], "")
	if err != nil {
		return nil, err
	}
	r, ok, err := x.attribute(v, name.s)
	if ok || err != nil {
		return r, err
	}
	return noAttr(v, name.s), nil
}

func filterList(x *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("list"); err != nil {
		return nil, err
	}
	items, err := x.iterate(v)
	if err != nil {
		return nil, err
	}
	return x.newList(append([]Value(nil), items...))
}

func filterItems(x *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("items"); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *Undefined:
		return x.newGen(nil, "generator")
	case *Dict:
		if err := x.alloc(v.Len(), 64); err != nil {
			return nil, err
		}
		return x.newGen(v.pairs(), "generator")
	}
	return nil, fmt.Errorf("can only get item pairs from a mapping, not '%s'", v.typeName())
}

func filterFirst(x *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("first"); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *gen:
		if len(v.items) > 0 {
			first := v.items[0]
			v.items = v.items[1:]
			return first, nil
		}
	case *Str, *List, *Tuple, *rangeVal:
		first, err := x.item(v, Int(0))
		return orUndefined(first, "no first item, sequence was empty"), err
	default:
		items, err := x.iterate(v)
		if err != nil {
			return nil, err
		}
		if len(items) > 0 {
			return items[0], nil
		}
	}
	return &Undefined{hint: "no first item, sequence was empty"}, nil
}

func filterLast(x *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("last"); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *gen:
		return nil, fmt.Errorf("'%s' object is not reversible", v.kind)
	case *Str, *List, *Tuple, *rangeVal:
		last, err := x.item(v, Int(-1))
		return orUndefined(last, "no last item, sequence was empty"), err
	}
	items, err := x.iterate(v)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return &Undefined{hint: "no last item, sequence was empty"}, nil
	}
	return items[len(items)-1], nil
}

func filterReverse(x *interp, v Value, a *args) (Value, error) {
	if _, err := a.bind("reverse"); err != nil {
		return nil, err
	}
	if s, ok := v.(*Str); ok {
		return x.slice(s, [3]Value{nil, nil, Int(-1)})
	}
	items, err := x.iterate(v)
	if err != nil {
		return nil, err
	}
	items = reversed(append([]Value(nil), items...))
	if _, ok := v.(*gen); ok {
		return x.newList(items)
	}
	return x.newGen(items, v.typeName()+"_reverseiterator")
}

func filterBatch(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("batch", "linecount", "fill_with?")
	if err != nil {
		return nil, err
	}
	size, err := intArg(p[0], 0)
	if err != nil {
		return nil, err
	}
	items, err := x.iterate(v)
	if err != nil {
		return nil, err
	}
	var rows []Value
	for len(items) > 0 {
		n := len(items)
		if size > 0 {
			n = min(size, n)
		}
		row, err := x.chain(items[:n], nil)
		if err != nil {
			return nil, err
		}
		if !absent(p[1]) && n < size {
			if err := x.alloc(size-n, 16); err != nil {
				return nil, err
			}
			for len(row) < size {
				row = append(row, p[1])
			}
		}
		rows = append(rows, NewList(row...))
		items = items[n:]
	}
	return x.newGen(rows, "generator")
}

func filterSlice(x *interp, v Value, a *args) (Value, error) {
	p, err := a.bind("slice", "slices", "fill_with?")
	if err != nil {
		return nil, err
	}
	n, err := intArg(p[0], 0)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errDivZero
	}
	n = max(n, 0)
	items, err := x.iterate(v)
	if err != nil {
		return nil, err
	}
	if err := x.alloc(n+len(items), 64); err != nil {
		return nil, err
	}
	per, extra := len(items)/max(n, 1), len(items)%max(n, 1)
	var rows []Value
	for i := range n {
		size := per
		if i < extra {
			size++
		}
		row := append([]Value(nil), items[:size]...)
		items = items[size:]
		if !absent(p[1]) && i >= extra {
			row = append(row, p[1])
		}
		rows = append(rows, NewList(row...))
	}
	return x.newGen(rows, "generator")
}

// absent reports whether an optional argument is missing or none.
func absent(v Value) bool {
	_, none := v.(None)
	return v == nil || none
}
