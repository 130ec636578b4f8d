package grammar

import (
	"fmt"
	"strconv"
)

// typeSet is a set of JSON types; integer is a subset of number.
type typeSet uint8

const (
	typeNull typeSet = 1 << iota
	typeBool
	typeInteger
	typeNumber // with fractions too
	typeString
	typeArray
	typeObject
	allTypes = 1<<iota - 1
)

var typeNames = map[string]typeSet{
	"null": typeNull, "boolean": typeBool, "integer": typeInteger, "number": typeNumber | typeInteger,
	"string": typeString, "array": typeArray, "object": typeObject,
}

// schema is a JSON schema as written, before references and combinations are
// resolved. Zero fields say nothing.
type schema struct {
	path   string
	never  bool // false, or a contradiction
	typed  bool
	types  typeSet
	refs   []string // all of these
	all    []*schema
	groups []group // one alternative of each
	values []value // enum and const
	listed bool    // values are given

	object, array, text, numeric bool // has keywords for it

	props    []property
	required []string
	extra    *schema // additionalProperties
	prefix   []*schema
	items    *schema
	minItems int
	maxItems int // -1 = none
	minLen   int
	maxLen   int // -1 = none
	patterns []string
	format   string
	lo, hi   bound
}

type property struct {
	name string
	s    *schema
}

// group is an anyOf, or a oneOf, of which no two may hold.
type group struct {
	keyword string
	options []*schema
}

func newSchema(path string) *schema {
	return &schema{path: path, types: allTypes, maxItems: -1, maxLen: -1}
}

// SchemaOptions say how the JSON text of a schema looks.
type SchemaOptions struct {
	// Compact writes ", " and ": " and no other space, so that more of the text is
	// certain; otherwise the model chooses between none, a blank, and a new line
	// with indentation.
	Compact bool
}

// ParseSchema translates a JSON schema: every text of the rules validates against it.
// The other way round some valid values are left out: properties that the schema does
// not name (unless additionalProperties asks for them), another order than required
// ones first, numbers of more digits. Whatever is not supported is an
// *UnsupportedError with the keyword; see schemaKeywords for what is.
func ParseSchema(text []byte, o SchemaOptions) (*Rules, error) {
	root, err := parseJSON(text)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	c := &schemaCompiler{
		root: root, keywords: schemaKeywords(), targets: map[string]*schema{}, refs: map[string]*Expr{},
		json: jsonText{rules: &Rules{}, compact: o.Compact, shared: map[string]*Expr{}},
	}
	c.json.rules.add("schema", nil)
	s, err := c.parse(root, "#")
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	c.targets["#"] = s
	c.refs["#"] = ref(0)
	body, err := c.expr(s, 0)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	c.json.rules.Bodies[0] = body
	return c.json.rules, nil
}

// schemaCompiler holds what is shared by the parts of a schema.
type schemaCompiler struct {
	root     value
	keywords map[string]keyword
	targets  map[string]*schema // by reference
	refs     map[string]*Expr   // rules of references
	json     jsonText
	count    int // schemas compiled
}

// parse reads a schema and those inside it.
func (c *schemaCompiler) parse(v value, path string) (*schema, error) {
	s := newSchema(path)
	switch v.kind {
	case 't':
		return s, nil
	case 'f':
		s.never = true
		return s, nil
	case '{':
	default:
		return nil, fmt.Errorf("%w: %s is %.40s, not a schema", ErrSyntax, path, v.json())
	}
	for i, key := range v.keys {
		k, ok := c.keywords[key]
		if !ok {
			return nil, &UnsupportedError{Keyword: key, Path: path}
		}
		if k == nil {
			continue
		}
		if err := k(c, s, v.items[i], key); err != nil {
			return nil, err
		}
	}
	return s, c.legacy(v, s)
}

// legacy settles keywords that depend on others: exclusiveMinimum as a flag, and
// additionalItems behind a list of items.
func (c *schemaCompiler) legacy(v value, s *schema) error {
	for key, b := range map[string]*bound{"exclusiveMinimum": &s.lo, "exclusiveMaximum": &s.hi} {
		if f, ok := v.get(key); ok && f.kind == 't' {
			b.open = b.value != nil
		}
	}
	if list, ok := v.get("items"); !ok || list.kind != '[' {
		return nil
	}
	if more, ok := v.get("additionalItems"); ok {
		items, err := c.parse(more, s.path+"/additionalItems")
		s.items = items
		return err
	}
	return nil
}

