package jinja

import (
	"strconv"
	"strings"
)

// Binding powers, weakest first. The reference binds ~ tighter than + and -,
// chains comparisons, and makes ** group to the left.
const (
	bindOr = iota + 1
	bindAnd
	bindNot
	bindCompare
	bindAdd
	bindConcat
	bindMul
	bindPow
)

// infix returns the operator at the current token and its binding power, or 0.
func (p *parser) infix() (op string, power int) {
	t := p.peek()
	switch {
	case t.kind == tokName:
		switch t.val {
		case "or":
			return t.val, bindOr
		case "and":
			return t.val, bindAnd
		case "in":
			return t.val, bindCompare
		case "not":
			if next := p.peekAfter(); next.kind == tokName && next.val == "in" {
				return "not in", bindCompare
			}
		}
	case t.kind == tokOp:
		switch t.val {
		case "==", "!=", "<", "<=", ">", ">=":
			return t.val, bindCompare
		case "+", "-":
			return t.val, bindAdd
		case "~":
			return t.val, bindConcat
		case "*", "/", "//", "%":
			return t.val, bindMul
		case "**":
			return t.val, bindPow
		}
	}
	return "", 0
}

func (p *parser) takeInfix(op string) {
	p.next()
	if op == "not in" {
		p.next()
	}
}

// expression parses an expression, inline if included.
func (p *parser) expression() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.nest-- }()
	line := at(p.peek().line)
	e, err := p.binary(bindOr)
	for err == nil && p.skipName("if") {
		c := &condExpr{at: line, then: e}
		if c.test, err = p.binary(bindOr); err != nil {
			return nil, err
		}
		if p.skipName("else") {
			if c.other, err = p.expression(); err != nil {
				return nil, err
			}
		}
		e = c
	}
	return e, err
}

