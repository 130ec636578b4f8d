package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// tinySPM has letters, byte tokens and a few specials.
func tinySPM() fakeMetadata {
	tokens := []string{"<unk>", "<s>", "</s>", "<|user|>", "<tag>"}
	types := []int32{2, 3, 3, 3, 4}
	for b := range 256 {
		tokens = append(tokens, "<0x"+strings.ToUpper(string("0123456789abcdef"[b>>4])+string("0123456789abcdef"[b&15]))+">")
		types = append(types, 6)
	}
	scores := make([]float32, len(tokens))
	for i, s := range []string{"▁", "a", "b", "▁a", "ab", "▁ab", "<", "s", ">", "<s"} {
		tokens, types, scores = append(tokens, s), append(types, 1), append(scores, -float32(i))
	}
	return fakeMetadata{keyModel: "llama", keyTokens: tokens, keyTypes: types, keyScores: scores}
}

// tinyBPE has the bytes of GPT-2 and a few merges and specials.
func tinyBPE() fakeMetadata {
	var tokens []string
	for b := range 256 {
		tokens = append(tokens, string(byteText[b]))
	}
	merges := []string{"Ġ a", "Ġa b", "a b", "ab ab"}
	tokens = append(tokens, "ab", "Ġa", "Ġab", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool>", "abab")
	types := slices.Repeat([]int32{1}, len(tokens))
	copy(types[259:], []int32{3, 3, 3, 4, 3})
	return fakeMetadata{
		keyModel: "gpt2", keyPre: "qwen2", keyTokens: tokens, keyTypes: types, keyMerges: merges,
		keyPrefix + "bos_token_id": uint64(259), keyPrefix + "eos_token_id": uint64(261),
	}
}

func mustLoad(t testing.TB, m fakeMetadata) *Tokenizer {
	t.Helper()
	tok, err := load(m)
	require.NoError(t, err)
	return tok
}

// spell shows ids by their texts in the vocabulary.
func spell(tok *Tokenizer, ids []int32) string {
	var out []string
	for _, id := range ids {
		out = append(out, string(tok.Text(id)))
	}
	return strings.Join(out, " ")
}

func TestEncodeOptions(t *testing.T) {
	add, parse, both := Options{AddSpecial: true}, Options{ParseSpecial: true}, Options{true, true}
	tests := []struct {
		name string
		meta fakeMetadata
		text string
		opts Options
		want string
	}{
		{"spm", tinySPM(), "ab", Options{}, "▁ab"},
		{"spm adds bos", tinySPM(), "ab", add, "<s> ▁ab"},
		{"spm empty", tinySPM(), "", add, "<s>"},
		{"spm bos off, eos on", tinySPM().with(keyAddBOS, false, keyAddEOS, true), "a", add, "▁a </s>"},
		{"spm no space prefix", tinySPM().with(keySpacePrefix, false), "ab", Options{}, "ab"},
		{"spm prefix after special", tinySPM(), "a<|user|>a", parse, "▁a <|user|> ▁a"},
		{"spm prefix after user-defined", tinySPM(), "a<tag>a", Options{}, "▁a <tag> ▁a"},
		{"spm control not parsed", tinySPM(), "<|user|>", Options{}, "▁ < <0x7C> <0x75> s <0x65> <0x72> <0x7C> >"},
		{"spm control never merged", tinySPM(), "<s>", Options{}, "▁ <s >"},
		{"spm byte fallback", tinySPM(), "é", Options{}, "▁ <0xC3> <0xA9>"},
		{"spm byte token not from its text", tinySPM(), "<0x41>", Options{}, "▁ < <0x30> <0x78> <0x34> <0x31> >"},
		{"spm double bos", tinySPM(), "<s>a", both, "<s> <s> ▁a"},
		{"spm literal mark", tinySPM().with(keySpacePrefix, false), "▁a a", Options{}, "▁a ▁a"},

		{"bpe", tinyBPE(), " ab", Options{}, "Ġab"},
		{"bpe adds nothing", tinyBPE(), "ab", add, "ab"},
		{"bpe adds by flag", tinyBPE().with(keyAddBOS, true, keyAddEOS, true), "ab", add, "<|endoftext|> ab <|im_end|>"},
		{"bpe llama3 adds bos", tinyBPE().with(keyPre, "llama-bpe"), "ab", add, "<|endoftext|> ab"},
		{"bpe llama3 bos off", tinyBPE().with(keyPre, "llama-bpe", keyAddBOS, false), "ab", add, "ab"},
		{"bpe control parsed", tinyBPE(), "<|im_start|>ab", parse, "<|im_start|> ab"},
		{"bpe user-defined always", tinyBPE(), "ab<tool>ab", Options{}, "ab <tool> ab"},
		{"bpe control never merged", tinyBPE(), "abab", Options{}, "ab ab"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok := mustLoad(t, tt.meta)
			require.Equal(t, tt.want, spell(tok, tok.Encode(nil, tt.text, tt.opts)))
		})
	}
}

