package grammar

import (
	"fmt"
	"slices"
)

// written are the types that values of a flat schema are written with: those it
// names, else those that its keywords are about, else all.
func (s *schema) written() typeSet {
	if s.typed {
		return s.types
	}
	t := typeSet(0)
	for set, has := range map[typeSet]bool{
		typeObject: s.object, typeArray: s.array, typeString: s.text, typeNumber | typeInteger: s.numeric,
	} {
		if has {
			t |= set
		}
	}
	if t == 0 {
		return allTypes
	}
	return t
}

// expr returns the texts of a schema.
func (c *schemaCompiler) expr(s *schema, depth int) (*Expr, error) {
	if c.count++; c.count > maxSchemas || depth > maxMerge {
		return nil, fmt.Errorf("%s: the schema expands to more than %d, or deeper than %d: %w", s.path, maxSchemas, maxMerge, ErrTooComplex)
	}
	if r := s.plainRef(); r != "" {
		return c.reference(r)
	}
	f, err := c.flat(s, 0)
	if err != nil {
		return nil, err
	}
	if f.never {
		return nothing(), nil
	}
	if len(f.groups) > 0 {
		return c.options(f, depth)
	}
	if f.listed {
		return c.listed(f)
	}
	return c.typed(f, depth)
}

// reference returns the rule of a reference.
func (c *schemaCompiler) reference(r string) (*Expr, error) {
	if e, ok := c.refs[r]; ok {
		return e, nil
	}
	t, err := c.target(r)
	if err != nil {
		return nil, err
	}
	e := c.json.rules.add(r, nil)
	c.refs[r] = e
	body, err := c.expr(t, 0)
	c.json.rules.Bodies[e.rule] = body
	return e, err
}

// options returns the union of a group's alternatives, each with the rest of the
// schema.
func (c *schemaCompiler) options(f *schema, depth int) (*Expr, error) {
	g := f.groups[0]
	rest := *f
	rest.groups = f.groups[1:]
	if len(g.options) > maxOptions {
		return nil, fmt.Errorf("%s: more than %d alternatives: %w", f.path, maxOptions, ErrTooComplex)
	}
	merged := make([]*schema, len(g.options))
	for i, o := range g.options {
		flat, err := c.flat(o, 0)
		if err != nil {
			return nil, err
		}
		if merged[i], err = c.merge(&rest, flat); err != nil {
			return nil, err
		}
	}
	var subs []*Expr
	for i, m := range merged {
		for k, o := range g.options {
			if g.keyword == "oneOf" && k != i && !c.avoids(m, o, 0) {
				return nil, &UnsupportedError{
					Keyword: "oneOf", Path: f.path,
					Reason: fmt.Sprintf("a value may satisfy alternatives %d and %d at a time (anyOf would do)", i, k),
				}
			}
		}
		alone := g.options[i]
		if alone.plainRef() == "" || rest.says() {
			alone = m
		}
		e, err := c.expr(alone, depth+1)
		if err != nil {
			return nil, err
		}
		subs = append(subs, e)
	}
	return alt(subs...), nil
}

// says reports whether a schema limits anything, apart from its groups.
func (s *schema) says() bool {
	return s.never || s.typed || s.listed || s.object || s.array || s.text || s.numeric || len(s.groups) > 0
}

// listed writes the values of an enumeration.
func (c *schemaCompiler) listed(f *schema) (*Expr, error) {
	for key, has := range map[string]bool{
		"object keywords": f.object, "array keywords": f.array, "string keywords": f.text, "number keywords": f.numeric,
	} {
		if has {
			return nil, &UnsupportedError{Keyword: "enum", Path: f.path, Reason: "together with " + key}
		}
	}
	var subs []*Expr
	for _, v := range f.values {
		if f.types&typeOf(v) != 0 {
			subs = append(subs, lit(v.json()))
		}
	}
	return alt(subs...), nil
}

// typed writes values by their types.
func (c *schemaCompiler) typed(f *schema, depth int) (*Expr, error) {
	types := f.written()
	if types == allTypes && !f.object && !f.array && !f.text && !f.numeric {
		return c.json.value(), nil
	}
	var subs []*Expr
	for _, t := range []struct {
		of    typeSet
		write func(f *schema, depth int) (*Expr, error)
	}{
		{typeObject, c.object},
		{typeArray, c.array},
		{typeString, c.text},
		{typeInteger | typeNumber, c.number},
		{typeBool, func(*schema, int) (*Expr, error) { return alt(lit("true"), lit("false")), nil }},
		{typeNull, func(*schema, int) (*Expr, error) { return lit("null"), nil }},
	} {
		if types&t.of == 0 {
			continue
		}
		e, err := t.write(f, depth)
		if err != nil {
			return nil, err
		}
		subs = append(subs, e)
	}
	return alt(subs...), nil
}

func (c *schemaCompiler) number(f *schema, _ int) (*Expr, error) {
	whole := f.written()&typeNumber == 0
	switch {
	case f.lo.value != nil || f.hi.value != nil:
		return numberRange(f.lo, f.hi, whole), nil
	case whole:
		return c.json.integer(), nil
	}
	return c.json.number(), nil
}

