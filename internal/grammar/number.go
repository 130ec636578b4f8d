package grammar

import (
	"math/big"
	"strings"
)

// Digits that are written where a schema sets no bound.
const (
	intDigits  = 16
	fracDigits = 12
)

func digits(lo, hi byte) *Expr {
	if lo > hi {
		return nothing()
	}
	return class(rune(lo), rune(hi))
}

// anyDigits matches min to max digits.
func anyDigits(min, max int) *Expr { return repeat(digits('0', '9'), min, max) }

// anyInt and anyNumber are numbers without bounds.
func anyInt() *Expr {
	return seq(opt(lit("-")), alt(lit("0"), seq(digits('1', '9'), anyDigits(0, intDigits-1))))
}

func anyNumber() *Expr {
	exp := seq(class('e', 'e', 'E', 'E'), opt(class('+', '+', '-', '-')), anyDigits(1, 2))
	return seq(anyInt(), opt(seq(lit("."), anyDigits(1, fracDigits))), opt(exp))
}

// bound is one end of a range; nil value is no bound.
type bound struct {
	value *big.Rat
	open  bool // the value itself is outside
}

// tighter returns the stricter of two lower (sign -1) or upper (sign 1) bounds.
func tighter(a, b bound, sign int) bound {
	switch {
	case a.value == nil:
		return b
	case b.value == nil:
		return a
	}
	switch c := sign * a.value.Cmp(b.value); {
	case c < 0:
		return a
	case c > 0:
		return b
	}
	return bound{a.value, a.open || b.open}
}

// decimal is a bound without sign: whole.frac, frac without zeros at its end.
type decimal struct {
	whole *big.Int
	frac  string
	open  bool
}

// boundDigits is how many fraction digits of a bound are exact; JSON numbers that are
// accepted as bounds have no more.
const boundDigits = 130

func (b bound) decimal() decimal {
	text := new(big.Rat).Abs(b.value).FloatString(boundDigits)
	whole, frac, _ := strings.Cut(text, ".")
	n, _ := new(big.Int).SetString(whole, 10)
	return decimal{n, strings.TrimRight(frac, "0"), b.open}
}

// numberRange matches the numbers from lo to hi: whole ones, or with fractions.
func numberRange(lo, hi bound, whole bool) *Expr {
	if lo.value != nil && hi.value != nil && lo.value.Cmp(hi.value) > 0 {
		return nothing()
	}
	zero := bound{value: new(big.Rat)}
	var subs []*Expr
	if lo.value == nil || lo.value.Sign() < 0 { // the negative ones, mirrored
		from := bound{zero.value, true}
		if hi.value != nil && hi.value.Sign() < 0 {
			from = hi
		}
		subs = append(subs, seq(lit("-"), unsignedRange(from, lo, whole)))
	}
	if hi.value == nil || hi.value.Sign() >= 0 {
		from := zero
		if lo.value != nil && lo.value.Sign() >= 0 {
			from = lo
		}
		subs = append(subs, unsignedRange(from, hi, whole))
	}
	return alt(subs...)
}

// unsignedRange matches numbers between the amounts of two bounds.
func unsignedRange(lo, hi bound, whole bool) *Expr {
	a := lo.decimal()
	var b decimal
	if hi.value == nil {
		n := max(intDigits, len(a.whole.String())+1)
		top := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
		b = decimal{whole: top, open: true}
	} else {
		b = hi.decimal()
	}
	one := big.NewInt(1)
	if whole {
		first, last := a.whole, b.whole
		if a.frac != "" || a.open {
			first = new(big.Int).Add(first, one)
		}
		if b.frac == "" && b.open {
			last = new(big.Int).Sub(last, one)
		}
		return intRange(first, last)
	}
	if a.whole.Cmp(b.whole) == 0 {
		return seq(lit(a.whole.String()), fracBetween(a, b))
	}
	between := intRange(new(big.Int).Add(a.whole, one), new(big.Int).Sub(b.whole, one))
	return alt(
		seq(lit(a.whole.String()), fracFrom(a)),
		seq(between, opt(seq(lit("."), anyDigits(1, fracDigits)))),
		seq(lit(b.whole.String()), fracTo(b)))
}

