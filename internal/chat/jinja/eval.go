package jinja

import "fmt"

func (n *constExpr) eval(*interp) (Value, error) { return n.v, nil }

func (n *nameExpr) eval(x *interp) (Value, error) {
	if v, ok := x.scope.lookup(n.name); ok {
		return v, nil
	}
	return &Undefined{hint: fmt.Sprintf("'%s' is undefined", n.name)}, nil
}

func (x *interp) evalAll(es []expr) ([]Value, error) {
	out := make([]Value, len(es))
	for i, e := range es {
		v, err := x.eval(e)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (n *seqExpr) eval(x *interp) (Value, error) {
	items, err := x.evalAll(n.items)
	if err != nil {
		return nil, err
	}
	if n.tuple {
		return &Tuple{items: items}, x.alloc(len(items)+2, 16)
	}
	return x.newList(items)
}

func (n *dictExpr) eval(x *interp) (Value, error) {
	d := NewDict()
	for i := range n.keys {
		k, err := x.eval(n.keys[i])
		if err != nil {
			return nil, err
		}
		v, err := x.eval(n.vals[i])
		if err != nil {
			return nil, err
		}
		if err := x.setItem(d, k, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// setItem sets an entry of a dict and accounts for it.
func (x *interp) setItem(d *Dict, k, v Value) error {
	key, err := x.key(k)
	if err != nil {
		return err
	}
	if err := x.alloc(1, 120+len(key.s)); err != nil {
		return err
	}
	d.set(key, k, v)
	return nil
}

func (n *condExpr) eval(x *interp) (Value, error) {
	test, err := x.eval(n.test)
	if err != nil {
		return nil, err
	}
	if truth(test) {
		return x.eval(n.then)
	}
	if n.other == nil {
		return &Undefined{hint: "the inline if-expression was false and has no else"}, nil
	}
	return x.eval(n.other)
}

func (n *logicExpr) eval(x *interp) (Value, error) {
	left, err := x.eval(n.left)
	if err != nil || truth(left) == n.or {
		return left, err
	}
	return x.eval(n.right)
}

func (n *notExpr) eval(x *interp) (Value, error) {
	v, err := x.eval(n.e)
	if err != nil {
		return nil, err
	}
	return Bool(!truth(v)), nil
}

func (n *signExpr) eval(x *interp) (Value, error) {
	v, err := x.eval(n.e)
	if err != nil {
		return nil, err
	}
	return sign(v, n.neg)
}

func (n *binaryExpr) eval(x *interp) (Value, error) {
	left, err := x.eval(n.left)
	if err != nil {
		return nil, err
	}
	right, err := x.eval(n.right)
	if err != nil {
		return nil, err
	}
	return x.binary(n.op, left, right)
}

func (n *compareExpr) eval(x *interp) (Value, error) {
	left, err := x.eval(n.first)
	if err != nil {
		return nil, err
	}
	for i, op := range n.ops {
		right, err := x.eval(n.rest[i])
		if err != nil {
			return nil, err
		}
		ok, err := x.compare(op, left, right)
		if err != nil {
			return nil, err
		}
		if !ok {
			return Bool(false), nil
		}
		left = right
	}
	return Bool(true), nil
}

func (n *concatExpr) eval(x *interp) (Value, error) {
	b := x.newBuilder()
	for _, e := range n.items {
		v, err := x.eval(e)
		if err != nil {
			return nil, err
		}
		if err := x.print(b, v); err != nil {
			return nil, err
		}
	}
	return b.str(), nil
}

func (n *attrExpr) eval(x *interp) (Value, error) {
	v, err := x.eval(n.e)
	if err != nil {
		return nil, err
	}
	return x.getAttr(v, n.name)
}

func (n *itemExpr) eval(x *interp) (Value, error) {
	v, err := x.eval(n.e)
	if err != nil {
		return nil, err
	}
	index, err := x.eval(n.index)
	if err != nil {
		return nil, err
	}
	return x.getItem(v, index)
}

func (n *sliceExpr) eval(x *interp) (Value, error) {
	v, err := x.eval(n.e)
	if err != nil {
		return nil, err
	}
	var bounds [3]Value
	for i, e := range []expr{n.lo, n.hi, n.step} {
		if e == nil {
			continue
		}
		if bounds[i], err = x.eval(e); err != nil {
			return nil, err
		}
	}
	return x.slice(v, bounds)
}

func (n *callExpr) eval(x *interp) (Value, error) {
	fn, err := x.eval(n.fn)
	if err != nil {
		return nil, err
	}
	a, err := x.evalArgs(&n.args)
	if err != nil {
		return nil, err
	}
	return x.call(fn, a)
}

func (n *filterExpr) eval(x *interp) (Value, error) {
	var v Value
	var err error
	if n.e == nil {
		v, _ = x.scope.lookup(blockText)
	} else if v, err = x.eval(n.e); err != nil {
		return nil, err
	}
	a, err := x.evalArgs(&n.args)
	if err != nil {
		return nil, err
	}
	return x.filter(n.name, v, a)
}

func (n *testExpr) eval(x *interp) (Value, error) {
	v, err := x.eval(n.e)
	if err != nil {
		return nil, err
	}
	a, err := x.evalArgs(&n.args)
	if err != nil {
		return nil, err
	}
	ok, err := x.test(n.name, v, a)
	return Bool(ok), err
}

// blockText is the variable in which a filter block or set block hands its
// text to its filters; no template can name it.
const blockText = "|text"

// filterText runs a chain of filters over the text of a block.
func (x *interp) filterText(chain expr, text *Str, parent *scope) (Value, error) {
	outer := x.scope
	x.scope = &scope{parent: parent}
	x.scope.set(blockText, text)
	v, err := x.eval(chain)
	x.scope = outer
	return v, err
}

func (x *interp) evalArgs(l *argList) (*args, error) {
	a := &args{}
	var err error
	if a.pos, err = x.evalAll(l.pos); err != nil {
		return nil, err
	}
	if l.star != nil {
		v, err := x.eval(l.star)
		if err != nil {
			return nil, err
		}
		items, err := x.iterate(v)
		if err != nil {
			return nil, err
		}
		a.pos = append(a.pos, items...)
	}
	for i, e := range l.kwVals {
		v, err := x.eval(e)
		if err != nil {
			return nil, err
		}
		a.kw = append(a.kw, kwarg{l.kwNames[i], v})
	}
	if l.starStar == nil {
		return a, nil
	}
	v, err := x.eval(l.starStar)
	if err != nil {
		return nil, err
	}
	return a, x.spread(a, v)
}

// spread adds the entries of a dict as keyword arguments.
func (x *interp) spread(a *args, v Value) error {
	d, ok := v.(*Dict)
	if !ok {
		return fmt.Errorf("argument after ** must be a mapping, not %s", v.typeName())
	}
	if err := x.alloc(d.Len(), 32); err != nil {
		return err
	}
	for i, k := range d.keys {
		s, ok := k.(*Str)
		if !ok {
			return fmt.Errorf("keywords must be strings")
		}
		if _, twice := a.keyword(s.s); twice {
			return fmt.Errorf("got multiple values for keyword argument '%s'", s.s)
		}
		a.kw = append(a.kw, kwarg{s.s, d.vals[i]})
	}
	return nil
}

func (x *interp) call(fn Value, a *args) (Value, error) {
	switch fn := fn.(type) {
	case *function:
		return fn.call(x, a)
	case *macroVal:
		return x.callMacro(fn, a)
	case *loopVal:
		return x.callLoop(fn, a)
	case *Undefined:
		return nil, fn.err()
	}
	return nil, fmt.Errorf("'%s' object is not callable", fn.typeName())
}

// err is the error of using an undefined value.
func (u *Undefined) err() error { return fmt.Errorf("%w: %s", ErrUndefined, u.hint) }
