package jinja

import "fmt"

func (n *textStmt) exec(x *interp) (flow, error) {
	x.out.addStr(n.text)
	return flowNext, nil
}

func (n *printStmt) exec(x *interp) (flow, error) {
	v, err := x.eval(n.e)
	if err != nil {
		return flowNext, err
	}
	return flowNext, x.print(x.out, v)
}

func (n *exprStmt) exec(x *interp) (flow, error) {
	_, err := x.eval(n.e)
	return flowNext, err
}

func (n *setStmt) exec(x *interp) (flow, error) {
	v, err := x.eval(n.e)
	if err != nil {
		return flowNext, err
	}
	return flowNext, n.to.assign(x, v)
}

func (n *setBlock) exec(x *interp) (flow, error) {
	text, f, err := x.capture(n.body, x.scope)
	if err != nil || f != flowNext {
		return f, err
	}
	var v Value = text
	if n.filter != nil {
		if v, err = x.filterText(n.filter, text, x.scope); err != nil {
			return flowNext, err
		}
	}
	return flowNext, n.to.assign(x, v)
}

func (n *ifStmt) exec(x *interp) (flow, error) {
	for i, test := range n.tests {
		v, err := x.eval(test)
		if err != nil {
			return flowNext, err
		}
		if truth(v) {
			return x.run(n.bodies[i])
		}
	}
	return x.run(n.other)
}

func (n *macroStmt) exec(x *interp) (flow, error) {
	x.scope.set(n.def.name, &macroVal{def: n.def, scope: x.scope})
	return flowNext, nil
}

func (n *callBlock) exec(x *interp) (flow, error) {
	fn, err := x.eval(n.call.fn)
	if err != nil {
		return flowNext, err
	}
	a, err := x.evalArgs(&n.call.args)
	if err != nil {
		return flowNext, err
	}
	a.kw = append(a.kw, kwarg{"caller", &macroVal{def: n.caller, scope: x.scope}})
	v, err := x.call(fn, a)
	if err != nil {
		line, what := n.call.where()
		return flowNext, locate(err, line, what)
	}
	return flowNext, x.print(x.out, v)
}

func (n *filterBlock) exec(x *interp) (flow, error) {
	text, f, err := x.capture(n.body, x.scope)
	if err != nil || f != flowNext {
		return f, err
	}
	v, err := x.filterText(n.filter, text, x.scope)
	if err != nil {
		return flowNext, err
	}
	return flowNext, x.print(x.out, v)
}

func (n *withStmt) exec(x *interp) (flow, error) {
	vals, err := x.evalAll(n.vals)
	if err != nil {
		return flowNext, err
	}
	outer := x.scope
	x.scope = &scope{parent: outer}
	defer func() { x.scope = outer }()
	for i, to := range n.to {
		if err := to.assign(x, vals[i]); err != nil {
			return flowNext, err
		}
	}
	return x.run(n.body)
}

func (n *scopeStmt) exec(x *interp) (flow, error) {
	outer := x.scope
	x.scope = &scope{parent: outer}
	f, err := x.run(n.body)
	x.scope = outer
	return f, err
}

func (n *jumpStmt) exec(*interp) (flow, error) { return n.to, nil }

func (t *nameTarget) assign(x *interp, v Value) error {
	x.scope.set(t.name, v)
	return nil
}

func (t *nsTarget) assign(x *interp, v Value) error {
	ns, _ := x.scope.lookup(t.name)
	n, ok := ns.(*namespace)
	if !ok {
		return fmt.Errorf("cannot assign attribute %q of %q: not a namespace", t.attr, t.name)
	}
	return x.setItem(n.d, Text(t.attr), v)
}

func (t *tupleTarget) assign(x *interp, v Value) error {
	items, err := x.iterate(v)
	if err != nil {
		return err
	}
	if len(items) != len(t.items) {
		return fmt.Errorf("cannot unpack %d values into %d names", len(items), len(t.items))
	}
	for i, to := range t.items {
		if err := to.assign(x, items[i]); err != nil {
			return err
		}
	}
	return nil
}
