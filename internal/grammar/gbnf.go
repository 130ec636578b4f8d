package grammar

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of grammar texts; the bound of repetitions is llama.cpp's.
const (
	maxGrammar = 1 << 20 // bytes
	maxRepeat  = 2000
	maxNesting = 100 // groups inside groups
)

// TokenID finds the token with a text; ok is false when there is none or the text is
// more than one token.
type TokenID func(text string) (id int32, ok bool)

// ParseGBNF reads a grammar in the notation of llama.cpp: rules "name ::= …" of which
// "root" is the whole text; literals, character classes, ".", groups, alternatives,
// "*", "+", "?", {m,n}, "#" comments, and whole tokens <[id]>, <text> and their
// negation with "!". tokens may be nil when none is named by its text.
func ParseGBNF(text string, tokens TokenID) (*Rules, error) {
	if len(text) > maxGrammar {
		return nil, fmt.Errorf("a grammar of %d bytes, more than %d: %w", len(text), maxGrammar, ErrTooComplex)
	}
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("%w: the grammar is not UTF-8", ErrSyntax)
	}
	p := &gbnf{text: text, tokens: tokens, rules: &Rules{}, index: map[string]int{}}
	p.rule("root")
	p.space(true)
	for p.at < len(p.text) {
		if err := p.definition(); err != nil {
			return nil, err
		}
	}
	if p.rules.Bodies[0] == nil {
		return nil, fmt.Errorf("%w: the grammar has no rule \"root\"", ErrSyntax)
	}
	for i, b := range p.rules.Bodies {
		if b == nil {
			return nil, fmt.Errorf("%w: rule %q is not defined", ErrSyntax, p.rules.Names[i])
		}
	}
	return p.rules, nil
}

// gbnf is a recursive-descent parser.
type gbnf struct {
	text   string
	at     int
	tokens TokenID
	rules  *Rules
	index  map[string]int
	depth  int
}

func (p *gbnf) errorf(format string, args ...any) error {
	line := 1 + strings.Count(p.text[:p.at], "\n")
	col := utf8.RuneCountInString(p.text[strings.LastIndexByte(p.text[:p.at], '\n')+1 : p.at])
	return fmt.Errorf("%w at line %d, column %d: %s", ErrSyntax, line, col+1, fmt.Sprintf(format, args...))
}

// rule returns the number of a rule, which need not be defined yet.
func (p *gbnf) rule(name string) int {
	i, ok := p.index[name]
	if !ok {
		i = len(p.rules.Names)
		p.index[name] = i
		p.rules.Names, p.rules.Bodies = append(p.rules.Names, name), append(p.rules.Bodies, nil)
	}
	return i
}

func (p *gbnf) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *gbnf) has(s string) bool {
	if strings.HasPrefix(p.text[p.at:], s) {
		p.at += len(s)
		return true
	}
	return false
}

// space skips blanks and comments, and line ends where they mean nothing.
func (p *gbnf) space(lines bool) {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == ' ' || c == '\t' || lines && (c == '\n' || c == '\r'):
			p.at++
		case c == '#':
			for p.at < len(p.text) && p.text[p.at] != '\n' && p.text[p.at] != '\r' {
				p.at++
			}
		default:
			return
		}
	}
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

func (p *gbnf) name() (string, error) {
	from := p.at
	for wordByte(p.peek()) {
		p.at++
	}
	if p.at == from {
		return "", p.errorf("expected a name")
	}
	return p.text[from:p.at], nil
}

// definition reads "name ::= alternatives" with the line end.
func (p *gbnf) definition() error {
	from := p.at
	name, err := p.name()
	if err != nil {
		return err
	}
	p.space(false)
	if !p.has("::=") {
		return p.errorf("expected ::= after the name")
	}
	i := p.rule(name)
	if p.rules.Bodies[i] != nil {
		p.at = from
		return p.errorf("rule %q is defined twice", name)
	}
	p.space(true)
	body, err := p.alternatives(false)
	if err != nil {
		return err
	}
	p.rules.Bodies[i] = body
	if c := p.peek(); p.at < len(p.text) && c != '\n' && c != '\r' {
		return p.errorf("expected the end of the line or of the grammar")
	}
	p.space(true)
	return nil
}

func (p *gbnf) alternatives(nested bool) (*Expr, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, fmt.Errorf("groups nested deeper than %d: %w", maxNesting, ErrTooComplex)
	}
	defer func() { p.depth-- }()
	var subs []*Expr
	for {
		e, err := p.sequence(nested)
		if err != nil {
			return nil, err
		}
		subs = append(subs, e)
		if !p.has("|") {
			return alt(subs...), nil
		}
		p.space(true)
	}
}

func (p *gbnf) sequence(nested bool) (*Expr, error) {
	var subs []*Expr
	for p.at < len(p.text) {
		e, err := p.symbol()
		if err != nil {
			return nil, err
		}
		if e == nil {
			break
		}
		p.space(nested)
		if e, err = p.quantified(e); err != nil {
			return nil, err
		}
		subs = append(subs, e)
		p.space(nested)
	}
	return seq(subs...), nil
}

