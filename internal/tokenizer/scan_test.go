package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
	"github.com/stretchr/testify/require"
)

// ws is \s as Unicode's White_Space, spelled out: regular expression engines
// disagree on what \s holds.
const ws = `\u0009-\u000D\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000`

const (
	contractionsFold = `'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]`
	tailPattern      = `|[` + ws + `]*[\r\n]+|[` + ws + `]+(?![^` + ws + `])|[` + ws + `]+`
	gpt2Pattern      = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^` + ws + `\p{L}\p{N}]+|[` + ws + `]+(?![^` + ws + `])|[` + ws + `]+`
	upperSet         = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
	lowerSet         = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
)

func llamaPattern(word string, digits int) string {
	return fmt.Sprintf(`(?:%s)|[^\r\n\p{L}\p{N}]?[%s]+|\p{N}{1,%d}| ?[^%s%s\p{N}]+[\r\n]*`, contractionsFold, word, digits, ws, word) + tailPattern
}

func casedPattern(suffix string, digits int) string {
	return `[^\r\n\p{L}\p{N}]?` + upperSet + `*` + lowerSet + `+` + suffix +
		`|[^\r\n\p{L}\p{N}]?` + upperSet + `+` + lowerSet + `*` + suffix +
		fmt.Sprintf(`|\p{N}{1,%d}| ?[^%s\p{L}\p{N}]+[\r\n/]*`, digits, ws) + tailPattern
}

// patterns holds, for each chain, the regular expressions that its scanners equal.
var patterns = map[string]struct {
	chain   []rule
	regexps []string
}{
	"gpt2":        {gpt2Chain, []string{gpt2Pattern}},
	"digits+gpt2": {digitsGPT2Chain, []string{`\p{N}`, gpt2Pattern}},
	"llama3":      {llama3Chain, []string{llamaPattern(`\p{L}`, 3)}},
	"qwen2":       {qwen2Chain, []string{llamaPattern(`\p{L}`, 1)}},
	"qwen35":      {qwen35Chain, []string{llamaPattern(`\p{L}\p{M}`, 1)}},
	"o200k":       {o200kChain, []string{casedPattern(`(?:`+contractionsFold+`)?`, 3)}},
	"tekken":      {tekkenChain, []string{casedPattern("", 1)}},
	"falcon":      {falconChain, []string{"[\\p{P}\\$\\+<=>\\^~\\|`]+", gpt2Pattern, `[0-9][0-9][0-9]`}},
	"default":     {defaultChain, []string{`[\p{P}\$\+<=>\^~\|]+`, gpt2Pattern, `\p{N}+`, `[0-9][0-9][0-9]`}},
	"poro":        {poroChain, []string{` ?[^(` + ws + `|.,!?…。，、।۔،)]+`}},
	"viking":      {vikingChain, []string{` ?[^(` + ws + `|.,!?…。，、।۔،)]+`, `\p{N}`}},
	"newlines":    {newlineChain, []string{`[^\n]+|[\n]+`}},
	"deepseek3": {deepseek3Chain, []string{
		`\p{N}{1,3}`, `[一-龥぀-ゟ゠-ヿ]+`,
		"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+" +
			`|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*` + tailPattern,
	}},
	"deepseek-coder": {deepseekCoderChain, []string{
		`[\r\n]`, `[` + ws + `]?\p{L}+`, `[` + ws + `]?\p{P}+`, `[一-龥ࠀ-一가-퟿]+`, `\p{N}`,
	}},
	"deepseek-llm": {deepseekLLMChain, []string{
		`[\r\n]`, `[` + ws + `]?[` + rangesPattern(deepseekLetters) + `]+`,
		`[` + ws + `]?[!-/:-~！-／：-～‘-‟　-。]+`, `[` + ws + `]+\z`, `[一-龥ࠀ-一가-퟿]+`, `\p{N}+`,
	}},
}

func rangesPattern(ranges []runeRange) string {
	var b strings.Builder
	for _, r := range ranges {
		fmt.Fprintf(&b, "%c-%c", r.lo, r.hi)
	}
	return b.String()
}

// splitRegexp cuts text as split does, by a backtracking engine.
func splitRegexp(t *testing.T, s string, chain []*regexp2.Regexp) []string {
	if s == "" {
		return nil
	}
	if len(chain) == 0 {
		return []string{s}
	}
	// The engine counts runes, an invalid byte as one.
	offset := make([]int, 0, len(s)+1)
	for i := 0; i < len(s); {
		offset = append(offset, i)
		_, n := utf8.DecodeRuneInString(s[i:])
		i += n
	}
	offset = append(offset, len(s))
	var out []string
	at := 0
	m, err := chain[0].FindRunesMatch([]rune(s))
	for ; m != nil && err == nil; m, err = chain[0].FindNextMatch(m) {
		start, end := offset[m.Index], offset[m.Index+m.Length]
		out = append(out, splitRegexp(t, s[at:start], chain[1:])...)
		out = append(out, splitRegexp(t, s[start:end], chain[1:])...)
		at = end
	}
	require.NoError(t, err)
	return append(out, splitRegexp(t, s[at:], chain[1:])...)
}

