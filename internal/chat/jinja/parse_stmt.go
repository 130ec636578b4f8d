package jinja

import (
	"fmt"
	"slices"
)

// statement parses what stands between {% and %}, and for a block everything
// up to the name in its closing tag.
func (p *parser) statement() (stmt, error) {
	t := p.next()
	if t.kind != tokName {
		p.pos--
		return nil, p.unexpected("expected a statement")
	}
	line := at(t.line)
	switch t.val {
	case "set":
		return p.set(line)
	case "if":
		return p.ifStatement(line)
	case "for":
		return p.forStatement(line)
	case "macro":
		return p.macro(line)
	case "call":
		return p.callBlock(line)
	case "filter":
		return p.filterBlock(line)
	case "with":
		return p.with(line)
	case "do":
		e, err := p.tuple(true)
		return &exprStmt{at: line, e: e}, err
	case "generation":
		body, err := p.closedBlock("generation block", "endgeneration")
		return &scopeStmt{at: line, body: body}, err
	case "break":
		return p.jump(line, t.val, flowBreak)
	case "continue":
		return p.jump(line, t.val, flowContinue)
	case "include", "import", "from", "extends", "block", "autoescape", "trans", "debug":
		return nil, &Error{Line: t.line, Err: fmt.Errorf("%w %q", ErrUnsupported, t.val)}
	}
	return nil, &Error{Line: t.line, Err: fmt.Errorf("%w: unknown statement %q", ErrSyntax, t.val)}
}

func (p *parser) jump(line at, name string, to flow) (stmt, error) {
	if p.loops == 0 {
		return nil, &Error{Line: int(line), Err: fmt.Errorf("%w: %s outside of a loop", ErrSyntax, name)}
	}
	return &jumpStmt{at: line, to: to}, nil
}

func (p *parser) set(line at) (stmt, error) {
	to, err := p.target(true)
	if err != nil {
		return nil, err
	}
	if p.skipOp("=") {
		e, err := p.tuple(true)
		return &setStmt{at: line, to: to, e: e}, err
	}
	s := &setBlock{at: line, to: to}
	if p.isOp("|") {
		if s.filter, err = p.filters(nil); err != nil {
			return nil, err
		}
	}
	s.body, err = p.closedBlock("set block", "endset")
	return s, err
}

// target parses an assignment target: names, and with ns set also attributes
// of namespaces, alone or as a tuple.
func (p *parser) target(ns bool) (target, error) {
	var items []target
	isTuple := false
	for {
		t, err := p.targetItem(ns)
		if err != nil {
			return nil, err
		}
		items = append(items, t)
		if !p.skipOp(",") {
			break
		}
		isTuple = true
		if p.isName("in") || p.isOp("=") || p.isOp(")") {
			break
		}
	}
	if isTuple {
		return &tupleTarget{items}, nil
	}
	return items[0], nil
}

// assigns reports whether a target sets the variable of a name.
func assigns(t target, name string) bool {
	switch t := t.(type) {
	case *nameTarget:
		return t.name == name
	case *tupleTarget:
		return slices.ContainsFunc(t.items, func(t target) bool { return assigns(t, name) })
	}
	return false
}

func (p *parser) targetItem(ns bool) (target, error) {
	if p.skipOp("(") {
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer func() { p.nest-- }()
		t, err := p.target(ns)
		if err != nil {
			return nil, err
		}
		return t, p.expectOp(")")
	}
	name, err := p.ident()
	if err != nil {
		return nil, err
	}
	if ns && p.skipOp(".") {
		attr := p.next()
		if attr.kind != tokName {
			p.pos--
			return nil, p.unexpected("expected an attribute name")
		}
		return &nsTarget{name, attr.val}, nil
	}
	return &nameTarget{name}, nil
}

