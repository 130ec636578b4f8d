package jinja_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/chat/jinja"
)

// marked writes what came from the input between « and ».
func marked(spans []jinja.Span) string {
	var b strings.Builder
	for _, s := range spans {
		if s.FromInput {
			b.WriteString("«" + s.Text + "»")
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

// TestMarks checks that marks follow text of the input through every
// operation on strings, and that text of the template never gets one.
func TestMarks(t *testing.T) {
	const vars = `{"s": "input", "w": "  a b  ", "u": "äöü", "c": "a,b", "h": "<b>", "l": ["x", "y"], "q": "it's \"q\"\n", "d": {"k": "v", "n": 1}}`
	for _, c := range []struct{ src, want string }{
		{"{{ s }}", "«input»"},
		{"a{{ s }}b", "a«input»b"},
		{"{{ 'a' + s + 'b' }}", "a«input»b"},
		{"{{ 'a' ~ s ~ 1 ~ none }}", "a«input»1None"},
		{"{{ s + s }}", "«inputinput»"},
		{"{{ ('<' + s + '>')[1:-1] }}", "«input»"},
		{"{{ ('<' + s + '>')[0:3] }}", "<«in»"},
		{"{{ ('<' + s + '>')[::-1] }}", ">«tupni»<"},
		{"{{ ('<' + s + '>')[::2] }}", "<«nu»>"},
		{"{{ ('<' + s + '>')[0] }}{{ ('<' + s + '>')[2] }}", "<«n»"},
		{"{{ ('é' + u + 'é')[1:3] }}", "«äö»"},
		{"{{ (' ' + w + ' ')|trim }}", "«a b»"},
		{"{{ w.strip() + '|' + w.lstrip() + '|' + w.rstrip() }}", "«a b»|«a b  »|«  a b»"},
		{"{{ ('x' + s).strip('xt') }}", "«inpu»"},
		{"{{ s|upper }}{{ ('a' + s)|upper }}", "«INPUT»A«INPUT»"},
		{"{{ ('aBC' + s)|capitalize }}{{ ('bc ' + s)|title }}{{ s.title() }}{{ s.swapcase() }}", "Abc«input»Bc «InputInputINPUT»"},
		{"{{ s|replace('p', 'P') }}", "«in»P«ut»"},
		{"{{ 'a-b'|replace('-', s) }}", "a«input»b"},
		{"{{ s.replace('n', s, 1) }}", "«iinputput»"},
		{"{{ 'ab'.replace('', s) }}", "«input»a«input»b«input»"},
		{"{{ c.split(',')|join('+') }}", "«a»+«b»"},
		{"{{ c.rsplit(',', 1)[1] }}{{ c.partition(',')[0] }}{{ c.rpartition(',')[2] }}", "«bab»"},
		{"{{ 'x-y'.split('-')|join(s) }}", "x«input»y"},
		{"{{ (w ~ 'z').split() }}", "['«a»', '«b»', 'z']"},
		{"{{ ('1\n' ~ s).splitlines()[1] }}", "«input»"},
		{"{{ l|join(', ') }}{{ ','.join(l) }}", "«x», «yx»,«y»"},
		{"{{ l }}", "['«x»', '«y»']"},
		{"{{ [q] }}", `['«it\'s "q"\n»']`},
		{"{{ d }}", "{'«k»': '«v»', '«n»': 1}"},
		{"{{ d|tojson }}", `{"«k»": "«v»", "«n»": 1}`},
		{"{{ q|tojson }}", `"«it's \"q\"\n»"`},
		{"{{ u|tojson(ensure_ascii=true) }}", `"«\u00e4\u00f6\u00fc»"`},
		{"{{ d.k }}{{ d['k'] }}{{ d.get('k') }}{{ d.items()|list }}", "«vvv»[('«k»', '«v»'), ('«n»', 1)]"},
		{"{{ '%s|%5s|%-7s|' % (s, 'x', s) }}", "«input»|    x|«input»  |"},
		{"{{ '%s'|format(s) }}{{ '%(a)s' % {'a': s} }}", "«inputinput»"},
		{"{{ s % () }}{{ ('%s' ~ s) % 'x' }}", "«input»x«input»"},
		{"{{ '{}-{a}'.format(s, a=s) }}{{ '{:>7}'.format(s) }}", "«input»-«input»  «input»"},
		{"{{ '{!r}'.format(s) }}{{ '%r' % s }}", "'«input»''«input»'"},
		{"{{ s|indent(2, true) }}", "  «input»"},
		{"{{ s|center(9) }}{{ s.ljust(7, '.') }}{{ s.rjust(7, '.') }}", "  «input»  «input»....«input»"},
		{"{{ s|truncate(4, true, leeway=0) }}", "«i»..."},
		{"{{ h|e }}{{ '<'|safe + h }}", "«&lt;b&gt;»<«&lt;b&gt;»"},
		{"{{ s * 2 }}{{ 'a' * 2 }}", "«inputinput»aa"},
		{"{{ s|reverse }}{{ s|list|join('.') }}", "«tupnii».«n».«p».«u».«t»"},
		{"{{ s|string }}{{ s|default('x') }}{{ nope|default(s) }}{{ s|safe }}", "«inputinputinputinput»"},
		{"{{ s.removeprefix('in') }}{{ s.removesuffix('put') }}", "«putin»"},
		{"{{ s|first }}{{ s|last }}{{ l|first }}{{ l|sort|last }}{{ l|max }}", "«itxyy»"},
		{"{% set x %}a{{ s }}b{% endset %}{{ x }}{{ x|upper }}", "a«input»bA«INPUT»B"},
		{"{% set x | upper %}a{{ s }}{% endset %}{{ x }}", "A«INPUT»"},
		{"{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(s) }}{{ m('t') }}", "<«input»><t>"},
		{"{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}{{ s }}!{% endcall %}", "<«input»!>"},
		{"{% filter upper %}a{{ s }}{% endfilter %}", "A«INPUT»"},
		{"{% for c in s %}{{ c }}.{% endfor %}", "«i».«n».«p».«u».«t»."},
		{"{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "«k»=«v»;«n»=1;"},
		{"{% set ns = namespace(a='') %}{% for x in l %}{% set ns.a = ns.a + x + ',' %}{% endfor %}{{ ns.a }}", "«x»,«y»,"},
		{"{{ 'yes' if s == 'input' }}{{ s|length }}{{ s in ['input'] }}{{ {'input': 'found'}[s] }}", "yes5Truefound"},
		{"{{ '42'|int }}{{ d.n }}{{ s.count('p') }}", "4211"},
		{"{{ e }}{{ '' + s[0:0] }}", ""},
	} {
		vars, err := jinja.FromJSON([]byte(vars), true)
		require.NoError(t, err)
		tmpl, err := jinja.Parse(c.src)
		require.NoError(t, err, c.src)
		out, err := tmpl.Render(vars.(*jinja.Dict), jinja.Options{})
		require.NoError(t, err, c.src)
		require.Equal(t, c.want, marked(out.Spans()), c.src)
		requireSpans(t, out)
	}
}

// requireSpans checks what Spans promises.
func requireSpans(t *testing.T, s *jinja.Str) {
	t.Helper()
	var b strings.Builder
	spans := s.Spans()
	for i, span := range spans {
		require.NotEmpty(t, span.Text)
		if i > 0 {
			require.NotEqual(t, spans[i-1].FromInput, span.FromInput)
		}
		b.WriteString(span.Text)
	}
	require.Equal(t, s.String(), b.String())
}