// symbol reads one symbol, nil when the sequence has ended.
func (p *gbnf) symbol() (*Expr, error) {
	switch c := p.peek(); {
	case c == '"':
		return p.literal()
	case c == '[':
		return p.class()
	case c == '.':
		p.at++
		return notClass(), nil
	case c == '(':
		p.at++
		p.space(true)
		e, err := p.alternatives(true)
		if err != nil {
			return nil, err
		}
		if !p.has(")") {
			return nil, p.errorf("expected )")
		}
		return e, nil
	case c == '<' || c == '!':
		return p.token()
	case wordByte(c):
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		return ref(p.rule(name)), nil
	}
	return nil, nil
}

// token reads <[id]>, <text> or the negation of one.
func (p *gbnf) token() (*Expr, error) {
	from := p.at
	e := &Expr{kind: kindToken, negate: p.has("!")}
	if p.peek() != '<' {
		return nil, p.errorf("expected < after !")
	}
	n := strings.IndexByte(p.text[p.at:], '>')
	if n < 0 || strings.ContainsAny(p.text[p.at:p.at+n], "\n\r") {
		return nil, p.errorf("a token has no closing >")
	}
	text := p.text[p.at : p.at+n+1]
	p.at += n + 1
	if strings.HasPrefix(text, "<[") {
		var id int32
		if m, err := fmt.Sscanf(text, "<[%d]>", &id); m != 1 || err != nil || id < 0 || fmt.Sprintf("<[%d]>", id) != text {
			p.at = from
			return nil, p.errorf("%s is no token id", text)
		}
		e.tokens = []int32{id}
		return e, nil
	}
	if p.tokens == nil {
		return nil, p.errorf("%s: there is no vocabulary to look it up in", text)
	}
	id, ok := p.tokens(text)
	if !ok {
		p.at = from
		return nil, p.errorf("%s is not one token of the vocabulary", text)
	}
	e.tokens = []int32{id}
	return e, nil
}

func (p *gbnf) literal() (*Expr, error) {
	p.at++
	var b strings.Builder
	for {
		if p.at >= len(p.text) {
			return nil, p.errorf("a literal has no closing \"")
		}
		if p.has("\"") {
			return lit(b.String()), nil
		}
		r, err := p.char()
		if err != nil {
			return nil, err
		}
		b.WriteRune(r)
	}
}

func (p *gbnf) class() (*Expr, error) {
	p.at++
	negate := p.has("^")
	var pairs []rune
	for !p.has("]") {
		lo, err := p.char()
		if err != nil {
			return nil, err
		}
		hi := lo
		if p.at+1 < len(p.text) && p.text[p.at] == '-' && p.text[p.at+1] != ']' {
			p.at++
			if hi, err = p.char(); err != nil {
				return nil, err
			}
			if hi < lo {
				return nil, p.errorf("the range %q-%q is empty", lo, hi)
			}
		}
		pairs = append(pairs, lo, hi)
	}
	if negate {
		return notClass(pairs...), nil
	}
	return class(pairs...), nil
}

// escapes of one letter.
var gbnfEscapes = map[byte]rune{
	't': '\t', 'r': '\r', 'n': '\n', '\\': '\\', '"': '"', '[': '[', ']': ']', '-': '-', '^': '^',
}

// char reads a code point of a literal or class.
func (p *gbnf) char() (rune, error) {
	if p.at >= len(p.text) {
		return 0, p.errorf("unexpected end of the grammar")
	}
	r, n := utf8.DecodeRuneInString(p.text[p.at:])
	if r != '\\' {
		p.at += n
		return r, nil
	}
	p.at++
	c := p.peek()
	if e, ok := gbnfEscapes[c]; ok {
		p.at++
		return e, nil
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
	if digits == 0 || p.at+1+digits > len(p.text) {
		return 0, p.errorf("unknown escape \\%c", c)
	}
	p.at++
	v := rune(0)
	for range digits {
		d := strings.IndexByte("0123456789abcdef", p.text[p.at]|0x20)
		if p.text[p.at] < '0' || d < 0 || v > maxRune {
			return 0, p.errorf("an escape needs %d hexadecimal digits", digits)
		}
		v = v<<4 | rune(d)
		p.at++
	}
	if !utf8.ValidRune(v) {
		return 0, p.errorf("U+%X is no character", v)
	}
	return v, nil
}

// quantified reads what may follow a symbol.
func (p *gbnf) quantified(e *Expr) (*Expr, error) {
	switch {
	case p.has("*"):
		return many(e), nil
	case p.has("+"):
		return repeat(e, 1, -1), nil
	case p.has("?"):
		return opt(e), nil
	case !p.has("{"):
		return e, nil
	}
	p.space(true)
	lo, err := p.number()
	if err != nil {
		return nil, err
	}
	p.space(true)
	hi := lo
	if p.has(",") {
		p.space(true)
		if hi = -1; p.peek() != '}' {
			if hi, err = p.number(); err != nil {
				return nil, err
			}
		}
		p.space(true)
	}
	if !p.has("}") {
		return nil, p.errorf("expected }")
	}
	if hi >= 0 && hi < lo {
		return nil, p.errorf("the repetition {%d,%d} is empty", lo, hi)
	}
	return repeat(e, lo, hi), nil
}

func (p *gbnf) number() (int, error) {
	from, n := p.at, 0
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		if n = 10*n + int(c-'0'); n > maxRepeat {
			return 0, fmt.Errorf("a repetition above %d: %w", maxRepeat, ErrTooComplex)
		}
		p.at++
	}
	if from == p.at {
		return 0, p.errorf("expected a number")
	}
	return n, nil
}
