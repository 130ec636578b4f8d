package grammar

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// accepts says whether a grammar takes the whole of a text.
func accepts(g *Grammar, text string) bool {
	a := g.initial()
	var b config
	for i := range len(text) {
		if !g.advance(&b, &a, text[i]) {
			return false
		}
		a, b = b, a
	}
	return a.ended
}

func compile(t testing.TB, r *Rules, err error) *Grammar {
	t.Helper()
	require.NoError(t, err)
	g, err := Compile(r)
	require.NoError(t, err)
	return g
}

func TestGBNFLanguages(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		yes, no    []string
	}{
		{"literal", `root ::= "abc"`, []string{"abc"}, []string{"", "ab", "abcd"}},
		{"alternatives", "root ::= \"a\" | \"b\" |\n  \"cd\"", []string{"a", "b", "cd"}, []string{"c", "ab"}},
		{"empty alternative", `root ::= "x" | `, []string{"", "x"}, []string{"xx"}},
		{"class", `root ::= [a-c0-9_-]+`, []string{"a", "b3_-"}, []string{"", "d"}},
		{"negated class", `root ::= [^\n"]*`, []string{"", "abc é 語"}, []string{"a\n", "\""}},
		{"any", `root ::= . .`, []string{"ab", "é語", "\n\n"}, []string{"a", "abc", "\xff\xff"}},
		{"escapes", `root ::= "\x41\u00e9\U0001F600\t\\\""`, []string{"Aé😀\t\\\""}, []string{"A"}},
		{"repeat", `root ::= "a"{2} "b"{1,3} "c"{2,} "d"{0,1}`, []string{"aabcc", "aabbbcccd"}, []string{"abcc", "aabbbbcc", "aabc"}},
		{"groups", `root ::= ("a" ("b" | "c")+ )* "."`, []string{".", "abcab."}, []string{"a.", "b."}},
		{"recursion", `root ::= "(" root ")" | "x"`, []string{"x", "((x))"}, []string{"((x)", "()"}},
		{"tail", `root ::= [a-z] root | "."`, []string{".", strings.Repeat("a", 5000) + "."}, []string{"a"}},
		{"ambiguous", `root ::= "a" root "b" | "a" root "c" | "x"`, []string{strings.Repeat("a", 40) + "x" + strings.Repeat("bc", 20)}, []string{"axbc"}},
		{"nullable loop", "root ::= e* \".\"\ne ::= \"a\"*", []string{".", "aa."}, []string{"b."}},
		{"comments", "# one\nroot ::= a # two\na ::= \"a\" # three", []string{"a"}, []string{"b"}},
		{"arithmetic", "root ::= (expr \"=\" ws term \"\\n\")+\nexpr ::= term ([-+*/] term)*\nterm ::= ident | num | \"(\" ws expr \")\" ws\n" +
			"ident ::= [a-z] [a-z0-9_]* ws\nnum ::= [0-9]+ ws\nws ::= [ \\t\\n]*",
			[]string{"42 = 42\n", "x+(y*2) = z\nw=1\n"}, []string{"42 =", "=1\n"}},
		{"mutual", "root ::= a\na ::= \"x\" b | \"e\"\nb ::= \"y\" a", []string{"e", "xyxye"}, []string{"xe"}},
		{"multibyte class", `root ::= [à-ý語]+`, []string{"é", "語ü"}, []string{"a", "\xc3"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := ParseGBNF(tc.text, nil)
			g := compile(t, r, err)
			for _, s := range tc.yes {
				require.True(t, accepts(g, s), "%q", s)
			}
			for _, s := range tc.no {
				require.False(t, accepts(g, s), "%q", s)
			}
		})
	}
}

func TestGBNFErrors(t *testing.T) {
	for _, tc := range []struct {
		text string
		want error
		says string
	}{
		{``, ErrSyntax, `no rule "root"`},
		{`a ::= "x"`, ErrSyntax, `no rule "root"`},
		{`root ::= b`, ErrSyntax, `rule "b" is not defined`},
		{`root ::= root "a" | "b"`, ErrSyntax, "left-recursive"},
		{"root ::= a root | \"y\"\na ::= \"x\"?", ErrSyntax, "left-recursive"},
		{"root ::= a\na ::= b\nb ::= a | \"x\"", ErrSyntax, "left-recursive"},
		{`root ::= "a" root`, ErrImpossible, "no text"},
		{`root ::= []`, ErrImpossible, "no text"},
		{`root ::= "a`, ErrSyntax, "closing"},
		{`root ::= [a`, ErrSyntax, "end of the grammar"},
		{`root ::= "\q"`, ErrSyntax, "unknown escape"},
		{`root ::= "\ud800"`, ErrSyntax, "no character"},
		{`root ::= "a"{3,2}`, ErrSyntax, "empty"},
		{`root ::= "a"{2001}`, ErrTooComplex, "2000"},
		{`root ::= (((("ab"){2000}){2000}){2000})`, ErrTooComplex, "automaton nodes"},
		{`root ::= ` + strings.Repeat("(", 5000), ErrTooComplex, "nested"},
		{`root ::= ("a"`, ErrSyntax, "expected )"},
		{"root ::= \"a\"\nroot ::= \"b\"", ErrSyntax, "defined twice"},
		{`root = "a"`, ErrSyntax, "line 1, column 6"},
		{`root ::= <[x]>`, ErrSyntax, "no token id"},
		{`root ::= <nope>`, ErrSyntax, "no vocabulary"},
		{"root ::= \"\xff\"", ErrSyntax, "UTF-8"},
	} {
		t.Run(tc.text[:min(len(tc.text), 30)], func(t *testing.T) {
			r, err := ParseGBNF(tc.text, nil)
			if err == nil {
				_, err = Compile(r)
			}
			require.ErrorIs(t, err, tc.want)
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func TestRegexLanguages(t *testing.T) {
	for _, tc := range []struct {
		text    string
		yes, no []string
	}{
		{`[0-9]{3}-\d+`, []string{"123-4"}, []string{"12-4", "123-"}},
		{`^(yes|no)$`, []string{"yes", "no"}, []string{"yes!", ""}},
		{`(?i)straße`, []string{"STRAßE", "straẞe"}, []string{"strasse"}},
		{`\p{Greek}+`, []string{"αβγ"}, []string{"abc"}},
		{`a.c`, []string{"abc", "a語c"}, []string{"a\nc"}},
		{`a*?b+`, []string{"b", "aabb"}, []string{"a"}},
		{`\u0041|^b`, []string{"A", "b"}, []string{"u0041"}},
	} {
		r, err := ParseRegex(tc.text)
		g := compile(t, r, err)
		for _, s := range tc.yes {
			require.True(t, accepts(g, s), "%q: %q", tc.text, s)
		}
		for _, s := range tc.no {
			require.False(t, accepts(g, s), "%q: %q", tc.text, s)
		}
	}
	for text, want := range map[string]error{
		`a(?=b)`: ErrSyntax, `(a`: ErrSyntax, `a\bb`: ErrUnsupported, `a^b`: ErrUnsupported,
	} {
		_, err := ParseRegex(text)
		require.ErrorIs(t, err, want, text)
	}
	r, err := ParseRegex(`[^\x00-\x{10FFFF}]`)
	require.NoError(t, err)
	_, err = Compile(r)
	require.ErrorIs(t, err, ErrImpossible)
}
