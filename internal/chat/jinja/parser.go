package jinja

import (
	"fmt"
	"slices"
)

// Template is a parsed template. It does not change, so one template may be
// rendered by several goroutines at once.
type Template struct {
	body []stmt
}

// Parse parses a template of at most 256 KiB. An error is an *[Error] that
// wraps [ErrSyntax], [ErrUnsupported] or [ErrLimit].
func Parse(src string) (*Template, error) {
	if len(src) > maxSource {
		return nil, &Error{Line: 1, Err: limitf("template of %d bytes, at most %d are taken", len(src), maxSource)}
	}
	toks, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	body, err := p.statements("template")
	if err != nil {
		return nil, err
	}
	return &Template{body: body}, nil
}

// parser turns tokens into statements and expressions. Expressions are parsed
// by binding power (V. Pratt, "Top down operator precedence", 1973).
type parser struct {
	toks  []token
	pos   int
	nest  int
	loops int
	// macros holds, for every macro being parsed, the special names its body
	// has mentioned.
	macros []*macroDef
}

func (p *parser) peek() token { return p.toks[p.pos] }

func (p *parser) peekAfter() token {
	return p.toks[min(p.pos+1, len(p.toks)-1)]
}

func (p *parser) next() token {
	t := p.toks[p.pos]
	if p.pos < len(p.toks)-1 {
		p.pos++
	}
	return t
}

func (p *parser) isOp(op string) bool {
	t := p.peek()
	return t.kind == tokOp && t.val == op
}

func (p *parser) isName(names ...string) bool {
	t := p.peek()
	return t.kind == tokName && slices.Contains(names, t.val)
}

func (p *parser) skipOp(op string) bool {
	if p.isOp(op) {
		p.next()
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.isName(name) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expectOp(op string) error {
	if !p.skipOp(op) {
		return p.unexpected(fmt.Sprintf("expected %q", op))
	}
	return nil
}

func (p *parser) expectName(name string) error {
	if !p.skipName(name) {
		return p.unexpected(fmt.Sprintf("expected %q", name))
	}
	return nil
}

func (p *parser) expect(kind tokenKind) error {
	if p.peek().kind != kind {
		return p.unexpected(fmt.Sprintf("expected %v", token{kind: kind}))
	}
	p.next()
	return nil
}

// ident reads a name that is not an operator word or literal.
func (p *parser) ident() (string, error) {
	t := p.peek()
	if t.kind != tokName || isReserved(t.val) {
		return "", p.unexpected("expected a name")
	}
	p.next()
	return t.val, nil
}

func (p *parser) unexpected(want string) error {
	return p.errorf("unexpected %v, %s", p.peek(), want)
}

func (p *parser) errorf(format string, a ...any) error {
	return &Error{
		Line: p.peek().line,
		Err:  fmt.Errorf("%w: %s", ErrSyntax, fmt.Sprintf(format, a...)),
	}
}

// enter counts one level of nesting; the caller undoes it with p.nest--.
func (p *parser) enter() error {
	p.nest++
	if p.nest > maxParseNest {
		return &Error{Line: p.peek().line, Err: limitf("template nests deeper than %d", maxParseNest)}
	}
	return nil
}

// isReserved reports whether a name is a word of the expression grammar.
func isReserved(name string) bool {
	switch name {
	case "and", "or", "not", "in", "is", "if", "else", "elif",
		"true", "false", "none", "True", "False", "None":
		return true
	}
	return false
}

// statements parses until the end of the template or a tag named by ends,
// which is left as the current token. The construct being parsed is named for
// the message that it is not closed.
func (p *parser) statements(construct string, ends ...string) ([]stmt, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.nest-- }()
	line := p.peek().line
	var body []stmt
	for {
		t := p.next()
		switch t.kind {
		case tokEOF:
			if len(ends) > 0 {
				return nil, &Error{
					Line: line, Construct: construct,
					Err: fmt.Errorf("%w: not closed, expected %v", ErrSyntax, ends),
				}
			}
			return body, nil
		case tokData:
			body = append(body, &textStmt{at: at(t.line), text: literal(t.val)})
		case tokPrint:
			e, err := p.tuple(true)
			if err != nil {
				return nil, err
			}
			if err := p.expect(tokPrintEnd); err != nil {
				return nil, err
			}
			body = append(body, &printStmt{at: at(t.line), e: e})
		case tokBlock:
			if p.isName(ends...) {
				return body, nil
			}
			s, err := p.statement()
			if err != nil {
				return nil, err
			}
			body = append(body, s)
			if err := p.expect(tokBlockEnd); err != nil {
				return nil, err
			}
		}
	}
}

// block parses the rest of an opening tag and the statements up to a tag named
// by ends, whose name becomes the current token.
func (p *parser) block(construct string, ends ...string) ([]stmt, error) {
	p.skipOp(":")
	if err := p.expect(tokBlockEnd); err != nil {
		return nil, err
	}
	return p.statements(construct, ends...)
}

// closedBlock is block, and reads the name of the one closing tag too.
func (p *parser) closedBlock(construct, end string) ([]stmt, error) {
	body, err := p.block(construct, end)
	if err != nil {
		return nil, err
	}
	p.next()
	return body, nil
}

// literal returns a constant string that renders may share.
func literal(s string) *Str {
	str := Text(s)
	str.runes()
	return str
}
