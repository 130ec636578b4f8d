package grammar

import "slices"

type kind uint8

const (
	kindClass  kind = iota // one code point of ranges
	kindText               // these bytes
	kindSeq                // all of subs
	kindAlt                // one of subs; none of them: nothing matches
	kindRepeat             // subs[0], min to max times
	kindRef                // a rule
	kindToken              // one token of, or not of, tokens
)

// Expr is the right side of a rule. Expressions may share parts.
type Expr struct {
	kind   kind
	ranges []rune // pairs lo, hi, sorted and apart
	text   string
	subs   []*Expr
	min    int
	max    int // -1 = no limit
	rule   int
	tokens []int32
	negate bool
}

// Rules is a set of rules; the first one is what the text must match.
type Rules struct {
	Names  []string
	Bodies []*Expr // nil: named, but not defined yet
}

// add defines a rule and returns a reference to it.
func (r *Rules) add(name string, body *Expr) *Expr {
	r.Names, r.Bodies = append(r.Names, name), append(r.Bodies, body)
	return ref(len(r.Bodies) - 1)
}

func lit(s string) *Expr { return &Expr{kind: kindText, text: s} }

func ref(rule int) *Expr { return &Expr{kind: kindRef, rule: rule} }

func empty() *Expr { return lit("") }

// nothing matches no text.
func nothing() *Expr { return &Expr{kind: kindAlt} }

// class matches one code point of pairs lo, hi in any order.
func class(pairs ...rune) *Expr {
	return &Expr{kind: kindClass, ranges: normalized(pairs)}
}

// notClass matches one code point outside the pairs.
func notClass(pairs ...rune) *Expr {
	return &Expr{kind: kindClass, ranges: complement(normalized(pairs))}
}

func seq(subs ...*Expr) *Expr {
	if len(subs) == 1 {
		return subs[0]
	}
	return &Expr{kind: kindSeq, subs: subs}
}

func alt(subs ...*Expr) *Expr {
	if len(subs) == 1 {
		return subs[0]
	}
	return &Expr{kind: kindAlt, subs: subs}
}

// repeat matches e min to max times; max -1 is no limit.
func repeat(e *Expr, min, max int) *Expr {
	return &Expr{kind: kindRepeat, subs: []*Expr{e}, min: min, max: max}
}

func opt(e *Expr) *Expr { return repeat(e, 0, 1) }

func many(e *Expr) *Expr { return repeat(e, 0, -1) }

// Code points that text may hold: surrogates have no encoding.
const (
	surrogateLo, surrogateHi = 0xD800, 0xDFFF
	maxRune                  = 0x10FFFF
)

// normalized sorts and joins ranges and leaves out surrogates.
func normalized(pairs []rune) []rune {
	type span struct{ lo, hi rune }
	var spans []span
	for i := 0; i+1 < len(pairs); i += 2 {
		lo, hi := max(pairs[i], 0), min(pairs[i+1], maxRune)
		if lo < surrogateLo && hi > surrogateHi {
			spans = append(spans, span{lo, surrogateLo - 1}, span{surrogateHi + 1, hi})
			continue
		}
		if lo >= surrogateLo && lo <= surrogateHi {
			lo = surrogateHi + 1
		}
		if hi >= surrogateLo && hi <= surrogateHi {
			hi = surrogateLo - 1
		}
		if lo <= hi {
			spans = append(spans, span{lo, hi})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo - b.lo) })
	var out []rune
	for _, s := range spans {
		if n := len(out); n > 0 && s.lo <= out[n-1]+1 {
			out[n-1] = max(out[n-1], s.hi)
			continue
		}
		out = append(out, s.lo, s.hi)
	}
	return out
}

// complement returns the code points outside normalized ranges.
func complement(ranges []rune) []rune {
	var out []rune
	next := rune(0)
	for i := 0; i < len(ranges); i += 2 {
		if next < ranges[i] {
			out = append(out, next, ranges[i]-1)
		}
		next = ranges[i+1] + 1
	}
	if next <= maxRune {
		out = append(out, next, maxRune)
	}
	return normalized(out)
}

// overlap returns the code points that two normalized lists share.
func overlap(a, b []rune) []rune {
	var out []rune
	for i := 0; i < len(a); i += 2 {
		for k := 0; k < len(b); k += 2 {
			if lo, hi := max(a[i], b[k]), min(a[i+1], b[k+1]); lo <= hi {
				out = append(out, lo, hi)
			}
		}
	}
	return normalized(out)
}
