package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// operators in the order in which they are tried.
var operators = []string{
	"//", "**", "==", "!=", ">=", "<=",
	"+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
}

// code reads the inside of a tag up to and including its end.
func (l *lexer) code(end tokenKind) error {
	line := l.line
	l.stack = l.stack[:0]
	for {
		l.advance(l.skipSpace(l.pos))
		if l.pos >= len(l.src) {
			return &Error{Line: line, Err: l.unclosed(end)}
		}
		if len(l.stack) == 0 && l.tagEnd(end) {
			return nil
		}
		if err := l.codeToken(); err != nil {
			return err
		}
	}
}

func (l *lexer) unclosed(end tokenKind) error {
	open := "{%"
	if end == tokPrintEnd {
		open = "{{"
	}
	return fmt.Errorf("%w: %s is not closed", ErrSyntax, open)
}

// tagEnd reads the end of a tag if it stands here.
func (l *lexer) tagEnd(end tokenKind) bool {
	closing, at := "%}", l.pos
	if end == tokPrintEnd {
		closing = "}}"
	}
	trimAll := l.src[at] == '-'
	keep := l.src[at] == '+' && end == tokBlockEnd
	if trimAll || keep {
		at++
	}
	if !strings.HasPrefix(l.src[at:], closing) {
		return false
	}
	l.emit(end, "")
	l.advance(l.afterTag(at+2, trimAll, keep || end == tokPrintEnd))
	return true
}

func (l *lexer) codeToken() error {
	c := l.src[l.pos]
	switch {
	case c >= '0' && c <= '9':
		l.number()
		return nil
	case c == '\'' || c == '"':
		return l.quoted(c)
	}
	if n := identLen(l.src[l.pos:]); n > 0 {
		l.emit(tokName, l.src[l.pos:l.pos+n])
		l.pos += n
		return nil
	}
	for _, op := range operators {
		if strings.HasPrefix(l.src[l.pos:], op) {
			if err := l.balance(op); err != nil {
				return err
			}
			l.emit(tokOp, op)
			l.pos += len(op)
			return nil
		}
	}
	r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
	return l.errorf("unexpected character %q", r)
}

// balance keeps track of open brackets, so that }} inside a dict literal does
// not end the tag.
func (l *lexer) balance(op string) error {
	switch op {
	case "(":
		l.stack = append(l.stack, ')')
	case "[":
		l.stack = append(l.stack, ']')
	case "{":
		l.stack = append(l.stack, '}')
	case ")", "]", "}":
		n := len(l.stack)
		if n == 0 {
			return l.errorf("unexpected %q", op)
		}
		if l.stack[n-1] != op[0] {
			return l.errorf("unexpected %q, expected %q", op, string(l.stack[n-1]))
		}
		l.stack = l.stack[:n-1]
	}
	return nil
}

// identLen returns the length of the identifier that s starts with, or 0.
func identLen(s string) int {
	n := 0
	for n < len(s) {
		r, w := utf8.DecodeRuneInString(s[n:])
		ok := r == '_' || unicode.IsLetter(r) || n > 0 && (unicode.IsDigit(r) || unicode.Is(unicode.M, r))
		if !ok {
			break
		}
		n += w
	}
	return n
}

// digits returns the offset behind a run of digits in s that may be separated
// by single underscores, starting at i.
func digits(s string, i int, isDigit func(byte) bool) int {
	for i < len(s) && (isDigit(s[i]) || s[i] == '_' && i+1 < len(s) && isDigit(s[i+1])) {
		i++
	}
	return i
}

func decimal(c byte) bool { return c >= '0' && c <= '9' }

// number reads an integer or float literal; it stands at a digit.
func (l *lexer) number() {
	s, kind := l.src[l.pos:], tokInt
	n := l.radixLen(s)
	if n == 0 {
		n = digits(s, 0, decimal)
		afterDot := l.pos > 0 && l.src[l.pos-1] == '.'
		if end := fraction(s, n); end > n && !afterDot {
			n, kind = end, tokFloat
		}
	}
	l.emit(kind, strings.ReplaceAll(s[:n], "_", ""))
	l.pos += n
}

// fraction returns the offset behind the fractional part and exponent that
// follow the integer part s[:n], or n when there is none.
func fraction(s string, n int) int {
	end := n
	if n+1 < len(s) && s[n] == '.' && decimal(s[n+1]) {
		end = digits(s, n+1, decimal)
	}
	if end < len(s) && (s[end] == 'e' || s[end] == 'E') {
		i := end + 1
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if i < len(s) && decimal(s[i]) {
			end = digits(s, i, decimal)
		}
	}
	return end
}

// radixLen returns the length of a literal such as 0x1f, or 0.
func (l *lexer) radixLen(s string) int {
	if len(s) < 3 || s[0] != '0' {
		return 0
	}
	is := func(set string) func(byte) bool {
		return func(c byte) bool { return strings.IndexByte(set, c) >= 0 }
	}
	n := 2
	switch s[1] {
	case 'x', 'X':
		n = digits(s, 2, is("0123456789abcdefABCDEF"))
	case 'o', 'O':
		n = digits(s, 2, is("01234567"))
	case 'b', 'B':
		n = digits(s, 2, is("01"))
	}
	if n == 2 {
		return 0
	}
	return n
}

// quoted reads a string literal; it stands at the quote q.
func (l *lexer) quoted(q byte) error {
	end := l.pos + 1
	for end < len(l.src) && l.src[end] != q {
		if l.src[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(l.src) {
		return l.errorf("string is not closed")
	}
	val, err := l.unescape(l.src[l.pos+1 : end])
	if err != nil {
		return err
	}
	l.emit(tokString, val)
	l.advance(end + 1)
	return nil
}

var simpleEscapes = map[byte]string{
	'\n': "", '\\': `\`, '\'': `'`, '"': `"`,
	'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescape resolves the escapes of a Python string literal.
func (l *lexer) unescape(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		c := s[i+1] // a backslash is never last: quoted skips what follows it
		i += 2
		if r, ok := simpleEscapes[c]; ok {
			b.WriteString(r)
			continue
		}
		n, base := escapeLen(c)
		switch {
		case c >= '0' && c <= '7':
			i--
			for n = 1; n < 3 && i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '7'; {
				n++
			}
		case n == 0:
			b.WriteByte('\\')
			b.WriteByte(c)
			continue
		}
		if i+n > len(s) {
			return "", l.errorf("cut off \\%c escape in string", c)
		}
		code, err := strconv.ParseUint(s[i:i+n], base, 32)
		if err != nil || code > unicode.MaxRune {
			return "", l.errorf("bad \\%c escape in string", c)
		}
		b.WriteRune(rune(code))
		i += n
	}
	return b.String(), nil
}

// escapeLen returns how many digits follow the escape \c, and their base.
func escapeLen(c byte) (n, base int) {
	switch c {
	case 'x':
		return 2, 16
	case 'u':
		return 4, 16
	case 'U':
		return 8, 16
	}
	return 0, 8
}