func (c *schemaCompiler) text(f *schema, _ int) (*Expr, error) {
	limited := f.minLen > 0 || f.maxLen >= 0
	switch {
	case len(f.patterns) > 1:
		return nil, &UnsupportedError{Keyword: "pattern", Path: f.path, Reason: "two patterns at a time"}
	case len(f.patterns) == 1 && (limited || f.format != ""):
		return nil, &UnsupportedError{Keyword: "pattern", Path: f.path, Reason: "together with a length or format; let the pattern say it"}
	case f.format != "" && limited:
		return nil, &UnsupportedError{Keyword: "format", Path: f.path, Reason: "together with a length"}
	case len(f.patterns) == 1:
		e, err := c.json.pattern(f.patterns[0])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", &UnsupportedError{Keyword: "pattern", Path: f.path, Reason: quote(f.patterns[0])}, err)
		}
		return e, nil
	case f.format != "":
		return c.json.once("format "+f.format, func() *Expr {
			e, err := c.json.pattern("^(" + formats[f.format] + ")$")
			if err != nil {
				panic(fmt.Sprintf("format %s: %v", f.format, err)) // the table is wrong
			}
			return e
		}), nil
	case f.maxLen >= 0 && f.minLen > f.maxLen:
		return nothing(), nil
	}
	return c.json.str(f.minLen, f.maxLen), nil
}

func (c *schemaCompiler) array(f *schema, depth int) (*Expr, error) {
	items := f.items
	if items == nil {
		items = newSchema(f.path)
		if len(f.prefix) > 0 && f.minItems <= len(f.prefix) { // no more than are described
			items.never = true
		}
	}
	most := f.maxItems
	for i, p := range f.prefix {
		if p.never {
			most = smaller(most, i)
		}
	}
	if items.never {
		most = smaller(most, len(f.prefix))
	}
	if most >= 0 && most < f.minItems {
		return nothing(), nil
	}
	item, err := c.expr(items, depth+1)
	if err != nil {
		return nil, err
	}
	// Written from the end: behind i items.
	first := len(f.prefix)
	if most >= 0 {
		first = min(first, most)
	}
	sep := c.json.after(",")
	top := -1
	if most >= 0 {
		top = max(0, most-max(first, 1))
	}
	tail := repeat(seq(sep, item), max(0, f.minItems-max(first, 1)), top)
	if first == 0 {
		if most == 0 {
			return c.json.braces("[", empty(), "]", true), nil
		}
		return c.json.braces("[", seq(item, tail), "]", f.minItems == 0), nil
	}
	for i := first - 1; i >= 0; i-- {
		e, err := c.expr(f.prefix[i], depth+1)
		if err != nil {
			return nil, err
		}
		if tail = seq(e, tail); i > 0 {
			tail = seq(sep, tail)
		}
		if i > 0 && i >= f.minItems {
			tail = opt(tail)
		}
	}
	return c.json.braces("[", tail, "]", f.minItems == 0), nil
}

func (c *schemaCompiler) object(f *schema, depth int) (*Expr, error) {
	if !f.object || f.open() && f.extra == nil {
		return c.json.object(), nil
	}
	var fixed, loose []*Expr
	for _, r := range f.required {
		if f.prop(r) == nil {
			s := f.extra
			if s == nil {
				s = newSchema(f.path)
			}
			f.props = append(slices.Clone(f.props), property{r, s})
		}
	}
	var names []string
	for _, p := range f.props {
		v, err := c.expr(p.s, depth+1)
		if err != nil {
			return nil, err
		}
		names = append(names, p.name)
		pair := seq(lit(quote(p.name)), c.json.after(":"), v)
		if slices.Contains(f.required, p.name) {
			fixed = append(fixed, pair)
		} else {
			loose = append(loose, pair)
		}
	}
	var more *Expr // further properties, each with what stands before it
	if f.open() {
		v, err := c.expr(f.extra, depth+1)
		if err != nil {
			return nil, err
		}
		more = seq(c.json.otherKey(names), c.json.after(":"), v)
	}
	return c.members(fixed, loose, more), nil
}

// members writes an object: fixed properties, then any of the loose ones in order,
// then any number of others.
func (c *schemaCompiler) members(fixed, loose []*Expr, more *Expr) *Expr {
	sep := c.json.after(",")
	tail, heads := empty(), []*Expr(nil) // behind a property, and as the first one
	if more != nil {
		tail = many(seq(sep, more))
		heads = append(heads, seq(more, tail))
	}
	for i := len(loose) - 1; i >= 0; i-- {
		rest := c.json.rules.add("optional", tail)
		heads = append(heads, seq(loose[i], rest))
		tail = seq(opt(seq(sep, loose[i])), rest)
	}
	if len(fixed) == 0 {
		return c.json.braces("{", alt(heads...), "}", true)
	}
	all := fixed[0]
	for _, f := range fixed[1:] {
		all = seq(all, sep, f)
	}
	return c.json.braces("{", seq(all, tail), "}", false)
}
