package tokenizer

// The pre-tokenizer rules, one scanner a family. Each comment gives the pattern
// that the scanner equals; \s is Unicode White_Space, alternatives are tried in
// order, and repetition is greedy.

// gpt2 is `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
func gpt2(x text, i int) int {
	if end := contraction(x, i, false); end > i {
		return end
	}
	at := i
	c, n := x.at(at)
	if x.s[at] == ' ' {
		at += n
		c, n = x.at(at)
	}
	switch {
	case n == 0 || c&space != 0:
		return blankNoBreaks(x, i)
	case c&letter != 0:
		return x.run(at, letter)
	case c&number != 0:
		return x.run(at, number)
	}
	return x.runNot(at, space|letter|number)
}

// spacedWords parametrises the rules that descend from llama3's:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)
//	|[^\r\n\p{L}\p{N}]?WORD+
//	|\p{N}{1,digits}
//	| ?[^\sWORD\p{N}]+[\r\n]*
//	|\s*[\r\n]+|\s+(?!\S)|\s+
type spacedWords struct {
	word   class // what makes a word
	digits int   // longest run of numbers
}

func (r spacedWords) match(x text, i int) int {
	if end := contraction(x, i, true); end > i {
		return end
	}
	c, n := x.at(i)
	if c&(newline|letter|number) == 0 {
		if end := x.run(i+n, r.word); end > i+n {
			return end
		}
	}
	switch {
	case c&r.word != 0:
		return x.run(i, r.word)
	case c&number != 0:
		return x.runMax(i, number, r.digits)
	}
	if end := marks(x, i, space|r.word|number, "\r\n"); end > i {
		return end
	}
	return blank(x, i)
}

// marks is the pattern ` ?[^STOP]+[TAIL]*`.
func marks(x text, i int, stop class, tail string) int {
	at := i
	if x.s[at] == ' ' {
		at++
	}
	end := x.runNot(at, stop)
	if end == at {
		return i
	}
	return runASCII(x, end, tail)
}

// runASCII returns the end of the run at i of the few ASCII characters in set.
func runASCII(x text, i int, set string) int {
next:
	for ; i < len(x.s); i++ {
		for k := range len(set) {
			if x.s[i] == set[k] {
				continue next
			}
		}
		break
	}
	return i
}

// casedWords parametrises the rules of o200k and tekken, with
// U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and l = [\p{Ll}\p{Lm}\p{Lo}\p{M}]:
//
//	[^\r\n\p{L}\p{N}]?U*l+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	|[^\r\n\p{L}\p{N}]?U+l*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	|\p{N}{1,digits}
//	| ?[^\s\p{L}\p{N}]+[\r\n/]*
//	|\s*[\r\n]+|\s+(?!\S)|\s+
type casedWords struct {
	contractions bool
	digits       int
}

func (r casedWords) match(x text, i int) int {
	if end := r.word(x, i); end > i {
		if r.contractions {
			end = contraction(x, end, true)
		}
		return end
	}
	if c, _ := x.at(i); c&number != 0 {
		return x.runMax(i, number, r.digits)
	}
	if end := marks(x, i, space|letter|number, "\r\n/"); end > i {
		return end
	}
	return blank(x, i)
}

// word tries the first alternative, U*l+, with the optional prefix and without
// it, then the second, U+l*, in the same way.
func (casedWords) word(x text, i int) int {
	c, n := x.at(i)
	prefix := c&(newline|letter|number) == 0
	if prefix {
		if end := endsLower(x, i+n); end > i+n {
			return end
		}
	}
	if end := endsLower(x, i); end > i {
		return end
	}
	// The second alternative is left with runs of upper case alone: had a
	// character of l followed or been among them, the first had matched.
	if prefix {
		if end := x.run(i+n, upper); end > i+n {
			return end
		}
	}
	return x.run(i, upper)
}

// endsLower is U*l+: the run of U and the run of l after it; if there is no such
// run, U gives back characters until the last of them that is also in l.
func endsLower(x text, i int) int {
	back := i
	u := i
	for u < len(x.s) {
		c, n := x.at(u)
		if c&(upper|caseless|mark) == 0 {
			break
		}
		u += n
		if c&(caseless|mark) != 0 {
			back = u
		}
	}
	if end := x.run(u, lower|caseless|mark); end > u {
		return end
	}
	return back
}

// lineRuns is `[^\n]+|[\n]+`.
func lineRuns(x text, i int) (int, int) {
	if i >= len(x.s) {
		return i, i
	}
	end := i + 1
	for end < len(x.s) && (x.s[end] == '\n') == (x.s[i] == '\n') {
		end++
	}
	return i, end
}

// digitTriples is `[0-9][0-9][0-9]`.
func digitTriples(x text, i int) int {
	for k := i; k < i+3; k++ {
		if b := x.byteAt(k); b < '0' || b > '9' {
			return i
		}
	}
	return i + 3
}

// singleNumbers is `\p{N}`, numberTriples `\p{N}{1,3}`.
func singleNumbers(x text, i int) int { return x.runMax(i, number, 1) }
func numberTriples(x text, i int) int { return x.runMax(i, number, 3) }

// deepseek3 is
//
//	[!-/:-@[-`{-~][A-Za-z]+
//	|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
//	| ?[\p{P}\p{S}]+[\r\n]*
//	|\s*[\r\n]+|\s+(?!\S)|\s+
//
// It leaves gaps: control characters and numbers that precede no word.
func deepseek3(x text, i int) int {
	c, n := x.at(i)
	if c&(punct|symbol) != 0 && x.s[i] < runeSelf {
		if end := asciiLetters(x, i+1); end > i+1 {
			return end
		}
	}
	if c&(newline|letter|punct|symbol) == 0 {
		if end := x.run(i+n, letter|mark); end > i+n {
			return end
		}
	}
	if c&(letter|mark) != 0 {
		return x.run(i, letter|mark)
	}
	at := i
	if x.s[at] == ' ' {
		at++
	}
	if end := x.run(at, punct|symbol); end > at {
		return runASCII(x, end, "\r\n")
	}
	return blank(x, i)
}

func asciiLetters(x text, i int) int {
	for b := lowerASCII(x.byteAt(i)); 'a' <= b && b <= 'z'; b = lowerASCII(x.byteAt(i)) {
		i++
	}
	return i
}

// poro is ` ?[^(\s|.,!?…。，、।۔،)]+`.
func poro(x text, i int) int {
	at := i
	if x.s[at] == ' ' {
		at++
	}
	if end := runIn(x, at, poroWord); end > at {
		return end
	}
	return i
}

var poroStops = ofRanges([]runeRange{
	{'!', '!'}, {'(', ')'}, {',', ','}, {'.', '.'}, {'?', '?'}, {'|', '|'},
	{'،', '،'}, {'۔', '۔'}, {'।', '।'}, {'…', '…'}, {'、', '。'}, {'，', '，'},
})

func poroWord(x text, i int) (bool, int) {
	if c, n := x.at(i); c&space != 0 {
		return false, n
	}
	stop, n := poroStops(x, i)
	return !stop, n
}
