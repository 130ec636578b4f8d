package jinja_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/chat/jinja"
)

// TestErrors checks that errors name line and construct and wrap what callers
// branch on.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		src, want string
		is        error
	}{
		{"a\n{{ 1 + }}", `line 2: template syntax error: unexpected }}, expected an expression`, jinja.ErrSyntax},
		{"\n\n{% if x %}\n", `line 3: if: template syntax error: not closed`, jinja.ErrSyntax},
		{"{% for x in y %}\n", `for loop: template syntax error: not closed`, jinja.ErrSyntax},
		{"{# a\n", `line 1: template syntax error: comment is not closed`, jinja.ErrSyntax},
		{"{{ 'a\n }}", `string is not closed`, jinja.ErrSyntax},
		{"\n{% raw %}\n", `line 2: raw block`, jinja.ErrSyntax},
		{"{% include 'x' %}", `line 1: unsupported template statement "include"`, jinja.ErrUnsupported},
		{"{% import 'x' as y %}", `"import"`, jinja.ErrUnsupported},
		{"{% from 'x' import y %}", `"from"`, jinja.ErrUnsupported},
		{"{% extends 'x' %}", `"extends"`, jinja.ErrUnsupported},
		{"{% block x %}{% endblock %}", `"block"`, jinja.ErrUnsupported},
		{"{% autoescape true %}{% endautoescape %}", `"autoescape"`, jinja.ErrUnsupported},
		{"\n{{ nope.a }}", `line 2: attribute "a": undefined value: 'nope' is undefined`, jinja.ErrUndefined},
		{"\n{{ {}.a.b }}", `line 2: attribute "b": undefined value: 'dict object' has no attribute 'a'`, jinja.ErrUndefined},
		{"{{ nope() }}", `call of "nope": undefined value: 'nope' is undefined`, jinja.ErrUndefined},
		{"{% macro m(a) %}\n{{ a + 1 }}{% endmacro %}\n{{ m() }}", `line 2: operator "+": undefined value: parameter 'a' was not provided`, jinja.ErrUndefined},
		{"\n\n{{ raise_exception('No ' ~ 1) }}", `line 3: call of "raise_exception": raised by the template: No 1`, jinja.ErrRaised},
		{"{{ 1 + 'a' }}", `operator "+": unsupported operand type(s) for +: 'int' and 'str'`, nil},
		{"{{ 1\n|nope }}", `line 2: filter "nope": no filter named 'nope'`, nil},
		{"{{ 1 is nope }}", `test "nope": no test named 'nope'`, nil},
		{"{{ [1].nope() }}", `call of "nope"`, jinja.ErrUndefined},
		{"{% for a, b in [[1]] %}{% endfor %}", `for loop: cannot unpack 1 values into 2 names`, nil},
		{"{% set x.y = 1 %}", `set: cannot assign attribute "y" of "x": not a namespace`, nil},
		{"{{ 9223372036854775807 + 1 }}", "integer overflow", nil},
		{"{{ 2 ** 64 }}", "integer overflow", nil},
		{"{{ -9223372036854775807 * 3 }}", "integer overflow", nil},
		{"{{ 99999999999999999999 }}", "integer 99999999999999999999 is too large", jinja.ErrSyntax},
		{"{{ 'a'.upper(1) }}", `call of "upper": upper takes at most 0 argument(s), 1 given`, nil},
		{"{{ 'a'|replace }}", `filter "replace": replace is missing the argument 'old'`, nil},
		{"{{ '{0.x}'.format(1) }}", `only [index] is supported`, nil},
	} {
		_, err := render(t, c.src, []byte("{}"))
		require.ErrorContains(t, err, c.want, c.src)
		var at *jinja.Error
		require.ErrorAs(t, err, &at, c.src)
		require.Positive(t, at.Line)
		if c.is != nil {
			require.ErrorIs(t, err, c.is, c.src)
		}
	}
}

