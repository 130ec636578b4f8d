package grammar

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// validator compiles a schema with an independent implementation.
func validator(t testing.TB, text string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("schema.json", doc))
	s, err := c.Compile("schema.json")
	require.NoError(t, err, text)
	return s
}

func valid(t testing.TB, s *jsonschema.Schema, text string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err, "%q", text)
	return s.Validate(doc)
}

// schemaGrammar compiles a schema; nil when it is refused as impossible.
func schemaGrammar(t testing.TB, text string, o SchemaOptions) *Grammar {
	t.Helper()
	r, err := ParseSchema([]byte(text), o)
	require.NoError(t, err, text)
	g, err := Compile(r)
	if errors.Is(err, ErrImpossible) {
		return nil
	}
	require.NoError(t, err, text)
	return g
}

func TestSchemaLanguages(t *testing.T) {
	for _, tc := range []struct {
		schema  string
		yes, no []string
	}{
		{`{}`, []string{`null`, `{"a": [1, -2.5e+3, "x\u00e9\n"]}`, "[\n  1,\n  2\n]"}, []string{``, `{a:1}`, `[1,]`, `01`, `"\x"`, `"\ud800"`}},
		{`true`, []string{`[[[]]]`}, []string{`[`}},
		{`{"type":"integer","minimum":-5,"maximum":120}`, []string{`-5`, `0`, `7`, `99`, `120`}, []string{`-6`, `121`, `1.0`, `00`}},
		{`{"type":"integer","exclusiveMinimum":7}`, []string{`8`, `10`, `123456789`}, []string{`7`, `-8`}},
		{`{"type":"integer","maximum":1.5}`, []string{`1`, `0`, `-100`}, []string{`2`}},
		{`{"type":"number","minimum":0.5,"exclusiveMaximum":2}`, []string{`0.5`, `0.51`, `1`, `1.999`, `0.6`}, []string{`0.4`, `0`, `2`, `2.0`, `-1`}},
		{`{"type":"number","minimum":1.25,"maximum":1.5}`, []string{`1.25`, `1.3`, `1.5`, `1.50`, `1.2500`}, []string{`1`, `1.2`, `1.51`, `1.249`}},
		{`{"type":"number","exclusiveMinimum":-1.5,"maximum":0}`, []string{`-1.4`, `-1`, `0`, `-0.01`, `0.0`}, []string{`-1.5`, `-1.50`, `0.1`, `1`}},
		{`{"enum":["a",1,null,{"b":[1]}]}`, []string{`"a"`, `1`, `null`, `{"b":[1]}`}, []string{`"b"`, `2`}},
		{`{"type":"string","minLength":2,"maxLength":3}`, []string{`"ab"`, `"語é\n"`, `"\ud83d\ude00x"`}, []string{`"a"`, `"abcd"`}},
		{`{"type":"string","pattern":"^a[\"\\\\]+$"}`, []string{`"a\""`, `"a\\\""`}, []string{`"a"`, `"b\""`}},
		{`{"pattern":"b+|^c"}`, []string{`"abb"`, `"cx"`, `"xbx"`}, []string{`"ac"`, `""`}},
		{`{"format":"date"}`, []string{`"2024-02-28"`, `"1999-12-31"`}, []string{`"2024-02-30"`, `"2024-13-01"`}},
		{`{"type":"array","items":{"type":"null"},"minItems":1,"maxItems":2}`, []string{`[null]`, `[null, null]`}, []string{`[]`, `[null,null,null]`}},
		{`{"prefixItems":[{"const":1},{"const":2}]}`, []string{`[]`, `[1]`, `[1,2]`}, []string{`[2]`, `[1,2,3]`}},
		{`{"prefixItems":[{"const":1},{"const":2}],"items":{"type":"string"},"minItems":2,"maxItems":3}`, []string{`[1,2]`, `[1,2,"a"]`}, []string{`[1]`, `[1,2,"a","b"]`, `[1,2,3]`}},
		{`{"properties":{"b":{"type":"integer"},"a":{"type":"null"}},"required":["a"]}`, []string{`{"a": null}`, `{"a":null,"b":1}`}, []string{`{}`, `{"b":1}`, `{"a":null,"c":1}`}},
		{`{"properties":{"a":{"type":"null"}},"additionalProperties":{"type":"integer"}}`, []string{`{}`, `{"a":null}`, `{"ab":1,"b":2}`, `{"a":null,"":3}`}, []string{`{"a":1}`, `{"b":null}`}},
		{`{"type":"object","additionalProperties":false}`, []string{`{}`}, []string{`{"a":1}`}},
		{`{"$defs":{"n":{"properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["v","next"]}},"$ref":"#/$defs/n"}`,
			[]string{`{"v":1,"next":null}`, `{"v":1,"next":{"v":2,"next":null}}`}, []string{`{"v":1}`}},
		{`{"allOf":[{"type":"object","properties":{"a":{"type":"integer","minimum":3}}},{"properties":{"a":{"maximum":4}},"required":["a"]}]}`, []string{`{"a":3}`, `{"a":4}`}, []string{`{"a":5}`, `{}`}},
		{`{"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},"anyOf":[{"required":["a"]},{"required":["b"]}]}`, []string{`{"a":null}`, `{"b":null}`, `{"a":null,"b":null}`}, []string{`{}`}},
		{`{"oneOf":[{"type":"integer"},{"type":"string"}]}`, []string{`1`, `"a"`}, []string{`null`}},
		{`{"oneOf":[{"properties":{"k":{"const":"a"}},"required":["k"]},{"properties":{"k":{"const":"b"},"x":{"type":"null"}},"required":["k","x"]}]}`,
			[]string{`{"k":"a"}`, `{"k":"b","x":null}`}, []string{`{"k":"b"}`}},
	} {
		t.Run(tc.schema[:min(50, len(tc.schema))], func(t *testing.T) {
			g := schemaGrammar(t, tc.schema, SchemaOptions{})
			v := validator(t, tc.schema)
			for _, s := range tc.yes {
				require.True(t, accepts(g, s), "%s", s)
				require.NoError(t, valid(t, v, s), "%s", s)
			}
			for _, s := range tc.no {
				require.False(t, accepts(g, s), "%s", s)
			}
		})
	}
}