// binary parses operators that bind at least as tightly as least.
func (p *parser) binary(least int) (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.nest-- }()
	left, err := p.prefix(least)
	if err != nil {
		return nil, err
	}
	for {
		line := at(p.peek().line)
		op, power := p.infix()
		if power == 0 || power < least {
			return left, nil
		}
		switch power {
		case bindCompare:
			left, err = p.comparison(line, left)
		case bindConcat:
			left, err = p.concat(line, left)
		default:
			p.takeInfix(op)
			var right expr
			if right, err = p.binary(power + 1); err != nil {
				return nil, err
			}
			if power <= bindAnd {
				left = &logicExpr{at: line, left: left, right: right, or: power == bindOr}
			} else {
				left = &binaryExpr{at: line, op: op, left: left, right: right}
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

// prefix parses what may stand at the start of an operand.
func (p *parser) prefix(least int) (expr, error) {
	if !p.isName("not") {
		return p.unary(true)
	}
	if least > bindNot {
		return nil, p.unexpected("expected an operand")
	}
	line := at(p.next().line)
	e, err := p.binary(bindNot)
	return &notExpr{at: line, e: e}, err
}

func (p *parser) comparison(line at, first expr) (expr, error) {
	c := &compareExpr{at: line, first: first}
	for {
		op, power := p.infix()
		if power != bindCompare {
			return c, nil
		}
		p.takeInfix(op)
		e, err := p.binary(bindCompare + 1)
		if err != nil {
			return nil, err
		}
		c.ops = append(c.ops, op)
		c.rest = append(c.rest, e)
	}
}

func (p *parser) concat(line at, first expr) (expr, error) {
	c := &concatExpr{at: line, items: []expr{first}}
	for p.skipOp("~") {
		e, err := p.binary(bindConcat + 1)
		if err != nil {
			return nil, err
		}
		c.items = append(c.items, e)
	}
	return c, nil
}

// unary parses a signed operand with what is attached to it. A sign binds
// tighter than a filter: -1|abs is (-1)|abs.
func (p *parser) unary(filters bool) (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.nest-- }()
	var e expr
	var err error
	if line := at(p.peek().line); p.isOp("-") || p.isOp("+") {
		neg := p.next().val == "-"
		e, err = p.unary(false)
		e = &signExpr{at: line, e: e, neg: neg}
	} else {
		e, err = p.primary()
	}
	if err == nil {
		e, err = p.postfix(e)
	}
	if err == nil && filters {
		e, err = p.filters(e)
	}
	return e, err
}

func (p *parser) primary() (expr, error) {
	t := p.peek()
	line := at(t.line)
	switch t.kind {
	case tokName:
		return p.name()
	case tokString:
		var b strings.Builder
		for p.peek().kind == tokString {
			b.WriteString(p.next().val)
		}
		return &constExpr{at: line, v: literal(b.String())}, nil
	case tokInt:
		p.next()
		n, err := strconv.ParseInt(t.val, 0, 64)
		if err != nil {
			if n, err = strconv.ParseInt(t.val, 10, 64); err != nil {
				return nil, p.errorf("integer %s is too large", t.val)
			}
		}
		return &constExpr{at: line, v: Int(n)}, nil
	case tokFloat:
		p.next()
		f, _ := strconv.ParseFloat(t.val, 64) // out of range gives infinity, as in Python
		return &constExpr{at: line, v: Float(f)}, nil
	case tokOp:
		switch t.val {
		case "(":
			return p.parens()
		case "[":
			return p.list()
		case "{":
			return p.dict()
		}
	}
	return nil, p.unexpected("expected an expression")
}

func (p *parser) name() (expr, error) {
	t := p.peek()
	line := at(t.line)
	switch t.val {
	case "true", "True", "false", "False":
		p.next()
		return &constExpr{at: line, v: Bool(t.val == "true" || t.val == "True")}, nil
	case "none", "None":
		p.next()
		return &constExpr{at: line, v: None{}}, nil
	}
	name, err := p.ident()
	if err != nil {
		return nil, err
	}
	if n := len(p.macros); n > 0 {
		def := p.macros[n-1]
		def.caller = def.caller || name == "caller"
		def.kwargs = def.kwargs || name == "kwargs"
		def.varargs = def.varargs || name == "varargs"
	}
	return &nameExpr{at: line, name: name}, nil
}

// tuple parses one expression, or several with commas as a tuple. With cond
// unset an inline if at the top level is left for the caller.
func (p *parser) tuple(cond bool) (expr, error) {
	line := at(p.peek().line)
	parse := p.expression
	if !cond {
		parse = func() (expr, error) { return p.binary(bindOr) }
	}
	e, err := parse()
	if err != nil || !p.isOp(",") {
		return e, err
	}
	items := []expr{e}
	for p.skipOp(",") && !p.tupleEnd() {
		if e, err = parse(); err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return &seqExpr{at: line, items: items, tuple: true}, nil
}

// tupleEnd reports whether a tuple may end here, after a comma.
func (p *parser) tupleEnd() bool {
	switch p.peek().kind {
	case tokPrintEnd, tokBlockEnd:
		return true
	}
	return p.isOp(")") || p.isName("recursive")
}

func (p *parser) parens() (expr, error) {
	line := at(p.next().line)
	if p.skipOp(")") {
		return &seqExpr{at: line, tuple: true}, nil
	}
	e, err := p.tuple(true)
	if err != nil {
		return nil, err
	}
	return e, p.expectOp(")")
}

func (p *parser) list() (expr, error) {
	s := &seqExpr{at: at(p.next().line)}
	for !p.isOp("]") {
		if len(s.items) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.isOp("]") {
				break
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		s.items = append(s.items, e)
	}
	return s, p.expectOp("]")
}

func (p *parser) dict() (expr, error) {
	d := &dictExpr{at: at(p.next().line)}
	for !p.isOp("}") {
		if len(d.keys) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.isOp("}") {
				break
			}
		}
		k, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expectOp(":"); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys = append(d.keys, k)
		d.vals = append(d.vals, v)
	}
	return d, p.expectOp("}")
}
