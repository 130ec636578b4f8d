package grammar

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Limits on what a schema may expand to.
const (
	maxMerge   = 64    // references and combinations inside each other
	maxOptions = 1000  // alternatives of one place
	maxSchemas = 20000 // schemas compiled, copies included
)

func escapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// target returns the schema that a reference names.
func (c *schemaCompiler) target(r string) (*schema, error) {
	if s, ok := c.targets[r]; ok {
		return s, nil
	}
	if r != "#" && !strings.HasPrefix(r, "#/") {
		return nil, &UnsupportedError{Keyword: "$ref", Reason: quote(r) + " does not point into the schema (as #/… does)"}
	}
	at := c.root
	for _, step := range strings.Split(r, "/")[1:] {
		if u, err := url.PathUnescape(step); err == nil {
			step = u
		}
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		next, ok := at.get(step)
		if i, err := strconv.Atoi(step); at.kind == '[' && err == nil && i >= 0 && i < len(at.items) {
			next, ok = at.items[i], true
		}
		if !ok {
			return nil, fmt.Errorf("%w: $ref %q points to nothing", ErrSyntax, r)
		}
		at = next
	}
	s, err := c.parse(at, r)
	if err != nil {
		return nil, err
	}
	c.targets[r] = s
	return s, nil
}

// plainRef returns the reference that is all a schema says, "" for none.
func (s *schema) plainRef() string {
	if len(s.refs) == 1 && !s.never && !s.typed && len(s.all) == 0 && len(s.groups) == 0 && !s.listed &&
		!s.object && !s.array && !s.text && !s.numeric {
		return s.refs[0]
	}
	return ""
}