func splitWords(s string, chain []rule) []string {
	var out []string
	split([]byte(s), classes(), chain, func(w []byte) { out = append(out, string(w)) })
	return out
}

// alphabets are drawn from at random; mixing few of them makes the rules meet.
var alphabets = []string{
	"abcdefgstmrvl", "ABCDSTMRVL", "'", "'s't're've'm'll'd'S'T'RE'Ve'M'lL'D", "0123456789", " ", "   \t", "\n", "\r\n", "\v\f\u0085",
	"\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000", ".,!?;:()[]{}", "$+<=>^~|`", "/-_@#%&*\"\\",
	"éàüßñøæ", "ÉÀÜÑØ", "ǅǈǋ", "ʰʲªº", "ёжабв", "ЖДЮ", "ἀὀῼ", "漢字一龥", "ひらがなカタカナー", "한국어", "हिन्दीका", "ไทย", "عربي،۔", "עברית",
	"\u0301\u0308\u0323\u20dd", "²³½Ⅷ٣५", "…。，、।“”‘’—", "！／：～", "€£→∑©", "😀👩\u200d🚀🏳️\u200d🌈", "\x00\x01\x1f\x7f",
	"\u200b\ufeff\u00ad", "\ue000\U000F0000", "\u0378\U0001FFFF", "\xff\xc3\xe2\x82\xf0\x9f\x80", "𝒜𝔞𐐀𐐨", "ﬀﬁＡａ",
}

func randomText(r *rand.Rand) string {
	var b strings.Builder
	k := 1 + r.IntN(4)
	set := make([]string, k)
	for i := range set {
		set[i] = alphabets[r.IntN(len(alphabets))]
	}
	for n := r.IntN(24); n >= 0; n-- {
		a := set[r.IntN(k)]
		switch r.IntN(8) {
		case 0: // a whole alphabet: contractions, joined emoji
			b.WriteString(a)
		case 1: // one byte, which may be half a character
			b.WriteByte(a[r.IntN(len(a))])
		default:
			runes := []rune(a)
			if c := runes[r.IntN(len(runes))]; c != utf8.RuneError {
				b.WriteRune(c)
			} else {
				b.WriteByte(a[r.IntN(len(a))])
			}
		}
	}
	return b.String()
}

// TestScannersEqualRegexps compares every chain with a backtracking engine.
func TestScannersEqualRegexps(t *testing.T) {
	const samples = 30000
	n := samples
	if testing.Short() {
		n = samples / 30
	}
	for name, p := range patterns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var chain []*regexp2.Regexp
			for _, s := range p.regexps {
				chain = append(chain, regexp2.MustCompile(s, regexp2.None))
			}
			r := rand.New(rand.NewPCG(1, uint64(len(name))))
			for range n {
				s := randomText(r)
				want := splitRegexp(t, s, chain)
				if got := splitWords(s, p.chain); !equalStrings(got, want) {
					t.Fatalf("text %+q\n got %+q\nwant %+q", s, got, want)
				}
			}
		})
	}
}

func equalStrings(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestEveryChainHasAPattern keeps the table of patterns complete.
func TestEveryChainHasAPattern(t *testing.T) {
	known := map[*rule]bool{}
	for _, p := range patterns {
		known[&p.chain[0]] = true
	}
	for name, row := range preTokenizers {
		require.True(t, known[&row.chain[0]], "the chain of %q has no pattern to compare with", name)
	}
}

// TestSplitIsLinear gives each rule texts on which a scanner that rescans goes quadratic.
func TestSplitIsLinear(t *testing.T) {
	const n = 1 << 18
	texts := map[string]string{
		"spaces then word": strings.Repeat(" ", n) + "x", "wide spaces": strings.Repeat("\u3000", n/3) + "漢",
		"newlines": strings.Repeat("\n", n), "apostrophes": strings.Repeat("'", n), "capitals": strings.Repeat("A", n) + "Ж",
		"modifier then capitals": "ʰ" + strings.Repeat("AB", n/2), "digits": strings.Repeat("7", n), "bad bytes": strings.Repeat("\xff", n),
		"controls": strings.Repeat("\x01", n),
	}
	for name, p := range patterns {
		for label, s := range texts {
			total := 0
			split([]byte(s), classes(), p.chain, func(w []byte) { total += len(w) })
			require.Equal(t, len(s), total, "%s on %s", name, label)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	text := []byte(strings.Repeat("The quick brown fox doesn't jump over 13 lazy dogs; c'est déjà vu, 漢字 too.\n", 1000))
	for _, name := range []string{"gpt2", "digits+gpt2", "llama3", "o200k", "deepseek-llm"} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				split(text, classes(), patterns[name].chain, func([]byte) {})
			}
		})
	}
}