func (p *parser) ifStatement(line at) (stmt, error) {
	s := &ifStmt{at: line}
	for {
		test, err := p.tuple(false)
		if err != nil {
			return nil, err
		}
		body, err := p.block("if", "elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		s.tests = append(s.tests, test)
		s.bodies = append(s.bodies, body)
		switch p.next().val {
		case "else":
			s.other, err = p.closedBlock("if", "endif")
			return s, err
		case "endif":
			return s, nil
		}
	}
}

func (p *parser) forStatement(line at) (stmt, error) {
	s := &forStmt{at: line}
	var err error
	if s.to, err = p.target(false); err != nil {
		return nil, err
	}
	if assigns(s.to, "loop") {
		return nil, &Error{Line: int(line), Construct: "for loop", Err: fmt.Errorf("%w: cannot assign to loop", ErrSyntax)}
	}
	if err := p.expectName("in"); err != nil {
		return nil, err
	}
	if s.seq, err = p.tuple(false); err != nil {
		return nil, err
	}
	if p.skipName("if") {
		if s.filter, err = p.expression(); err != nil {
			return nil, err
		}
	}
	s.recursive = p.skipName("recursive")
	p.loops++
	s.body, err = p.block("for loop", "endfor", "else")
	p.loops--
	if err != nil {
		return nil, err
	}
	if p.next().val == "else" {
		s.other, err = p.closedBlock("for loop", "endfor")
	}
	return s, err
}

func (p *parser) macro(line at) (stmt, error) {
	name, err := p.ident()
	if err != nil {
		return nil, err
	}
	def := &macroDef{name: name}
	if err := p.signature(def); err != nil {
		return nil, err
	}
	if err := p.macroBody(def, "macro", "endmacro"); err != nil {
		return nil, err
	}
	return &macroStmt{at: line, def: def}, nil
}

// signature parses the parameter list of a macro or call block.
func (p *parser) signature(def *macroDef) error {
	if err := p.expectOp("("); err != nil {
		return err
	}
	for !p.isOp(")") {
		if len(def.params) > 0 {
			if err := p.expectOp(","); err != nil {
				return err
			}
			if p.isOp(")") {
				break
			}
		}
		name, err := p.ident()
		if err != nil {
			return err
		}
		if p.skipOp("=") {
			e, err := p.expression()
			if err != nil {
				return err
			}
			def.defaults = append(def.defaults, e)
		} else if len(def.defaults) > 0 {
			return p.errorf("parameter %q without default follows one with default", name)
		}
		def.params = append(def.params, name)
	}
	return p.expectOp(")")
}

// macroBody parses the body of a macro and notes which special names it uses.
// Loops around the macro do not count for break and continue inside it.
func (p *parser) macroBody(def *macroDef, construct, end string) error {
	loops := p.loops
	p.loops = 0
	p.macros = append(p.macros, def)
	body, err := p.closedBlock(construct, end)
	p.macros = p.macros[:len(p.macros)-1]
	p.loops = loops
	def.body = body
	if n := len(p.macros); n > 0 {
		outer := p.macros[n-1]
		outer.caller = outer.caller || def.caller
		outer.kwargs = outer.kwargs || def.kwargs
		outer.varargs = outer.varargs || def.varargs
	}
	return err
}

func (p *parser) callBlock(line at) (stmt, error) {
	def := &macroDef{name: "caller"}
	if p.isOp("(") {
		if err := p.signature(def); err != nil {
			return nil, err
		}
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	call, ok := e.(*callExpr)
	if !ok {
		return nil, &Error{Line: int(line), Construct: "call block", Err: fmt.Errorf("%w: expected a call", ErrSyntax)}
	}
	if err := p.macroBody(def, "call block", "endcall"); err != nil {
		return nil, err
	}
	return &callBlock{at: line, call: call, caller: def}, nil
}

func (p *parser) filterBlock(line at) (stmt, error) {
	f, err := p.filter(nil)
	if err != nil {
		return nil, err
	}
	if f, err = p.filters(f); err != nil {
		return nil, err
	}
	body, err := p.closedBlock("filter block", "endfilter")
	return &filterBlock{at: line, filter: f, body: body}, err
}

func (p *parser) with(line at) (stmt, error) {
	s := &withStmt{at: line}
	for p.peek().kind != tokBlockEnd && !p.isOp(":") {
		if len(s.to) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		to, err := p.targetItem(false)
		if err != nil {
			return nil, err
		}
		if err := p.expectOp("="); err != nil {
			return nil, err
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		s.to = append(s.to, to)
		s.vals = append(s.vals, e)
	}
	body, err := p.closedBlock("with", "endwith")
	s.body = body
	return s, err
}