// keyword reads one keyword into s.
type keyword func(c *schemaCompiler, s *schema, v value, key string) error

// schemaKeywords returns the supported keywords; nil ones describe and do not limit.
// It is a function because those that read schemas refer to it.
func schemaKeywords() map[string]keyword {
	return map[string]keyword{
		"title": nil, "description": nil, "default": nil, "examples": nil, "deprecated": nil, "readOnly": nil,
		"writeOnly": nil, "$comment": nil, "$defs": nil, "definitions": nil,
		"additionalItems": nil, // see legacy; without a list of items it means nothing
		"$schema":         readDialect, "$id": readID, "id": readID, "$ref": readRef,
		"type": readType, "enum": readEnum, "const": readConst, "allOf": readAll, "anyOf": readAny, "oneOf": readAny,
		"properties": readProperties, "required": readRequired, "additionalProperties": readExtra,
		"items": readItems, "prefixItems": readPrefix, "minItems": readCount, "maxItems": readCount,
		"minLength": readCount, "maxLength": readCount, "pattern": readText, "format": readText,
		"minimum": readBound, "maximum": readBound, "exclusiveMinimum": readBound, "exclusiveMaximum": readBound,
		"uniqueItems": readFalse, "minProperties": readZero,
	}
}

func readDialect(_ *schemaCompiler, s *schema, v value, key string) error {
	for _, d := range []string{
		"http://json-schema.org/draft-04/schema", "http://json-schema.org/draft-06/schema", "http://json-schema.org/draft-07/schema",
		"https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema",
	} {
		if v.text == d || v.text == d+"#" {
			return nil
		}
	}
	return &UnsupportedError{Keyword: key, Path: s.path, Reason: "it is none of the published drafts"}
}

func readID(_ *schemaCompiler, s *schema, _ value, key string) error {
	if s.path == "#" {
		return nil
	}
	return &UnsupportedError{Keyword: key, Path: s.path, Reason: "references are resolved from the root only"}
}

func readRef(_ *schemaCompiler, s *schema, v value, key string) error {
	if v.kind != '"' {
		return s.wrong(key, "a string")
	}
	s.refs = append(s.refs, v.text)
	return nil
}

// wrong says that a keyword has a value of the wrong kind.
func (s *schema) wrong(key, want string) error {
	return fmt.Errorf("%w: %q at %s must be %s", ErrSyntax, key, s.path, want)
}

func readType(_ *schemaCompiler, s *schema, v value, key string) error {
	names := v.items
	if v.kind == '"' {
		names = []value{v}
	} else if v.kind != '[' || len(names) == 0 {
		return s.wrong(key, "a type or a list of types")
	}
	s.typed, s.types = true, 0
	for _, n := range names {
		t, ok := typeNames[n.text]
		if n.kind != '"' || !ok {
			return s.wrong(key, "a type or a list of types, not "+n.json())
		}
		s.types |= t
	}
	return nil
}

func readEnum(_ *schemaCompiler, s *schema, v value, key string) error {
	if v.kind != '[' {
		return s.wrong(key, "a list")
	}
	return s.list(v.items)
}

func readConst(_ *schemaCompiler, s *schema, v value, _ string) error { return s.list([]value{v}) }

// list limits s to values.
func (s *schema) list(values []value) error {
	if !s.listed {
		s.listed, s.values = true, values
		return nil
	}
	var kept []value
	for _, v := range s.values {
		for _, o := range values {
			if v.equal(o) {
				kept = append(kept, v)
				break
			}
		}
	}
	s.values = kept
	return nil
}

// parseList reads a list of schemas.
func (c *schemaCompiler) parseList(s *schema, v value, key string) ([]*schema, error) {
	if v.kind != '[' || len(v.items) == 0 {
		return nil, s.wrong(key, "a list of schemas")
	}
	var all []*schema
	for i, item := range v.items {
		sub, err := c.parse(item, s.path+"/"+key+"/"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		all = append(all, sub)
	}
	return all, nil
}

func readAll(c *schemaCompiler, s *schema, v value, key string) (err error) {
	s.all, err = c.parseList(s, v, key)
	return err
}

func readAny(c *schemaCompiler, s *schema, v value, key string) error {
	options, err := c.parseList(s, v, key)
	s.groups = append(s.groups, group{key, options})
	return err
}
