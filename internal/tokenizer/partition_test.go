package tokenizer

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// specialTokenizer has nothing but special tokens.
func specialTokenizer(t testing.TB, texts []string, types []int32) *Tokenizer {
	t.Helper()
	v, err := newVocabulary(fakeStrings(texts), types)
	require.NoError(t, err)
	tok := &Tokenizer{vocab: v, stripLeft: map[int32]bool{}, stripRight: map[int32]bool{}}
	tok.automaton, err = newAutomaton(v)
	require.NoError(t, err)
	return tok
}

func cutText(tok *Tokenizer, text string, trusted []interval) []fragment {
	p := partitioner{t: tok}
	return slices.Clone(p.cut([]byte(text), trusted))
}

func TestCut(t *testing.T) {
	const user, control = int32(UserDefined), int32(Control)
	tests := []struct {
		name    string
		tokens  []string
		types   []int32
		text    string
		trusted []interval
		want    string // fragments with tokens in brackets
	}{
		{"empty", []string{"<a>"}, []int32{user}, "", nil, ""},
		{"plain", []string{"<a>"}, []int32{user}, "no token", nil, "no token"},
		{"middle", []string{"<a>"}, []int32{user}, "x<a>y<a>", nil, "x|[<a>]|y|[<a>]"},
		{"control untrusted", []string{"<a>"}, []int32{control}, "x<a>y", nil, "x<a>y"},
		{"control trusted", []string{"<a>"}, []int32{control}, "x<a>y", []interval{{0, 5}}, "x|[<a>]|y"},
		{"control across a border", []string{"<a>"}, []int32{control}, "x<a>y", []interval{{0, 2}, {3, 5}}, "x<a>y"},
		{"control in the second interval", []string{"<a>"}, []int32{control}, "<a><a>", []interval{{0, 1}, {3, 6}}, "<a>|[<a>]"},
		{"user-defined inside forbidden control", []string{"<ab>", "ab"}, []int32{control, user}, "<ab>", nil, "<|[ab]|>"},
		{"longest at a start", []string{"a", "aa", "aaa"}, []int32{user, user, user}, "aaaaa", nil, "[aaa]|[aa]"},
		{"longer later one wins", []string{"ab", "bcd"}, []int32{user, user}, "abcd", nil, "a|[bcd]"},
		{"equal length: the earlier", []string{"ab", "bc"}, []int32{user, user}, "abc", nil, "[ab]|c"},
		{"loser makes way for a shorter one", []string{"a", "ab", "bcd"}, []int32{user, user, user}, "abcd", nil, "[a]|[bcd]"},
		{"whole text", []string{"abc"}, []int32{user}, "abc", nil, "[abc]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok := specialTokenizer(t, tt.tokens, tt.types)
			require.Equal(t, tt.want, show(tok, tt.text, cutText(tok, tt.text, tt.trusted)))
		})
	}
}

func show(tok *Tokenizer, text string, fragments []fragment) string {
	var out []string
	for _, f := range fragments {
		if f.token == none {
			out = append(out, text[f.start:f.end])
		} else {
			out = append(out, "["+string(tok.Text(f.token))+"]")
		}
	}
	return strings.Join(out, "|")
}

func TestCutStrips(t *testing.T) {
	tok := specialTokenizer(t, []string{"<r>", "<l>", "\n"}, []int32{4, 4, 4})
	tok.strip, tok.stripRight[0], tok.stripLeft[1] = true, true, true
	for text, want := range map[string]string{
		"a <r> \t b":  "a |[<r>]|b",
		"a \v<l> b":   "a|[<l>]| b",
		"<r> \n <l>x": "[<r>]|[<l>]|x", // the line break goes with the stripped space
		"<r>\u00a0x":  "[<r>]|\u00a0x",
		" \n<l>":      "[<l>]",
	} {
		require.Equal(t, want, show(tok, text, cutText(tok, text, nil)), "text %q", text)
	}
}