// intRange matches the whole numbers from lo to hi, both 0 or more.
func intRange(lo, hi *big.Int) *Expr {
	var subs []*Expr
	for lo.Cmp(hi) <= 0 {
		a := lo.String()
		top, _ := new(big.Int).SetString(strings.Repeat("9", len(a)), 10) // of as many digits
		last := top
		if hi.Cmp(top) < 0 {
			last = hi
		}
		subs = append(subs, digitRange(a, last.String()))
		lo = new(big.Int).Add(top, big.NewInt(1))
	}
	return alt(subs...)
}

// digitRange matches numbers between two of the same length, a <= b.
func digitRange(a, b string) *Expr {
	if len(a) == 0 {
		return empty()
	}
	n := len(a) - 1
	if strings.Trim(a, "0") == "" && strings.Trim(b, "9") == "" {
		return anyDigits(n+1, n+1)
	}
	if a[0] == b[0] {
		return seq(lit(a[:1]), digitRange(a[1:], b[1:]))
	}
	return alt(
		seq(lit(a[:1]), digitRange(a[1:], strings.Repeat("9", n))),
		seq(digits(a[0]+1, b[0]-1), anyDigits(n, n)),
		seq(lit(b[:1]), digitRange(strings.Repeat("0", n), b[1:])))
}

// fracFrom matches the rest of a number behind its whole part: at least that of a.
func fracFrom(a decimal) *Expr {
	if a.frac == "" && !a.open {
		return opt(seq(lit("."), anyDigits(1, fracDigits)))
	}
	return seq(lit("."), tailFrom(a.frac, a.open))
}

// tailFrom matches fraction digits of at least frac.
func tailFrom(frac string, open bool) *Expr {
	switch {
	case frac == "" && open:
		return seq(repeat(lit("0"), 0, fracDigits), digits('1', '9'), anyDigits(0, fracDigits))
	case frac == "":
		return anyDigits(0, fracDigits)
	}
	return alt(
		seq(digits(frac[0]+1, '9'), anyDigits(0, fracDigits)),
		seq(lit(frac[:1]), tailFrom(frac[1:], open)))
}

// fracTo matches the rest of a number behind its whole part: at most that of b.
func fracTo(b decimal) *Expr {
	if b.frac == "" && b.open {
		return nothing()
	}
	return opt(seq(lit("."), tailTo(b.frac, b.open)))
}

// tailTo matches one fraction digit or more, at most frac.
func tailTo(frac string, open bool) *Expr {
	if frac == "" {
		if open {
			return nothing()
		}
		return repeat(lit("0"), 1, fracDigits)
	}
	return alt(
		seq(digits('0', frac[0]-1), anyDigits(0, fracDigits)),
		seq(lit(frac[:1]), restTo(frac[1:], open)))
}

// restTo is tailTo behind a digit: the number may end.
func restTo(frac string, open bool) *Expr {
	if frac == "" && open {
		return nothing()
	}
	return opt(tailTo(frac, open))
}

// fracBetween matches the rest of a number whose whole part is that of both bounds.
func fracBetween(a, b decimal) *Expr {
	e := tailBetween(a.frac, a.open, b.frac, b.open)
	return mayEnd(seq(lit("."), e), a.frac, a.open, b.frac, b.open)
}

// mayEnd lets a number end before e where it then equals no open bound and is not
// below the lower one.
func mayEnd(e *Expr, lo string, loOpen bool, hi string, hiOpen bool) *Expr {
	if lo == "" && !loOpen && (hi != "" || !hiOpen) {
		return opt(e)
	}
	return e
}

// tailBetween matches one fraction digit or more between lo and hi.
func tailBetween(lo string, loOpen bool, hi string, hiOpen bool) *Expr {
	if lo == "" && hi == "" {
		if loOpen || hiOpen {
			return nothing()
		}
		return repeat(lit("0"), 1, fracDigits)
	}
	a, restLo := firstDigit(lo)
	b, restHi := firstDigit(hi)
	switch {
	case a > b:
		return nothing()
	case a == b:
		e := tailBetween(restLo, loOpen, restHi, hiOpen)
		return seq(lit(string(rune(a))), mayEnd(e, restLo, loOpen, restHi, hiOpen))
	}
	return alt(
		seq(lit(string(rune(a))), tailFrom(restLo, loOpen)),
		seq(digits(a+1, b-1), anyDigits(0, fracDigits)),
		seq(lit(string(rune(b))), restTo(restHi, hiOpen)))
}

func firstDigit(frac string) (byte, string) {
	if frac == "" {
		return '0', ""
	}
	return frac[0], frac[1:]
}