// flat merges references and allOf into a schema; groups stay.
func (c *schemaCompiler) flat(s *schema, depth int) (*schema, error) {
	if len(s.refs) == 0 && len(s.all) == 0 {
		return s, nil
	}
	if depth > maxMerge {
		return nil, fmt.Errorf("%s: references nested deeper than %d: %w", s.path, maxMerge, ErrTooComplex)
	}
	parts := slices.Clone(s.all)
	for _, r := range s.refs {
		t, err := c.target(r)
		if err != nil {
			return nil, err
		}
		parts = append(parts, t)
	}
	out := *s
	out.refs, out.all = nil, nil
	m := &out
	for _, p := range parts {
		f, err := c.flat(p, depth+1)
		if err != nil {
			return nil, err
		}
		if m, err = c.merge(m, f); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// both returns a schema that asks for both; nil says nothing.
func both(a, b *schema) *schema {
	switch {
	case a == nil:
		return b
	case b == nil || a == b:
		return a
	}
	s := newSchema(a.path)
	s.all = []*schema{a, b}
	return s
}

// merge returns the conjunction of two flat schemas.
func (c *schemaCompiler) merge(a, b *schema) (*schema, error) {
	if c.count++; c.count > maxSchemas {
		return nil, fmt.Errorf("the schema expands to more than %d: %w", maxSchemas, ErrTooComplex)
	}
	m := *a
	m.never = a.never || b.never
	m.typed, m.types = a.typed || b.typed, a.types&b.types
	m.groups = slices.Concat(a.groups, b.groups)
	m.values, m.listed = slices.Clone(a.values), a.listed
	if b.listed {
		_ = m.list(b.values) // fails never
	}
	m.object, m.array = a.object || b.object, a.array || b.array
	m.text, m.numeric = a.text || b.text, a.numeric || b.numeric
	m.lo, m.hi = tighter(a.lo, b.lo, -1), tighter(a.hi, b.hi, 1)
	m.minItems, m.maxItems = max(a.minItems, b.minItems), smaller(a.maxItems, b.maxItems)
	m.minLen, m.maxLen = max(a.minLen, b.minLen), smaller(a.maxLen, b.maxLen)
	m.patterns = slices.Clone(a.patterns)
	for _, p := range b.patterns {
		if !slices.Contains(m.patterns, p) {
			m.patterns = append(m.patterns, p)
		}
	}
	if m.format == "" {
		m.format = b.format
	} else if b.format != "" && b.format != m.format {
		return nil, &UnsupportedError{Keyword: "format", Path: a.path, Reason: "two formats at a time"}
	}
	mergeObjects(&m, a, b)
	mergeArrays(&m, a, b)
	return &m, nil
}

// smaller returns the smaller of two limits, -1 being none.
func smaller(a, b int) int {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}

func (s *schema) prop(name string) *schema {
	for _, p := range s.props {
		if p.name == name {
			return p.s
		}
	}
	return nil
}

func mergeObjects(m, a, b *schema) {
	m.props, m.required = nil, slices.Clone(a.required)
	for _, p := range a.props {
		other := b.prop(p.name)
		if other == nil {
			other = b.extra
		}
		m.props = append(m.props, property{p.name, both(p.s, other)})
	}
	for _, p := range b.props {
		if a.prop(p.name) == nil {
			m.props = append(m.props, property{p.name, both(p.s, a.extra)})
		}
	}
	for _, r := range b.required {
		if !slices.Contains(m.required, r) {
			m.required = append(m.required, r)
		}
	}
	m.extra = both(a.extra, b.extra)
}

func mergeArrays(m, a, b *schema) {
	m.prefix = nil
	at := func(s *schema, i int) *schema {
		if i < len(s.prefix) {
			return s.prefix[i]
		}
		return s.items
	}
	for i := range max(len(a.prefix), len(b.prefix)) {
		e := both(at(a, i), at(b, i))
		if e == nil {
			e = newSchema(a.path)
		}
		m.prefix = append(m.prefix, e)
	}
	m.items = both(a.items, b.items)
}

// avoids reports whether no value written for a can satisfy b: what makes oneOf sound.
func (c *schemaCompiler) avoids(a, b *schema, depth int) bool {
	fa, errA := c.flat(a, depth)
	fb, errB := c.flat(b, depth)
	if errA != nil || errB != nil || depth > 8 {
		return false
	}
	if fa.never || fb.never {
		return true
	}
	if fa.listed {
		for _, v := range fa.values {
			if !fb.excludes(v) {
				return false
			}
		}
		return true
	}
	types := fa.written()
	if fb.listed {
		for _, v := range fb.values {
			if !fa.excludes(v) && types&typeOf(v) != 0 {
				return false
			}
		}
		return true
	}
	shared := types & fb.types
	if shared == typeObject {
		return c.objectsDiffer(fa, fb, depth)
	}
	if shared&^(typeInteger|typeNumber) == 0 && shared != 0 {
		return apart(fa.hi, fb.lo) || apart(fb.hi, fa.lo)
	}
	return shared == 0
}

// apart says whether everything up to hi lies below lo.
func apart(hi, lo bound) bool {
	if hi.value == nil || lo.value == nil {
		return false
	}
	c := hi.value.Cmp(lo.value)
	return c < 0 || c == 0 && (hi.open || lo.open)
}

// excludes says whether v certainly does not satisfy s.
func (s *schema) excludes(v value) bool {
	if s.types&typeOf(v) == 0 {
		return true
	}
	if !s.listed {
		return false
	}
	for _, o := range s.values {
		if o.equal(v) {
			return false
		}
	}
	return true
}

func typeOf(v value) typeSet {
	switch v.kind {
	case 'n':
		return typeNull
	case 't', 'f':
		return typeBool
	case '"':
		return typeString
	case '[':
		return typeArray
	case '{':
		return typeObject
	}
	if r, err := v.rat(); err == nil && !r.IsInt() {
		return typeNumber
	}
	return typeInteger
}

// objectsDiffer says whether no object written for a satisfies b: b requires what a
// never has, or a property that a always has differs.
func (c *schemaCompiler) objectsDiffer(a, b *schema, depth int) bool {
	for _, r := range b.required {
		p := a.prop(r)
		if p == nil && !slices.Contains(a.required, r) && !a.open() || p != nil && p.never {
			return true
		}
	}
	for _, r := range a.required {
		p, q := a.prop(r), b.prop(r)
		if q == nil {
			q = b.extra
		}
		if p != nil && q != nil && c.avoids(p, q, depth+1) {
			return true
		}
	}
	return false
}

// open says whether objects may have properties that are not named.
func (s *schema) open() bool {
	if s.extra != nil {
		return !s.extra.never
	}
	return len(s.props) == 0 && len(s.required) == 0
}