// cutSlowly is the definition: the text is searched for tokens of each length,
// longest first, in whatever the longer ones have left over.
func cutSlowly(tok *Tokenizer, text string, trusted []interval) []fragment {
	v := tok.vocab
	allowed := func(id int32, start, end int) bool {
		if v.types[id] == UserDefined {
			return true
		}
		for _, in := range trusted {
			if in.start <= start && end <= in.end {
				return true
			}
		}
		return false
	}
	pieces := []fragment{{0, len(text), none}}
	for length := v.longest; length > 0; length-- {
		var next []fragment
		for _, p := range pieces {
			for p.token == none && p.start < p.end {
				at, id := -1, none
				for i := p.start; i+length <= p.end && id == none; i++ {
					if k := v.find([]byte(text[i : i+length])); k != none && v.isSpecial(k) && allowed(k, i, i+length) {
						at, id = i, k
					}
				}
				if id == none {
					break
				}
				left, right := at, at+length
				for tok.stripLeft[id] && left > p.start && isSpaceASCII(text[left-1]) {
					left--
				}
				for tok.stripRight[id] && right < p.end && isSpaceASCII(text[right]) {
					right++
				}
				if left > p.start {
					next = append(next, fragment{p.start, left, none})
				}
				next = append(next, fragment{left, right, id})
				p.start = right
			}
			if p.token != none || p.start < p.end {
				next = append(next, p)
			}
		}
		pieces = next
	}
	return pieces
}

// randomSpecials makes few short tokens of few letters, so that many overlap.
func randomSpecials(t testing.TB, r *rand.Rand) *Tokenizer {
	seen := map[string]bool{}
	var texts []string
	var types []int32
	for range 1 + r.IntN(8) {
		b := make([]byte, 1+r.IntN(6))
		for i := range b {
			b[i] = "ab \n"[r.IntN(4)]
		}
		if !seen[string(b)] {
			seen[string(b)] = true
			texts = append(texts, string(b))
			types = append(types, []int32{int32(UserDefined), int32(UserDefined), int32(Control), int32(Normal)}[r.IntN(4)])
		}
	}
	tok := specialTokenizer(t, texts, types)
	if r.IntN(3) == 0 {
		tok.strip = true
		for id := range int32(len(texts)) {
			tok.stripLeft[id], tok.stripRight[id] = r.IntN(3) == 0, r.IntN(3) == 0
		}
	}
	return tok
}

func TestCutEqualsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 20000 {
		tok := randomSpecials(t, r)
		b := make([]byte, r.IntN(30))
		for i := range b {
			b[i] = "aabb \n"[r.IntN(6)]
		}
		var trusted []interval
		for at := 0; at < len(b); {
			end := at + 1 + r.IntN(len(b)-at)
			if r.IntN(2) == 0 {
				trusted = append(trusted, interval{at, end})
			}
			at = end + 1
		}
		got, want := cutText(tok, string(b), trusted), cutSlowly(tok, string(b), trusted)
		if fmt.Sprint(got) != fmt.Sprint(want) && len(got)+len(want) > 0 {
			t.Fatalf("text %q\n got %v\nwant %v", b, got, want)
		}
	}
}

// TestCutIsLinear: a run of line breaks in a vocabulary that has tokens for 1 to 31
// of them, and other texts that match everywhere.
func TestCutIsLinear(t *testing.T) {
	var texts []string
	for n := 1; n <= 31; n++ {
		texts = append(texts, strings.Repeat("\n", n))
	}
	tok := specialTokenizer(t, texts, slices.Repeat([]int32{int32(UserDefined)}, 31))
	const n = 1 << 20
	got := cutText(tok, strings.Repeat("\n", n), nil)
	require.Len(t, got, (n+30)/31)
	require.Equal(t, n, got[len(got)-1].end)
	long := specialTokenizer(t, []string{strings.Repeat("a", 60000) + "b"}, []int32{int32(UserDefined)})
	require.Len(t, cutText(long, strings.Repeat("a", n), nil), 1)
}

func TestAutomatonRefusesHugeSpecialTexts(t *testing.T) {
	var texts []string
	for i := range maxSpecialBytes / maxTokenBytes {
		texts = append(texts, string(bytes.Repeat([]byte{byte('a' + i%26)}, maxTokenBytes-i)))
	}
	types := slices.Repeat([]int32{int32(Control)}, len(texts))
	v, err := newVocabulary(fakeStrings(append(texts, "x")), append(types, int32(Normal)))
	require.NoError(t, err)
	_, err = newAutomaton(v)
	require.NoError(t, err, "just below the limit")
	v.types[len(texts)] = Control
	v.texts = append(v.texts, bytes.Repeat([]byte("y"), 4096)...)
	v.offsets[len(v.offsets)-1] += 4096
	_, err = newAutomaton(v)
	require.ErrorIs(t, err, ErrVocabulary)
}
