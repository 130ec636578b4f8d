package jinja

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEOF      tokenKind = iota
	tokData               // template text; val is the text
	tokPrint              // {{
	tokPrintEnd           // }}
	tokBlock              // {%
	tokBlockEnd           // %}
	tokName               // identifier or keyword
	tokString             // string literal; val is the unescaped text
	tokInt                // integer literal, as written
	tokFloat              // float literal, as written
	tokOp                 // operator or bracket
)

type token struct {
	kind tokenKind
	val  string
	line int
}

func (t token) String() string {
	switch t.kind {
	case tokEOF:
		return "end of template"
	case tokData:
		return "template text"
	case tokPrint:
		return "{{"
	case tokPrintEnd:
		return "}}"
	case tokBlock:
		return "{%"
	case tokBlockEnd:
		return "%}"
	}
	return fmt.Sprintf("%q", t.val)
}

// lexer cuts a template into tokens. It follows the rules of the reference's
// lexer with trim_blocks and lstrip_blocks on and keep_trailing_newline off.
type lexer struct {
	src   string
	pos   int
	line  int
	toks  []token
	stack []byte // closing brackets that are due
}

// lex returns the tokens of a template, the last one being tokEOF.
func lex(src string) ([]token, error) {
	src = strings.ReplaceAll(src, "\r\n", "\n")
	src = strings.ReplaceAll(src, "\r", "\n")
	src = strings.TrimSuffix(src, "\n")
	l := &lexer{src: src, line: 1}
	for l.pos < len(l.src) {
		if err := l.text(); err != nil {
			return nil, err
		}
	}
	l.emit(tokEOF, "")
	return l.toks, nil
}

func (l *lexer) emit(kind tokenKind, val string) {
	l.toks = append(l.toks, token{kind, val, l.line})
}

func (l *lexer) errorf(format string, a ...any) error {
	return &Error{Line: l.line, Err: fmt.Errorf("%w: %s", ErrSyntax, fmt.Sprintf(format, a...))}
}

// advance moves to byte offset to and counts the lines passed.
func (l *lexer) advance(to int) {
	l.line += strings.Count(l.src[l.pos:to], "\n")
	l.pos = to
}

// text reads template text up to the next tag and the tag itself.
func (l *lexer) text() error {
	start := l.nextTag(l.pos)
	if start < 0 {
		l.emit(tokData, l.src[l.pos:])
		l.pos = len(l.src)
		return nil
	}
	if after, ok := l.rawTag(start, "raw"); ok {
		return l.raw(start, after)
	}
	l.data(start, l.sign(start+2), l.src[start+1] == '{')
	open := l.src[start+1]
	at := start + 2
	if at < len(l.src) && (l.src[at] == '-' || l.src[at] == '+') {
		at++
	}
	switch open {
	case '#':
		return l.comment(at)
	case '{':
		l.emit(tokPrint, "")
		l.advance(at)
		return l.code(tokPrintEnd)
	default:
		l.emit(tokBlock, "")
		l.advance(at)
		return l.code(tokBlockEnd)
	}
}

// nextTag finds the next {{, {% or {#.
func (l *lexer) nextTag(from int) int {
	for {
		i := strings.IndexByte(l.src[from:], '{')
		if i < 0 || from+i+1 >= len(l.src) {
			return -1
		}
		from += i
		switch l.src[from+1] {
		case '{', '%', '#':
			return from
		}
		from++
	}
}

// sign returns the whitespace control sign at offset at, or 0.
func (l *lexer) sign(at int) byte {
	if at < len(l.src) && (l.src[at] == '-' || l.src[at] == '+') {
		return l.src[at]
	}
	return 0
}

// data emits the text from the current position up to a tag at end, cut as the
// tag's sign and lstrip_blocks ask, and moves to the tag.
func (l *lexer) data(end int, sign byte, isPrint bool) {
	text := l.src[l.pos:end]
	switch {
	case sign == '-':
		text = strings.TrimRightFunc(text, isSpace)
	case sign == 0 && !isPrint:
		line := strings.LastIndexByte(text, '\n') + 1
		starts := line > 0 || l.pos == 0 || l.src[l.pos-1] == '\n'
		if starts && strings.TrimLeftFunc(text[line:], isSpace) == "" {
			text = text[:line]
		}
	}
	if text != "" {
		l.emit(tokData, text)
	}
	l.advance(end)
}

// comment skips a comment whose text starts at offset at.
func (l *lexer) comment(at int) error {
	i := strings.Index(l.src[at:], "#}")
	if i < 0 {
		return l.errorf("comment is not closed")
	}
	end := at + i
	trimAll := end > at && l.src[end-1] == '-'
	keep := end > at && l.src[end-1] == '+'
	l.advance(l.afterTag(end+2, trimAll, keep))
	return nil
}

// afterTag returns the offset behind the whitespace that a closing tag which
// ends at offset at swallows.
func (l *lexer) afterTag(at int, trimAll, keep bool) int {
	switch {
	case trimAll:
		rest := strings.TrimLeftFunc(l.src[at:], isSpace)
		return len(l.src) - len(rest)
	case !keep && at < len(l.src) && l.src[at] == '\n':
		return at + 1
	}
	return at
}

// rawTag matches {% name %} at offset at, signs allowed, and returns the
// offset behind it, before any trimming.
func (l *lexer) rawTag(at int, name string) (int, bool) {
	if !strings.HasPrefix(l.src[at:], "{%") {
		return 0, false
	}
	at += 2
	if l.sign(at) != 0 {
		at++
	}
	at = l.skipSpace(at)
	if !strings.HasPrefix(l.src[at:], name) {
		return 0, false
	}
	at = l.skipSpace(at + len(name))
	if l.sign(at) != 0 {
		at++
	}
	return at + 2, strings.HasPrefix(l.src[at:], "%}")
}

// raw emits a raw block that opens at start and whose text begins at after.
func (l *lexer) raw(start, after int) error {
	l.data(start, l.sign(start+2), false)
	line := l.line
	l.advance(l.afterTag(after, l.src[after-3] == '-', true))
	for from := l.pos; ; {
		i := strings.Index(l.src[from:], "{%")
		if i < 0 {
			return &Error{Line: line, Construct: "raw block", Err: fmt.Errorf("%w: not closed", ErrSyntax)}
		}
		from += i
		end, ok := l.rawTag(from, "endraw")
		if !ok {
			from += 2
			continue
		}
		l.data(from, l.sign(from+2), false)
		l.advance(l.afterTag(end, l.src[end-3] == '-', l.src[end-3] == '+'))
		return nil
	}
}

func (l *lexer) skipSpace(at int) int {
	for at < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[at:])
		if !isSpace(r) {
			break
		}
		at += n
	}
	return at
}

// isSpace is Python's str.isspace for one character.
func isSpace(r rune) bool {
	switch {
	case r >= 0x1c && r <= 0x1f:
		return true
	case r < utf8.RuneSelf:
		return r == ' ' || r >= '\t' && r <= '\r'
	}
	return unicode.IsSpace(r)
}