func TestFromJSON(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"b": 1, "a": [true, null, 1.50, 1e2, -0]}`, `{"b": 1, "a": [true, null, 1.5, 100.0, 0]}`},
		{`{"a": 1, "b": 2, "a": 3}`, `{"a": 3, "b": 2}`},
		{`12345678901234567890123`, `12345678901234567890123`},
		{`"é\u00e9\ud83d\ude00\/"`, `"éé😀/"`},
		{` [] `, `[]`},
	} {
		v, err := jinja.FromJSON([]byte(c.in), false)
		require.NoError(t, err, c.in)
		vars := jinja.NewDict()
		vars.Set("v", v)
		tmpl, err := jinja.Parse("{{ v|tojson }}")
		require.NoError(t, err)
		out, err := tmpl.Render(vars, jinja.Options{})
		require.NoError(t, err)
		require.Equal(t, c.want, out.String())
	}
	for _, in := range []string{``, `{`, `[1,`, `{"a"}`, `1 2`, `{"a":1}}`, `nul`, `{1:2}`, strings.Repeat("[", 10_000)} {
		_, err := jinja.FromJSON([]byte(in), false)
		require.Error(t, err, in)
	}
}

// TestBigIntegers checks that integers beyond 64 bits pass through unchanged
// and that arithmetic on them is refused.
func TestBigIntegers(t *testing.T) {
	vars := []byte(`{"n": 18446744073709551616}`)
	out, err := render(t, "{{ n }} {{ [n] }} {{ n|tojson }} {{ n == n }} {{ n is number }} {{ n is integer }} {{ n|string }}", vars)
	require.NoError(t, err)
	require.Equal(t, "18446744073709551616 [18446744073709551616] 18446744073709551616 True True True 18446744073709551616", out)
	_, err = render(t, "{{ n + 1 }}", vars)
	require.Error(t, err)
}

// TestInvalidUTF8 checks that bytes that are no UTF-8 pass through, one
// character each.
func TestInvalidUTF8(t *testing.T) {
	vars := jinja.NewDict()
	vars.Set("s", jinja.Input("a\xff\xfeé"))
	tmpl, err := jinja.Parse("{{ s }}|{{ s|length }}|{{ s[1:3] }}|{{ s[::-1] }}|{{ s|replace('a', '') }}")
	require.NoError(t, err)
	out, err := tmpl.Render(vars, jinja.Options{})
	require.NoError(t, err)
	require.Equal(t, "a\xff\xfeé|4|\xff\xfe|é\xfe\xffa|\xff\xfeé", out.String())
}

// TestConcurrent renders one template from many goroutines.
func TestConcurrent(t *testing.T) {
	tmpl, err := jinja.Parse("{% set l = [] %}{% for i in range(50) %}{% set _ = l.append('é' ~ i) %}{% endfor %}{{ l|join|length }}{{ 'éa'|length }}")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				out, err := tmpl.Render(nil, jinja.Options{})
				if err != nil || out.String() != "1402" {
					t.Errorf("got %v, %v", out, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestClock checks that strftime_now formats the clock it is given, and that
// there is one by default.
func TestClock(t *testing.T) {
	tmpl, err := jinja.Parse("{{ strftime_now('%Y') }}")
	require.NoError(t, err)
	out, err := tmpl.Render(nil, jinja.Options{})
	require.NoError(t, err)
	require.Equal(t, time.Now().Format("2006"), out.String())
	out, err = tmpl.Render(nil, jinja.Options{Now: func() time.Time { return time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) }})
	require.NoError(t, err)
	require.Equal(t, "1999", out.String())
}

// FuzzRender checks that no template panics, runs away or breaks its spans.
func FuzzRender(f *testing.F) {
	for _, src := range hostile {
		if len(src) < 500 {
			f.Add(src)
		}
	}
	for _, src := range []string{
		"{%- for m in messages -%}{{ m.role + ': ' + m['content']|trim }}{% endfor %}",
		"{% macro f(a, b=1) %}{{ a ~ b }}{{ varargs }}{% endmacro %}{% call(x) f(1) %}{{ x }}{% endcall %}",
		"{{ messages[::-1]|map(attribute='role')|unique|list|tojson(indent=2) }}",
		"{% set ns = namespace(a=1) %}{% set ns.a, b = 2, '%05.2f' % 3 %}{{ '{:>{}}'.format(1) }}{{ '{0[role]!r:^20}'.format(messages[0]) }}",
		"{# c -#} {% raw %}{{{% endraw %}{{ 'a\\u00e9\\x41\\101' }}",
		"{% for a, (b, c) in [(1, (2, 3))] recursive %}{{ loop.nextitem }}{{ loop.length }}{% else %}{% endfor %}",
		"{{ s[1:-1:2] ~ s.split('n')|join(s) ~ s|replace('', s, 3) }}", "{{ (1, 2.5) < (1, true) }}{{ -7 // 2 ** -1 % 3 }}",
		"{{ messages|groupby('role')|list }}{{ s|batch(2)|slice(3)|list }}{{ d|dictsort(by='value')|first }}",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		tmpl, err := jinja.Parse(src)
		if err != nil {
			var at *jinja.Error
			require.ErrorAs(t, err, &at)
			return
		}
		vars, err := jinja.FromJSON([]byte(`{"messages": [{"role": "user", "content": " hi "}, {"role": "tool", "content": null}],
			"s": "input é", "u": "é", "d": {"k": "v", "n": 1}, "x": [1, 2.5, "3", true, null]}`), true)
		require.NoError(t, err)
		start := time.Now()
		small := jinja.Limits{Steps: 100_000, OutputBytes: 1 << 20, MemoryBytes: 8 << 20, CallDepth: 50}
		out, err := tmpl.Render(vars.(*jinja.Dict), jinja.Options{Limits: small, Now: clock})
		require.Less(t, time.Since(start), 5*time.Second)
		if err != nil {
			var at *jinja.Error
			require.ErrorAs(t, err, &at)
			return
		}
		requireSpans(t, out)
	})
}