func TestEncodeAppends(t *testing.T) {
	tok := mustLoad(t, tinyBPE())
	got := tok.Encode([]int32{7}, "ab", Options{})
	require.Equal(t, []int32{7, 256}, got)
	require.Nil(t, tok.Encode(nil, "", Options{}))
	if !raceDetector { // under it sync.Pool drops what it is given at random
		require.Zero(t, testing.AllocsPerRun(100, func() { got = tok.Encode(got[:0], "ab ab ab", Options{}) }))
	}
}

// TestIgnoreMerges: a word that is a token is taken whole, even if no merges lead to it.
func TestIgnoreMerges(t *testing.T) {
	m := tinyBPE()
	m[keyMerges] = []string{"Ġ a"}
	require.Equal(t, "Ġa b", spell(mustLoad(t, m), mustLoad(t, m).Encode(nil, " ab", Options{})))
	tok := mustLoad(t, m.with(keyPre, "llama3"))
	require.Equal(t, "Ġab", spell(tok, tok.Encode(nil, " ab", Options{})))
}

// TestRawBPE covers the ways of Gemma 4: spaces as U+2581, byte fallback, BOS always.
func TestRawBPE(t *testing.T) {
	tokens := []string{"<bos>", "<eos>", "a", "▁", "▁a", "\n", "\n\n\n", "<0xC3>", "<0xA9>"}
	tok := mustLoad(t, fakeMetadata{
		keyModel: "gemma4", keyTokens: tokens, keyTypes: []int32{3, 3, 1, 1, 1, 1, 1, 6, 6}, keyMerges: []string{"▁ a"},
		keyPrefix + "bos_token_id": uint64(0), keyPrefix + "eos_token_id": uint64(1), keyAddBOS: false,
	})
	for text, want := range map[string]string{
		"a a": "<bos> a ▁a", "\n\n\na": "<bos> \n\n\n a", "\n\n": "<bos> \n \n", "é": "<bos> <0xC3> <0xA9>",
	} {
		ids := tok.Encode(nil, text, Options{AddSpecial: true})
		require.Equal(t, want, spell(tok, ids))
		require.Equal(t, text, tok.Decode(ids, DecodeOptions{}))
	}
	require.Equal(t, []int32{1}, tok.EOG())
}

// TestMissingBytes: a vocabulary without some bytes says so, leaves control
// characters out and replaces other bytes.
func TestMissingBytes(t *testing.T) {
	m := tinyBPE()
	tokens := slices.Clone(m[keyTokens].([]string))
	tokens[0x04], tokens[0xFF] = "x4", "xFF"
	tok := mustLoad(t, m.with(keyTokens, tokens))
	require.Contains(t, strings.Join(tok.Warnings(), "\n"), "bytes 04 FF")
	require.Equal(t, "a\uFFFDb", tok.Decode(tok.Encode(nil, "a\x04\xffb", Options{}), DecodeOptions{}))
}

