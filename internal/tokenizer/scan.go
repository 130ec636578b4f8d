package tokenizer

import "unicode/utf8"

// rule finds the next match of one pre-tokenizer pattern at or after from and
// returns its bounds; none is (len, len). A match is never empty. The piece's
// end is the end of text for the pattern, as nothing looks beyond it.
type rule func(x text, from int) (start, end int)

// anchored makes a rule of a pattern that match tries at one position: match
// returns the end of what it matches there, or its position for nothing.
func anchored(match func(x text, i int) int) rule {
	return func(x text, from int) (int, int) {
		for i := from; i < len(x.s); {
			if end := match(x, i); end > i {
				return i, end
			}
			_, n := x.at(i)
			i += n
		}
		return len(x.s), len(x.s)
	}
}

// split cuts a piece by a chain of rules and hands the resulting words to emit
// in order. Each rule works within every piece the one before it has left, and
// both its matches and the gaps between them go on as pieces.
func split(piece []byte, t *classTable, chain []rule, emit func(word []byte)) {
	if len(piece) == 0 {
		return
	}
	if len(chain) == 0 {
		emit(piece)
		return
	}
	x := text{piece, t}
	for at := 0; at < len(piece); {
		start, end := chain[0](x, at)
		split(piece[at:start], t, chain[1:], emit)
		split(piece[start:end], t, chain[1:], emit)
		at = end
	}
}

// runsOf is the pattern `[…]+` over a set of characters.
func runsOf(in func(x text, i int) (ok bool, n int)) rule {
	return func(x text, from int) (int, int) {
		for from < len(x.s) {
			ok, n := in(x, from)
			if ok {
				break
			}
			from += n
		}
		end := from
		for end < len(x.s) {
			ok, n := in(x, end)
			if !ok {
				break
			}
			end += n
		}
		return from, end
	}
}

// ofClass is the character set of the properties in set and the ASCII characters
// in extra.
func ofClass(set class, extra string) func(x text, i int) (bool, int) {
	var ascii [runeSelf]bool
	for _, c := range extra {
		ascii[c] = true
	}
	return func(x text, i int) (bool, int) {
		c, n := x.at(i)
		return c&set != 0 || x.s[i] < runeSelf && ascii[x.s[i]], n
	}
}

// runeRange is an inclusive range of code points.
type runeRange struct{ lo, hi rune }

// ofRanges is the character set of the ranges, which must be sorted and disjoint.
func ofRanges(ranges []runeRange) func(x text, i int) (bool, int) {
	return func(x text, i int) (bool, int) {
		r, n := utf8.DecodeRune(x.s[i:])
		lo, hi := 0, len(ranges)
		for lo < hi {
			mid := int(uint(lo+hi) / 2)
			switch {
			case r < ranges[mid].lo:
				hi = mid
			case r > ranges[mid].hi:
				lo = mid + 1
			default:
				return true, n
			}
		}
		return false, n
	}
}

// afterSpace makes the anchored pattern `\s?[…]+` from the set in.
func afterSpace(in func(x text, i int) (bool, int)) func(x text, i int) int {
	return func(x text, i int) int {
		if c, n := x.at(i); c&space != 0 {
			if end := runIn(x, i+n, in); end > i+n {
				return end
			}
		}
		return runIn(x, i, in)
	}
}

func runIn(x text, i int, in func(x text, i int) (bool, int)) int {
	for i < len(x.s) {
		ok, n := in(x, i)
		if !ok {
			break
		}
		i += n
	}
	return i
}

// trailingSpace is the pattern `\s+$`.
func trailingSpace(x text, from int) (int, int) {
	start := len(x.s)
	for start > from {
		_, n := utf8.DecodeLastRune(x.s[from:start])
		if c, _ := x.at(start - n); c&space == 0 {
			break
		}
		start -= n
	}
	return start, len(x.s)
}

// blank is the tail `\s*[\r\n]+|\s+(?!\S)|\s+` of most rules: a run of white space
// is taken up to its last line break; without one, all of it at the end of the
// piece, else all but its last character, which belongs to the next word.
func blank(x text, i int) int {
	end, last, lineEnd := i, i, i
	for end < len(x.s) {
		c, n := x.at(end)
		if c&space == 0 {
			break
		}
		last = end
		end += n
		if c&newline != 0 {
			lineEnd = end
		}
	}
	switch {
	case lineEnd > i:
		return lineEnd
	case last == i || end == len(x.s):
		return end
	}
	return last
}

// blankNoBreaks is the tail `\s+(?!\S)|\s+`, which does not favour line breaks.
func blankNoBreaks(x text, i int) int {
	end, last := i, i
	for end < len(x.s) {
		c, n := x.at(end)
		if c&space == 0 {
			break
		}
		last = end
		end += n
	}
	if last == i || end == len(x.s) {
		return end
	}
	return last
}

// contraction is the pattern `'s|'t|'re|'ve|'m|'ll|'d`; fold asks for either case.
func contraction(x text, i int, fold bool) int {
	if x.byteAt(i) != '\'' {
		return i
	}
	a, b := x.byteAt(i+1), x.byteAt(i+2)
	if fold {
		a, b = lowerASCII(a), lowerASCII(b)
	}
	switch {
	case a == 's' || a == 't' || a == 'm' || a == 'd':
		return i + 2
	case a == 'r' && b == 'e' || a == 'v' && b == 'e' || a == 'l' && b == 'l':
		return i + 3
	}
	return i
}

func lowerASCII(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
