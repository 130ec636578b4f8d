package grammar

import "unicode/utf8"

// byteSpan is a range of values of one byte.
type byteSpan struct{ lo, hi byte }

// encodings calls emit with sequences of byte ranges that together match the UTF-8
// encodings of the code points lo to hi, neither of them a surrogate. The slice is
// valid during the call.
func encodings(lo, hi rune, emit func([]byteSpan)) {
	for _, top := range []rune{0x7F, 0x7FF, 0xFFFF} { // encodings of equal length
		if lo <= top && top < hi {
			encodings(lo, top, emit)
			encodings(top+1, hi, emit)
			return
		}
	}
	if lo < surrogateLo && hi > surrogateHi {
		encodings(lo, surrogateLo-1, emit)
		encodings(surrogateHi+1, hi, emit)
		return
	}
	// Below a boundary of the last bytes all bytes but the last run through 80 to BF.
	for i := 1; i < utf8.RuneLen(hi); i++ {
		m := rune(1)<<(6*i) - 1
		if lo&^m == hi&^m {
			continue
		}
		if lo&m != 0 {
			encodings(lo, lo|m, emit)
			encodings((lo|m)+1, hi, emit)
			return
		}
		if hi&m != m {
			encodings(lo, hi&^m-1, emit)
			encodings(hi&^m, hi, emit)
			return
		}
	}
	var a, b [utf8.UTFMax]byte
	n := utf8.EncodeRune(a[:], lo)
	utf8.EncodeRune(b[:], hi)
	var out [utf8.UTFMax]byteSpan
	for i := range n {
		out[i] = byteSpan{a[i], b[i]}
	}
	emit(out[:n])
}
