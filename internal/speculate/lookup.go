package speculate

// Lookup proposes what followed the last tokens of a text where they occurred
// before in it (prompt lookup decoding: Saxena, 2023). Its memory grows with the
// text, about 12 bytes a token.
type Lookup struct {
	text []int32
	prev []int32 // position of the last n-gram of the same hash before this one; -1
	head map[uint64]int32
	n    int
}

// lookupTries is how many earlier occurrences are compared.
const lookupTries = 32

// NewLookup returns a lookup that wants at least n tokens to have occurred before.
func NewLookup(n int) *Lookup { return &Lookup{n: n, head: map[uint64]int32{}} }

// Len is the number of tokens in the text.
func (l *Lookup) Len() int { return len(l.text) }

// Text is the text; it must not be changed.
func (l *Lookup) Text() []int32 { return l.text }

// Push appends tokens to the text.
func (l *Lookup) Push(tokens ...int32) {
	for _, t := range tokens {
		l.text = append(l.text, t)
		l.prev = append(l.prev, -1)
		if at := len(l.text) - 1; at >= l.n-1 {
			h := l.hash(at)
			if p, ok := l.head[h]; ok {
				l.prev[at] = p
			}
			l.head[h] = int32(at)
		}
	}
}

// Truncate cuts the text to its first n tokens.
func (l *Lookup) Truncate(n int) {
	for at := len(l.text) - 1; at >= n; at-- {
		if at < l.n-1 {
			continue
		}
		if p := l.prev[at]; p >= 0 {
			l.head[l.hash(at)] = p
		} else {
			delete(l.head, l.hash(at))
		}
	}
	l.text, l.prev = l.text[:n], l.prev[:n]
}

// hash is that of the n tokens that end at position at.
func (l *Lookup) hash(at int) uint64 {
	h := uint64(14695981039346656037)
	for _, t := range l.text[at-l.n+1 : at+1] {
		h = (h ^ uint64(uint32(t))) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	return h
}

// Find returns where the text may go on, as the position of the next token in the
// text, and how many of the last tokens occurred before that position; the latest
// of the longest occurrences. match is 0 when there is none. limit bounds the
// tokens compared.
func (l *Lookup) Find(limit int) (next, match int) {
	last := len(l.text) - 1
	if last < l.n-1 {
		return 0, 0
	}
	for at, tries := l.prev[last], lookupTries; at >= 0 && tries > 0; at, tries = l.prev[at], tries-1 {
		if m := l.common(int(at), last, limit); m >= l.n && m > match {
			next, match = int(at)+1, m
			if m == limit {
				break
			}
		}
	}
	return next, match
}

// common returns how many tokens that end at i and at j are the same, up to limit.
func (l *Lookup) common(i, j, limit int) int {
	m := 0
	for m < limit && m <= i && l.text[i-m] == l.text[j-m] {
		m++
	}
	return m
}

// At returns the token at position next+i of the text, going round within the
// copied part where that reaches the end: a repetition is taken to go on.
func (l *Lookup) At(next, i int) int32 { return l.text[next+i%(len(l.text)-next)] }