func TestSchemaErrors(t *testing.T) {
	for _, tc := range []struct {
		schema string
		want   error
		says   string
	}{
		{`{"uniqueItems":true}`, ErrUnsupported, `"uniqueItems" at #`},
		{`{"properties":{"a":{"not":{}}}}`, ErrUnsupported, `"not" at #/properties/a`},
		{`{"if":{}}`, ErrUnsupported, `"if"`},
		{`{"patternProperties":{}}`, ErrUnsupported, `"patternProperties"`},
		{`{"format":"iri"}`, ErrUnsupported, `"format"`},
		{`{"$ref":"https://example.org/x"}`, ErrUnsupported, `"$ref"`},
		{`{"pattern":"(?=a)b"}`, ErrUnsupported, `"pattern"`},
		{`{"oneOf":[{"type":"integer"},{"type":"number"}]}`, ErrUnsupported, `"oneOf" at #`},
		{`{"items":{"$id":"x"}}`, ErrUnsupported, `"$id" at #/items`},
		{`{"$ref":"#/$defs/x"}`, ErrSyntax, "points to nothing"},
		{`{"$ref":"#"}`, ErrImpossible, "no text"},
		{`{"type":"strin"}`, ErrSyntax, `"type" at #`},
		{`{"minItems":-1}`, ErrSyntax, "whole number"},
		{`{"type":"string","maxLength":1000000000}`, ErrTooComplex, "automaton nodes"},
		{`{"minimum":1e4000}`, ErrTooComplex, "number"},
		{strings.Repeat(`{"items":`, 100) + `{}` + strings.Repeat(`}`, 100), ErrTooComplex, "nested"},
		{`{"a":1,"a":2}`, ErrSyntax, "twice"},
		{`[]`, ErrSyntax, "not a schema"},
		{`{"type":`, ErrSyntax, "unexpected EOF"},
		{`false`, ErrImpossible, "no text"},
		{`{"allOf":[{"type":"string"},{"type":"null"}]}`, ErrImpossible, "no text"},
		{`{"$defs":{"a":{"$ref":"#/$defs/b","type":"null"},"b":{"$ref":"#/$defs/a","type":"null"}},"$ref":"#/$defs/a"}`, ErrTooComplex, "references nested"},
	} {
		t.Run(tc.schema[:min(40, len(tc.schema))], func(t *testing.T) {
			r, err := ParseSchema([]byte(tc.schema), SchemaOptions{})
			if err == nil {
				_, err = Compile(r)
			}
			require.ErrorIs(t, err, tc.want)
			require.ErrorContains(t, err, tc.says)
		})
	}
}

