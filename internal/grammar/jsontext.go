package grammar

// jsonText builds the parts of JSON text that all schemas share.
type jsonText struct {
	rules   *Rules
	compact bool
	shared  map[string]*Expr
}

// once returns a rule that is made when it is first needed.
func (j *jsonText) once(name string, body func() *Expr) *Expr {
	e, ok := j.shared[name]
	if !ok {
		e = j.rules.add(name, nil) // for rules that call themselves
		j.shared[name] = e
		j.rules.Bodies[e.rule] = body()
	}
	return e
}

// space is what may stand between tokens: nothing, a blank, or a line end with
// indentation, as models write it.
func (j *jsonText) space() *Expr {
	if j.compact {
		return empty()
	}
	return j.once("space", func() *Expr {
		return opt(alt(lit(" "), seq(lit("\n"), repeat(class(' ', ' ', '\t', '\t'), 0, 20))))
	})
}

// after is a separator with the space behind it.
func (j *jsonText) after(sep string) *Expr {
	if j.compact {
		return lit(sep + " ")
	}
	return seq(lit(sep), j.space())
}

// char is a character of a string; a pair of surrogate escapes is one.
func (j *jsonText) char() *Expr {
	hex := class('0', '9', 'a', 'f', 'A', 'F')
	surrogate := class('d', 'd', 'D', 'D')
	unit := alt(
		seq(class('0', '9', 'a', 'c', 'A', 'C', 'e', 'f', 'E', 'F'), repeat(hex, 3, 3)),
		seq(surrogate, class('0', '7'), repeat(hex, 2, 2)),
		seq(surrogate, class('8', '9', 'a', 'b', 'A', 'B'), repeat(hex, 2, 2), lit(`\u`),
			surrogate, class('c', 'f', 'C', 'F'), repeat(hex, 2, 2)))
	escape := alt(class('"', '"', '\\', '\\', '/', '/', 'b', 'b', 'f', 'f', 'n', 'n', 'r', 'r', 't', 't'), seq(lit("u"), unit))
	return alt(&Expr{kind: kindClass, ranges: ordinaryRunes()}, seq(lit(`\`), escape))
}

// ordinaryRunes stand for themselves in a string.
func ordinaryRunes() []rune { return complement(normalized([]rune{0, ' ' - 1, '"', '"', '\\', '\\'})) }

// str is a string of min to max characters; max -1 is no limit.
func (j *jsonText) str(min, max int) *Expr {
	if min == 0 && max < 0 {
		return j.once("string", func() *Expr { return seq(lit(`"`), many(j.char()), lit(`"`)) })
	}
	return seq(lit(`"`), repeat(j.char(), min, max), lit(`"`))
}

// stringText encodes code points as a JSON string has them.
var stringText = encoder{class: func(ranges []rune) *Expr {
	subs := []*Expr{{kind: kindClass, ranges: overlap(ranges, ordinaryRunes())}}
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= min(ranges[i+1], '\\'); r++ {
			if r < ' ' || r == '"' || r == '\\' {
				q := quote(string(r))
				subs = append(subs, lit(q[1:len(q)-1]))
			}
		}
	}
	return alt(subs...)
}}

// pattern is a string with a match of an expression anywhere in it.
func (j *jsonText) pattern(text string) (*Expr, error) {
	alternatives, err := parsePattern(text)
	if err != nil {
		return nil, err
	}
	whatever := many(j.char())
	var subs []*Expr
	for _, a := range alternatives {
		e, err := stringText.expr(a.re, 0)
		if err != nil {
			return nil, err
		}
		if !a.begin {
			e = seq(whatever, e)
		}
		if !a.end {
			e = seq(e, whatever)
		}
		subs = append(subs, e)
	}
	return seq(lit(`"`), alt(subs...), lit(`"`)), nil
}

// value is any JSON value.
func (j *jsonText) value() *Expr {
	return j.once("value", func() *Expr {
		return alt(j.object(), j.array(), j.str(0, -1), j.number(), lit("true"), lit("false"), lit("null"))
	})
}

func (j *jsonText) number() *Expr { return j.once("number", anyNumber) }

func (j *jsonText) integer() *Expr { return j.once("integer", anyInt) }

func (j *jsonText) object() *Expr {
	return j.once("object", func() *Expr {
		pair := seq(j.str(0, -1), j.after(":"), j.value())
		return j.braces("{", seq(pair, many(seq(j.after(","), pair))), "}", true)
	})
}

func (j *jsonText) array() *Expr {
	return j.once("array", func() *Expr {
		return j.braces("[", seq(j.value(), many(seq(j.after(","), j.value()))), "]", true)
	})
}

// braces puts members between braces; optional: there may be none.
func (j *jsonText) braces(open string, members *Expr, end string, optional bool) *Expr {
	members = seq(members, j.space())
	if optional {
		members = opt(members)
	}
	return seq(lit(open), j.space(), members, lit(end))
}

// otherKey is a string that is none of the names; it has no escapes.
func (j *jsonText) otherKey(names []string) *Expr {
	plain := ordinaryRunes()
	var rest func(names [][]rune, depth int) *Expr
	rest = func(names [][]rune, depth int) *Expr { // behind depth characters that all names share
		ended := false
		next := map[rune][][]rune{}
		var order, pairs []rune
		for _, n := range names {
			if len(n) == depth {
				ended = true
				continue
			}
			if next[n[depth]] == nil {
				order, pairs = append(order, n[depth]), append(pairs, n[depth], n[depth])
			}
			next[n[depth]] = append(next[n[depth]], n)
		}
		others := &Expr{kind: kindClass, ranges: overlap(plain, complement(normalized(pairs)))}
		subs := []*Expr{seq(others, many(&Expr{kind: kindClass, ranges: plain}))}
		for _, r := range order {
			if one := (&Expr{kind: kindClass, ranges: overlap(plain, []rune{r, r})}); len(one.ranges) > 0 {
				subs = append(subs, seq(one, rest(next[r], depth+1)))
			}
		}
		if !ended {
			subs = append(subs, empty())
		}
		return alt(subs...)
	}
	var all [][]rune
	for _, n := range names {
		all = append(all, []rune(n))
	}
	return seq(lit(`"`), rest(all, 0), lit(`"`))
}
