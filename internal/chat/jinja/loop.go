package jinja

import "errors"

// loopVal is the variable loop inside a for loop. Items are taken one by one,
// because a filter on the loop may see what the body has changed.
type loopVal struct {
	x     *interp
	node  *forStmt
	scope *scope // where the loop stands

	src   []Value // items not yet looked at
	taken int     // items given to the body
	depth int     // nesting of a recursive loop, from 0

	filter bool // src still has to pass the filter

	prev, cur, after Value // nil when there is none
	length           int   // -1 until known
	changedTo        []Value
	everChanged      bool
}

func (n *forStmt) exec(x *interp) (flow, error) {
	v, err := x.eval(n.seq)
	if err != nil {
		return flowNext, err
	}
	if !n.recursive {
		return flowNext, x.loop(n, v, x.scope, 0)
	}
	s, err := x.recursion(n, v, x.scope, 0)
	if err != nil {
		return flowNext, err
	}
	x.out.addStr(s)
	return flowNext, nil
}

// loop runs a for loop over v; scope is where the loop stands.
func (x *interp) loop(n *forStmt, v Value, outer *scope, depth int) error {
	items, err := x.iterate(v)
	if err != nil {
		return err
	}
	l := &loopVal{
		x: x, node: n, scope: outer, src: items, depth: depth,
		filter: n.filter != nil, length: -1,
	}
	back := x.scope
	defer func() { x.scope = back }()
	for {
		item, err := l.advance()
		if err != nil {
			return err
		}
		if item == nil {
			break
		}
		x.scope = &scope{parent: outer}
		x.scope.set("loop", l)
		if err := n.to.assign(x, item); err != nil {
			return err
		}
		f, err := x.run(n.body)
		if err != nil {
			return err
		}
		if f == flowBreak {
			return nil
		}
		if err := x.step(); err != nil {
			return err
		}
	}
	if l.taken > 0 || len(n.other) == 0 {
		return nil
	}
	x.scope = &scope{parent: outer}
	_, err = x.run(n.other)
	return err
}

// recursion renders one level of a recursive loop to text.
func (x *interp) recursion(n *forStmt, v Value, outer *scope, depth int) (*Str, error) {
	if err := x.enterCall(); err != nil {
		return nil, err
	}
	out := x.out
	x.out = x.newBuilder()
	err := x.loop(n, v, outer, depth)
	s := x.out.str()
	x.out = out
	x.calls--
	return s, err
}

func (x *interp) callLoop(l *loopVal, a *args) (Value, error) {
	if !l.node.recursive {
		return nil, errors.New("the loop must have the 'recursive' marker to be called")
	}
	v, err := a.bind("loop", "iterable")
	if err != nil {
		return nil, err
	}
	return x.recursion(l.node, v[0], l.scope, l.depth+1)
}

// pull returns the next item that passes the filter, or nil.
func (l *loopVal) pull() (Value, error) {
	for len(l.src) > 0 {
		item := l.src[0]
		l.src = l.src[1:]
		if !l.filter {
			return item, nil
		}
		ok, err := l.passes(item)
		if err != nil {
			return nil, err
		}
		if ok {
			return item, nil
		}
	}
	return nil, nil
}

func (l *loopVal) passes(item Value) (bool, error) {
	x := l.x
	back := x.scope
	defer func() { x.scope = back }()
	x.scope = &scope{parent: l.scope}
	if err := l.node.to.assign(x, item); err != nil {
		return false, err
	}
	v, err := x.eval(l.node.filter)
	return err == nil && truth(v), err
}

// advance moves to the next item and returns it, or nil at the end.
func (l *loopVal) advance() (Value, error) {
	item, err := l.peek()
	if item == nil || err != nil {
		return nil, err
	}
	l.after = nil
	l.prev, l.cur = l.cur, item
	l.taken++
	return item, nil
}

// peek returns the item after the current one without moving, or nil.
func (l *loopVal) peek() (Value, error) {
	if l.after != nil {
		return l.after, nil
	}
	var err error
	l.after, err = l.pull()
	return l.after, err
}

// count returns the length of the loop, filtering what is left of it.
func (l *loopVal) count() (int, error) {
	if l.length >= 0 {
		return l.length, nil
	}
	var rest []Value
	for l.filter {
		item, err := l.pull()
		if err != nil {
			return 0, err
		}
		if item == nil {
			l.src, l.filter = rest, false
			break
		}
		rest = append(rest, item)
		l.x.charge(16)
	}
	l.length = l.taken + len(l.src)
	if l.after != nil {
		l.length++
	}
	return l.length, nil
}

// attr returns an attribute of the loop variable; ok is false if there is none
// of that name.
func (l *loopVal) attr(name string) (v Value, ok bool, err error) {
	switch name {
	case "index":
		return Int(l.taken), true, nil
	case "index0":
		return Int(l.taken - 1), true, nil
	case "first":
		return Bool(l.taken == 1), true, nil
	case "depth":
		return Int(l.depth + 1), true, nil
	case "depth0":
		return Int(l.depth), true, nil
	case "length", "revindex", "revindex0":
		n, err := l.count()
		switch name {
		case "revindex":
			n -= l.taken - 1
		case "revindex0":
			n -= l.taken
		}
		return Int(n), true, err
	case "last", "nextitem":
		next, err := l.peek()
		if name == "last" {
			return Bool(next == nil), true, err
		}
		return orUndefined(next, "there is no next item"), true, err
	case "previtem":
		return orUndefined(l.prev, "there is no previous item"), true, nil
	case "cycle":
		return &function{name: name, call: l.cycle}, true, nil
	case "changed":
		return &function{name: name, call: l.changed}, true, nil
	}
	return nil, false, nil
}

func orUndefined(v Value, hint string) Value {
	if v == nil {
		return &Undefined{hint: hint}
	}
	return v
}

func (l *loopVal) cycle(_ *interp, a *args) (Value, error) {
	if len(a.pos) == 0 {
		return nil, errors.New("no items for cycling given")
	}
	return a.pos[(l.taken-1)%len(a.pos)], nil
}

func (l *loopVal) changed(x *interp, a *args) (Value, error) {
	same, err := false, error(nil)
	if l.everChanged {
		same, err = x.equal(&Tuple{items: l.changedTo}, &Tuple{items: a.pos})
	}
	l.changedTo, l.everChanged = a.pos, true
	return Bool(!same), err
}