// A bound without its counterpart stays a small automaton.
func TestOpenBoundsAreSmall(t *testing.T) {
	for _, s := range []string{`{"type":"integer","minimum":5}`, `{"type":"number","exclusiveMaximum":-1234.5}`, `{"type":"integer","minimum":-98765432100}`} {
		require.Less(t, len(schemaGrammar(t, s, SchemaOptions{}).a.nodes), 4000, s)
	}
}

// schemaMaker draws schemas of all supported keywords.
type schemaMaker struct{ *rand.Rand }

func (m schemaMaker) any(depth int) string {
	n := 12
	if depth <= 0 {
		n = 7
	}
	switch m.IntN(n) {
	case 0:
		return []string{`{"type":"null"}`, `{"type":"boolean"}`, `{"enum":["red",1.5,null,{"x":[]}]}`, `{"const":"é\"\\"}`}[m.IntN(4)]
	case 1:
		lo := m.IntN(400) - 200
		return fmt.Sprintf(`{"type":"integer","minimum":%d,"exclusiveMaximum":%d}`, lo, lo+1+m.IntN(300))
	case 2:
		lo := m.Float64()*20 - 10
		return fmt.Sprintf(`{"type":"number","exclusiveMinimum":%.3f,"maximum":%.2f}`, lo, lo+0.01+m.Float64()*10)
	case 3:
		return fmt.Sprintf(`{"type":"string","minLength":%d,"maxLength":%d}`, m.IntN(4), 4+m.IntN(12))
	case 4:
		return fmt.Sprintf(`{"type":"string","format":%q}`, []string{"date", "time", "date-time", "uuid", "ipv4", "email", "hostname", "uri"}[m.IntN(8)])
	case 5:
		return fmt.Sprintf(`{"type":"string","pattern":%q}`, []string{`^[a-c]{2,4}$`, `\d+`, `^x|y$`, `^(ab|c)*"$`, `[^a-z]`}[m.IntN(5)])
	case 6:
		return []string{`{"type":"string"}`, `{"type":["integer","null"]}`, `{}`, `{"type":"number"}`}[m.IntN(4)]
	case 7:
		lo := m.IntN(3)
		return fmt.Sprintf(`{"type":"array","items":%s,"minItems":%d,"maxItems":%d}`, m.any(depth-1), lo, lo+m.IntN(4))
	case 8:
		return fmt.Sprintf(`{"type":"array","prefixItems":[%s,%s],"items":%s,"minItems":%d}`, m.any(depth-1), m.any(depth-1), []string{"false", m.any(depth - 1)}[m.IntN(2)], m.IntN(3))
	case 9:
		return fmt.Sprintf(`{"anyOf":[%s,%s]}`, m.any(depth-1), m.any(depth-1))
	}
	return m.object(depth)
}

func (m schemaMaker) object(depth int) string {
	var props, required []string
	for i := range 1 + m.IntN(5) {
		name := []string{"a", "ab", "name", "b\\\"c", "é"}[i]
		props = append(props, fmt.Sprintf(`"%s":%s`, name, m.any(depth-1)))
		if m.IntN(2) == 0 {
			required = append(required, `"`+name+`"`)
		}
	}
	s := fmt.Sprintf(`{"type":"object","properties":{%s},"required":[%s]`, strings.Join(props, ","), strings.Join(required, ","))
	switch m.IntN(4) {
	case 0:
		s += `,"additionalProperties":` + m.any(depth-1)
	case 1:
		s += `,"additionalProperties":false`
	case 2:
		s += `,"allOf":[{"properties":{"z":{"type":"integer"}},"required":["z"]}]`
	}
	return s + "}"
}

// Every text written under a schema validates against it, by an independent validator.
func TestGeneratedSchemas(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 200
	}
	v := smallVocab(t)
	m := schemaMaker{rand.New(rand.NewPCG(7, 7))}
	for i := range n {
		text := m.any(3)
		g := schemaGrammar(t, text, SchemaOptions{Compact: i%2 == 0})
		if g == nil {
			continue // an impossible allOf
		}
		check := validator(t, text)
		for range 3 {
			c, err := NewMatcher("schema", g, v)
			require.NoError(t, err)
			out := random(t, c, v, m.Rand, 40)
			require.True(t, json.Valid([]byte(out)), "%s\n%q", text, out)
			require.NoError(t, valid(t, check, out), "%s\n%q", text, out)
		}
	}
}
