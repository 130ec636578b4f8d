package tokenizer

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// class is a set of the character properties that pre-tokenizer rules ask for.
// A code point that Unicode has not assigned, a control and a format character
// have no bit set.
type class uint16

const (
	upper    class = 1 << iota // Lu, Lt
	lower                      // Ll
	caseless                   // Lm, Lo
	mark                       // M
	number                     // N
	punct                      // P
	symbol                     // S
	space                      // the 25 code points of Unicode's White_Space property
	newline                    // CR and LF, which are also space

	letter = upper | lower | caseless
)

// runeSelf is the first rune that does not fit one byte of UTF-8.
const runeSelf = utf8.RuneSelf

const (
	classPageBits = 8
	classPageSize = 1 << classPageBits
	classPages    = (unicode.MaxRune + 1) >> classPageBits
)

// classTable maps every code point to its class in two steps; page 0 of pages is
// the page without any property, which unassigned blocks share.
type classTable struct {
	index [classPages]uint16
	pages []([classPageSize]class)
}

// classes builds the table on first use (well under a millisecond).
var classes = sync.OnceValue(func() *classTable {
	t := &classTable{pages: make([][classPageSize]class, 1, 800)}
	for _, row := range []struct {
		table *unicode.RangeTable
		bit   class
	}{
		{unicode.Lu, upper}, {unicode.Lt, upper}, {unicode.Ll, lower}, {unicode.Lm, caseless}, {unicode.Lo, caseless},
		{unicode.M, mark}, {unicode.N, number}, {unicode.P, punct}, {unicode.S, symbol}, {unicode.White_Space, space},
	} {
		t.add(row.table, row.bit)
	}
	t.set('\r', newline)
	t.set('\n', newline)
	return t
})

func (t *classTable) add(table *unicode.RangeTable, bit class) {
	for _, r := range table.R16 {
		for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
			t.set(c, bit)
		}
	}
	for _, r := range table.R32 {
		for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
			t.set(c, bit)
		}
	}
}

func (t *classTable) set(c rune, bit class) {
	i := c >> classPageBits
	if t.index[i] == 0 {
		t.index[i] = uint16(len(t.pages))
		t.pages = append(t.pages, [classPageSize]class{})
	}
	t.pages[t.index[i]][c&(classPageSize-1)] |= bit
}

// of returns the class of c, a valid code point.
func (t *classTable) of(c rune) class {
	return t.pages[t.index[c>>classPageBits]][c&(classPageSize-1)]
}

// text is a piece of input under a pre-tokenizer rule: UTF-8, each byte that is
// not part of a valid character counting as one U+FFFD. Positions are byte
// offsets at character starts.
type text struct {
	s []byte
	t *classTable
}

// at returns the class and byte length of the character at i, (0, 0) at the end.
func (x text) at(i int) (class, int) {
	if i >= len(x.s) {
		return 0, 0
	}
	if b := x.s[i]; b < runeSelf {
		return x.t.pages[x.t.index[0]][b], 1
	}
	r, n := utf8.DecodeRune(x.s[i:])
	return x.t.of(r), n
}

// byteAt returns the byte at i, 0 at the end. It serves comparisons with ASCII
// characters, which no other character's bytes can equal.
func (x text) byteAt(i int) byte {
	if i >= len(x.s) {
		return 0
	}
	return x.s[i]
}

// run returns the end of the run of characters at i that have a property of set.
func (x text) run(i int, set class) int {
	for i < len(x.s) {
		c, n := x.at(i)
		if c&set == 0 {
			break
		}
		i += n
	}
	return i
}

// runNot returns the end of the run of characters at i that have no property of set.
func (x text) runNot(i int, set class) int {
	for i < len(x.s) {
		c, n := x.at(i)
		if c&set != 0 {
			break
		}
		i += n
	}
	return i
}

// runMax returns the end of a run of at most max characters of set at i.
func (x text) runMax(i int, set class, max int) int {
	for ; max > 0; max-- {
		c, n := x.at(i)
		if c&set == 0 {
			break
		}
		i += n
	}
	return i
}
