package grammar

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
)

// maxRegex is the length of an expression.
const maxRegex = 64 << 10

// encoder makes expressions for code points: as they are, or as a JSON string has
// them.
type encoder struct {
	class func(ranges []rune) *Expr
}

// plainText leaves code points as they are.
var plainText = encoder{class: func(r []rune) *Expr { return &Expr{kind: kindClass, ranges: r} }}

// ParseRegex reads a regular expression (the syntax of Go's regexp package, RE2) that
// the whole text must match; ^ and $ at its ends change nothing.
func ParseRegex(text string) (*Rules, error) {
	p, err := parsePattern(text)
	if err != nil {
		return nil, err
	}
	var subs []*Expr
	for _, b := range p {
		e, err := plainText.expr(b.re, 0)
		if err != nil {
			return nil, err
		}
		subs = append(subs, e)
	}
	r := &Rules{}
	r.add("regex", alt(subs...))
	return r, nil
}

// anchored is one alternative of an expression.
type anchored struct {
	re         *syntax.Regexp // without the anchors
	begin, end bool           // it had ^ or $
}

// parsePattern reads an expression and takes the anchors off its ends.
func parsePattern(text string) ([]anchored, error) {
	if len(text) > maxRegex {
		return nil, fmt.Errorf("an expression of %d bytes, more than %d: %w", len(text), maxRegex, ErrTooComplex)
	}
	re, err := syntax.Parse(goEscapes(text), syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%w: regular expression: %w", ErrSyntax, err)
	}
	return split(re, 0), nil
}

// goEscapes rewrites \uXXXX, which Go lacks, as \x{XXXX}.
func goEscapes(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		if text[i+1] == 'u' && i+6 <= len(text) {
			b.WriteString(`\x{` + text[i+2:i+6] + `}`)
			i += 5
			continue
		}
		b.WriteString(text[i : i+2])
		i++
	}
	return b.String()
}

// split returns the alternatives of an expression that have anchors of their own.
func split(re *syntax.Regexp, depth int) []anchored {
	switch {
	case depth > maxExpr:
	case re.Op == syntax.OpCapture:
		return split(re.Sub[0], depth+1)
	case re.Op == syntax.OpAlternate:
		var all []anchored
		for _, s := range re.Sub {
			all = append(all, split(s, depth+1)...)
		}
		return all
	case re.Op == syntax.OpBeginText:
		return []anchored{{re: &syntax.Regexp{Op: syntax.OpEmptyMatch}, begin: true}}
	case re.Op == syntax.OpEndText:
		return []anchored{{re: &syntax.Regexp{Op: syntax.OpEmptyMatch}, end: true}}
	case re.Op == syntax.OpConcat:
		a := anchored{}
		subs := re.Sub
		for len(subs) > 0 && subs[0].Op == syntax.OpBeginText {
			a.begin, subs = true, subs[1:]
		}
		for len(subs) > 0 && subs[len(subs)-1].Op == syntax.OpEndText {
			a.end, subs = true, subs[:len(subs)-1]
		}
		c := *re
		c.Sub = subs
		a.re = &c
		return []anchored{a}
	}
	return []anchored{{re: re}}
}

// expr translates an expression without anchors.
func (x encoder) expr(re *syntax.Regexp, depth int) (*Expr, error) {
	if depth > maxExpr {
		return nil, fmt.Errorf("a regular expression nested deeper than %d: %w", maxExpr, ErrTooComplex)
	}
	var subs []*Expr
	for _, s := range re.Sub {
		e, err := x.expr(s, depth+1)
		if err != nil {
			return nil, err
		}
		subs = append(subs, e)
	}
	switch re.Op {
	case syntax.OpNoMatch:
		return nothing(), nil
	case syntax.OpEmptyMatch:
		return empty(), nil
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			subs = append(subs, x.class(folded(r, re.Flags&syntax.FoldCase != 0)))
		}
		return seq(subs...), nil
	case syntax.OpCharClass:
		return x.class(normalized(re.Rune)), nil
	case syntax.OpAnyChar:
		return x.class(complement(nil)), nil
	case syntax.OpAnyCharNotNL:
		return x.class(complement([]rune{'\n', '\n'})), nil
	case syntax.OpCapture:
		return subs[0], nil
	case syntax.OpConcat:
		return seq(subs...), nil
	case syntax.OpAlternate:
		return alt(subs...), nil
	case syntax.OpStar:
		return many(subs[0]), nil
	case syntax.OpPlus:
		return repeat(subs[0], 1, -1), nil
	case syntax.OpQuest:
		return opt(subs[0]), nil
	case syntax.OpRepeat:
		return repeat(subs[0], re.Min, re.Max), nil
	}
	return nil, &UnsupportedError{Keyword: re.String(), Reason: "anchors stand at the ends of an expression only, and there are no word boundaries"}
}

// folded returns a code point, or all that differ from it by case.
func folded(r rune, fold bool) []rune {
	pairs := []rune{r, r}
	if fold {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			pairs = append(pairs, f, f)
		}
	}
	return normalized(pairs)
}
