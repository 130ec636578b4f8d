package jinja

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// mapText applies f to every run of one origin and keeps the marks.
func (x *interp) mapText(s *Str, f func(string) string) *Str {
	b := x.newBuilder()
	eachSpan(s, func(text string, in bool) { b.add(f(text), in) })
	r := b.str()
	r.html = s.html
	return r
}

func upperText(s string) string { return cases.Upper(language.Und).String(s) }
func lowerText(s string) string { return cases.Lower(language.Und).String(s) }

func upper(x *interp, s *Str) Value { return x.mapText(s, upperText) }
func lower(x *interp, s *Str) Value { return x.mapText(s, lowerText) }

// capitalize makes the first character upper case and the others lower case.
func capitalize(x *interp, s *Str) Value {
	if s.s == "" {
		return s
	}
	_, w := utf8.DecodeRuneInString(s.s)
	first := x.mapText(s.sub(0, w), func(t string) string {
		return cases.Title(language.Und, cases.NoLower).String(t)
	})
	return x.concat(first, x.mapText(s.sub(w, len(s.s)), lowerText))
}

func isCased(r rune) bool { return unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r) }

// title makes the first letter of every run of letters upper case.
func title(x *interp, s *Str) Value {
	inWord := false
	return x.mapText(s, func(text string) string {
		out := make([]rune, 0, len(text))
		for _, r := range text {
			if inWord {
				r2 := unicode.ToLower(r)
				out = append(out, r2)
			} else {
				out = append(out, unicode.ToTitle(r))
			}
			inWord = isCased(r)
		}
		return string(out)
	})
}

func swapCase(x *interp, s *Str) Value {
	return x.mapText(s, func(text string) string {
		out := make([]byte, 0, len(text))
		for _, r := range text {
			switch {
			case unicode.IsUpper(r):
				out = append(out, lowerText(string(r))...)
			case unicode.IsLower(r):
				out = append(out, upperText(string(r))...)
			default:
				out = utf8.AppendRune(out, r)
			}
		}
		return string(out)
	})
}

func isAlpha(r rune) bool   { return unicode.IsLetter(r) }
func isDecimal(r rune) bool { return unicode.Is(unicode.Nd, r) }

// isDigit also takes superscripts and the like, as Python does.
func isDigit(r rune) bool {
	return isDecimal(r) || r == '²' || r == '³' || r == '¹' || r == '⁰' ||
		r >= '⁴' && r <= '⁹' || r >= '₀' && r <= '₉' || r >= '①' && r <= '⑨'
}

func isNumeric(r rune) bool { return unicode.Is(unicode.N, r) || isCJKNumber(r) }

func isAlnum(r rune) bool { return isAlpha(r) || isNumeric(r) }

// isCJKNumber reports whether r is one of the common ideographs that stand for
// a number.
func isCJKNumber(r rune) bool {
	switch r {
	case '〇', '一', '二', '三', '四', '五', '六', '七', '八', '九', '十', '百', '千', '万', '億', '兆':
		return true
	}
	return false
}

// isUpper and isLower report whether s has letters with case, all of one case.
func isUpper(s string) bool { return oneCase(s, unicode.IsUpper) }
func isLower(s string) bool { return oneCase(s, unicode.IsLower) }

func oneCase(s string, is func(rune) bool) bool {
	some := false
	for _, r := range s {
		if isCased(r) {
			if !is(r) {
				return false
			}
			some = true
		}
	}
	return some
}
