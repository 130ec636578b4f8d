package jinja

import (
	"slices"
	"strconv"
)

// postfix parses attributes, subscripts and calls behind e.
func (p *parser) postfix(e expr) (expr, error) {
	for {
		var err error
		switch {
		case p.isOp("."):
			e, err = p.attribute(e)
		case p.isOp("["):
			e, err = p.subscript(e)
		case p.isOp("("):
			e, err = p.call(e)
		default:
			return e, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// filters parses filters, tests and calls behind e. A nil e stands for the
// text of the surrounding block.
func (p *parser) filters(e expr) (expr, error) {
	for {
		var err error
		switch {
		case p.skipOp("|"):
			e, err = p.filter(e)
		case e != nil && p.isName("is"):
			e, err = p.test(e)
		case e != nil && p.isOp("("):
			e, err = p.call(e)
		default:
			return e, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *parser) attribute(e expr) (expr, error) {
	line := at(p.next().line)
	t := p.peek()
	switch t.kind {
	case tokName:
		p.next()
		return &attrExpr{at: line, e: e, name: t.val}, nil
	case tokInt:
		p.next()
		n, err := strconv.ParseInt(t.val, 10, 64)
		if err != nil {
			return nil, p.errorf("bad index %s", t.val)
		}
		return &itemExpr{at: line, e: e, index: &constExpr{at: line, v: Int(n)}}, nil
	}
	return nil, p.unexpected("expected a name or number after the dot")
}

func (p *parser) subscript(e expr) (expr, error) {
	line := at(p.next().line)
	var lo expr
	var err error
	if !p.isOp(":") {
		if lo, err = p.expression(); err != nil {
			return nil, err
		}
		if p.isOp(",") {
			return p.tupleSubscript(line, e, lo)
		}
		if !p.isOp(":") {
			return &itemExpr{at: line, e: e, index: lo}, p.expectOp("]")
		}
	}
	s := &sliceExpr{at: line, e: e, lo: lo}
	p.next()
	if !p.isOp(":") && !p.isOp("]") {
		if s.hi, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if p.skipOp(":") && !p.isOp("]") {
		if s.step, err = p.expression(); err != nil {
			return nil, err
		}
	}
	return s, p.expectOp("]")
}

// tupleSubscript parses the rest of a[x, y].
func (p *parser) tupleSubscript(line at, e, first expr) (expr, error) {
	index := &seqExpr{at: line, items: []expr{first}, tuple: true}
	for p.skipOp(",") && !p.isOp("]") {
		item, err := p.expression()
		if err != nil {
			return nil, err
		}
		index.items = append(index.items, item)
	}
	return &itemExpr{at: line, e: e, index: index}, p.expectOp("]")
}

func (p *parser) call(e expr) (expr, error) {
	line := at(p.peek().line)
	args, err := p.arguments()
	return &callExpr{at: line, fn: e, args: args}, err
}

// arguments parses a parenthesised argument list.
func (p *parser) arguments() (argList, error) {
	var a argList
	if err := p.expectOp("("); err != nil {
		return a, err
	}
	for first := true; !p.isOp(")"); first = false {
		if !first {
			if err := p.expectOp(","); err != nil {
				return a, err
			}
			if p.isOp(")") {
				break
			}
		}
		if err := p.argument(&a); err != nil {
			return a, err
		}
	}
	return a, p.expectOp(")")
}

func (p *parser) argument(a *argList) error {
	line := p.peek()
	var err error
	switch {
	case p.isOp("*") && a.star == nil && a.starStar == nil:
		p.next()
		a.star, err = p.expression()
		return err
	case p.isOp("**") && a.starStar == nil:
		p.next()
		a.starStar, err = p.expression()
		return err
	}
	if next := p.peekAfter(); line.kind == tokName && next.kind == tokOp && next.val == "=" {
		if a.starStar != nil || slices.Contains(a.kwNames, line.val) {
			return p.errorf("keyword argument %q is misplaced or repeated", line.val)
		}
		p.next()
		p.next()
		e, err := p.expression()
		a.kwNames = append(a.kwNames, line.val)
		a.kwVals = append(a.kwVals, e)
		return err
	}
	if a.star != nil || a.starStar != nil || len(a.kwNames) > 0 {
		return p.errorf("positional argument follows a keyword argument")
	}
	e, err := p.expression()
	a.pos = append(a.pos, e)
	return err
}

// dottedName reads the name of a filter or test.
func (p *parser) dottedName() (string, error) {
	t := p.peek()
	if t.kind != tokName {
		return "", p.unexpected("expected a name")
	}
	p.next()
	name := t.val
	for p.skipOp(".") {
		t := p.next()
		if t.kind != tokName {
			p.pos--
			return "", p.unexpected("expected a name")
		}
		name += "." + t.val
	}
	return name, nil
}

func (p *parser) filter(e expr) (expr, error) {
	f := &filterExpr{at: at(p.peek().line), e: e}
	var err error
	if f.name, err = p.dottedName(); err == nil && p.isOp("(") {
		f.args, err = p.arguments()
	}
	return f, err
}

// test parses a test behind "is"; its argument may stand without parentheses.
func (p *parser) test(e expr) (expr, error) {
	line := at(p.next().line)
	negated := p.skipName("not")
	name, err := p.dottedName()
	if err != nil {
		return nil, err
	}
	t := &testExpr{at: line, e: e, name: name}
	switch next := p.peek(); {
	case p.isOp("("):
		t.args, err = p.arguments()
	case p.isName("is"):
		return nil, p.errorf("tests cannot be chained with is")
	case next.kind == tokString || next.kind == tokInt || next.kind == tokFloat || p.isOp("[") || p.isOp("{"),
		next.kind == tokName && p.startsTestArgument(next.val):
		var arg expr
		if arg, err = p.primary(); err == nil {
			arg, err = p.postfix(arg)
		}
		t.args.pos = []expr{arg}
	}
	if err != nil || !negated {
		return t, err
	}
	return &notExpr{at: line, e: t}, nil
}

// startsTestArgument reports whether a name behind a test is its argument
// rather than a word that continues the expression or statement.
func (p *parser) startsTestArgument(name string) bool {
	switch name {
	case "true", "false", "none", "True", "False", "None":
		return true
	case "recursive":
		return false
	}
	return !isReserved(name)
}