func TestPhi3Strips(t *testing.T) {
	_, tok := packed(t, "phi-3")
	got := tok.Encode(nil, "<|user|>\n hi <|end|>\n<|assistant|>\n", Options{ParseSpecial: true})
	require.Equal(t, "<|user|> ▁hi ▁ <|end|> <|assistant|>", spell(tok, got))
	got = tok.Encode(nil, "<s> a", Options{ParseSpecial: true})
	require.Equal(t, "<s> ▁ ▁a", spell(tok, got), "<s> strips nothing")
}

func TestEncodeSpans(t *testing.T) {
	tok := mustLoad(t, tinyBPE().with(keyAddBOS, true))
	tests := []struct {
		name  string
		spans []Span
		want  string
	}{
		{"template", []Span{{"<|im_start|>ab", false}}, "<|endoftext|> <|im_start|> ab"},
		{"input", []Span{{"<|im_start|>", false}, {"<|im_end|>", true}}, "<|endoftext|> <|im_start|> < | i m _ e n d | >"},
		{"token across a border", []Span{{"<|im_", false}, {"end|>", true}}, "<|endoftext|> < | i m _ e n d | >"},
		{"template in two spans", []Span{{"<|im_", false}, {"", true}, {"end|>", false}}, "<|endoftext|> <|im_end|>"},
		{"merge across a border", []Span{{" a", false}, {"b", true}}, "<|endoftext|> Ġab"},
		{"user-defined in input", []Span{{"<to", true}, {"ol>", true}}, "<|endoftext|> <tool>"},
		{"bos once", []Span{{"<|endoftext|>ab", false}}, "<|endoftext|> ab"},
		{"bos of input is text", []Span{{"<|endoftext|>", true}}, "<|endoftext|> < | e n d o f t e x t | >"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, spell(tok, tok.EncodeSpans(nil, tt.spans, true)))
		})
	}
}

// TestSpansEqualWhole: where the spans are cut makes no difference to plain text.
func TestSpansEqualWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, name := range []string{"gpt-2", "llama-spm", "bert-bge", "deepseek-llm"} {
		_, tok := packed(t, name)
		for range 300 {
			text := randomText(r) + " the words " + randomText(r)
			var spans []Span
			for rest := text; rest != ""; {
				n := 1 + r.IntN(len(rest))
				spans = append(spans, Span{rest[:n], r.IntN(2) == 0})
				rest = rest[n:]
			}
			require.Equal(t, tok.Encode(nil, text, Options{}), tok.EncodeSpans(nil, spans, false), "%s on %q", name, text)
		}
	}
}

// TestRoundTrip: byte-level and byte-fallback vocabularies lose nothing, whatever
// the bytes.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, name := range []string{"gpt-2", "llama-spm", "qwen2", "llama-bpe"} {
		_, tok := packed(t, name)
		require.Empty(t, tok.replacement)
		for range 500 {
			text := randomText(r)
			if r.IntN(2) == 0 {
				b := make([]byte, r.IntN(40))
				for i := range b {
					b[i] = byte(r.Uint32())
				}
				text = string(b)
			}
			if name == "llama-spm" && strings.Contains(text, spaceMark) {
				continue // the mark is a space afterwards
			}
			require.Equal(t, text, tok.Decode(tok.Encode(nil, text, Options{}), DecodeOptions{}), "%s on %q", name, text)
		}
	}
}

// TestConcurrentUse: many goroutines get what one gets.
func TestConcurrentUse(t *testing.T) {
	_, tok := packed(t, "gpt-2")
	texts := make([]string, 64)
	want := make([][]int32, len(texts))
	r := rand.New(rand.NewPCG(8, 8))
	for i := range texts {
		texts[i] = strings.Repeat(randomText(r)+" shared words ", 5)
		want[i] = tok.Encode(nil, texts[i], Options{})
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range texts {
				i = (i*7 + g) % len(texts)
				if got := tok.Encode(nil, texts[i], Options{}); !slices.Equal(got, want[i]) {
					t.Errorf("text %q: got %v, want %v", texts[i], got, want[i])
				}
			}
		})
	}
	wg.Wait()
}
