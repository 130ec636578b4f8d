package tokenizer

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
)

// appendGGUF appends metadata as a GGUF file without tensors.
func appendGGUF(b []byte, m fakeMetadata) []byte {
	le := binary.LittleEndian
	str := func(s string) { b = append(le.AppendUint64(b, uint64(len(s))), s...) }
	array := func(elem gguf.ValueType, n int) {
		b = le.AppendUint32(b, uint32(gguf.TypeArray))
		b = le.AppendUint64(le.AppendUint32(b, uint32(elem)), uint64(n))
	}
	b = le.AppendUint32(append(b, "GGUF"...), 3)
	b = le.AppendUint64(le.AppendUint64(b, 0), uint64(len(m)))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		str(key)
		switch v := m[key].(type) {
		case string:
			b = le.AppendUint32(b, uint32(gguf.TypeString))
			str(v)
		case bool:
			b = le.AppendUint32(b, uint32(gguf.TypeBool))
			b = append(b, 0)
			if v {
				b[len(b)-1] = 1
			}
		case uint64:
			b = le.AppendUint64(le.AppendUint32(b, uint32(gguf.TypeUint64)), v)
		case []string:
			array(gguf.TypeString, len(v))
			for _, s := range v {
				str(s)
			}
		case []float32:
			array(gguf.TypeFloat32, len(v))
			for _, x := range v {
				b = le.AppendUint32(b, math.Float32bits(x))
			}
		case []int32:
			array(gguf.TypeInt32, len(v))
			for _, x := range v {
				b = le.AppendUint32(b, uint32(x))
			}
		}
	}
	return b
}

// FuzzNew: no file makes New or what it returns panic, and ids stay in range.
func FuzzNew(f *testing.F) {
	small := fakeMetadata{
		keyModel: "llama", keyTokens: []string{"<unk>", "<s>", "</s>", "▁", "a", "<0x41>", "▁a", "<t>"},
		keyTypes: []int32{2, 3, 3, 1, 1, 6, 1, 4}, keyScores: []float32{0, 0, 0, -3, -2, 0, -1, 0}, keyAddEOS: true,
	}
	f.Add(appendGGUF(nil, small))
	f.Add(appendGGUF(nil, tinyBPE()))
	f.Add(appendGGUF(nil, tinyBPE().with(keyModel, "gemma4")))
	f.Add(appendGGUF(nil, tinyWPM()))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := gguf.ParseBytes(data)
		if err != nil {
			t.Skip()
		}
		tok, err := New(file)
		if err != nil {
			require.Nil(t, tok)
			return
		}
		checkTokenizer(t, tok, "a b<s>\x00\xff aab 漢<t>\n\n"+string(data[:min(len(data), 200)]))
	})
}

// FuzzLoad is FuzzNew without the file format in between: tokens and merges are
// lines, types and scores one byte each.
func FuzzLoad(f *testing.F) {
	f.Add(uint8(0), "", "<unk>\n<s>\n</s>\n▁\na\n<0x41>\n▁a\n<t>", "\x02\x03\x03\x01\x01\x06\x01\x04", "", "a <t>A")
	f.Add(uint8(1), "llama3", "a\nb\nab\nĠ\nĠab\n</s>", "\x01\x01\x01\x01\x01\x03", "a b\nĠ ab\nab ab", "ab</s> ab")
	f.Add(uint8(2), "", "<bos>\na\n▁\n▁a\n<0xC3>", "\x03\x01\x01\x01\x06", "▁ a\na a", "a aé")
	f.Add(uint8(3), "", "[UNK]\n▁a\nb\n▁,\n[SEP]", "\x02\x01\x01\x01\x03", "", "ab, É")
	models := []string{"llama", "gpt2", "gemma4", "bert"}
	f.Fuzz(func(t *testing.T, model uint8, pre, tokens, types, merges, text string) {
		lines := strings.Split(tokens, "\n")
		m := fakeMetadata{
			keyModel: models[int(model)%len(models)], keyTokens: lines, keyMerges: strings.FieldsFunc(merges, func(c rune) bool { return c == '\n' }),
			keyPrefix + "unknown_token_id": uint64(0), keyPrefix + "bos_token_id": uint64(0), keyPrefix + "eos_token_id": uint64(len(lines) - 1),
			keyPrefix + "seperator_token_id": uint64(len(lines) - 1), keyAddEOS: true,
		}
		if pre != "" {
			m[keyPre] = pre
		}
		if types != "" {
			ty, scores := make([]int32, len(types)), make([]float32, len(types))
			for i := range len(types) {
				ty[i], scores[i] = int32(types[i]&7), float32(int8(types[i])>>3)
			}
			m[keyTypes], m[keyScores] = ty, scores
		}
		tok, err := load(m)
		if err != nil {
			return
		}
		checkTokenizer(t, tok, text)
	})
}

// checkTokenizer makes sure of what holds for any vocabulary.
func checkTokenizer(t *testing.T, tok *Tokenizer, text string) {
	t.Helper()
	for _, o := range []Options{{}, {true, true}} {
		ids := tok.Encode(nil, text, o)
		for _, id := range ids {
			require.True(t, tok.valid(id))
			if o == (Options{}) && id != tok.special.Unknown {
				require.False(t, tok.IsControl(id), "control token %d out of plain text", id)
			}
		}
		require.Equal(t, ids, tok.Encode(nil, text, o), "the second time, from the cache")
		tok.Decode(ids, DecodeOptions{Special: true, CleanSpaces: true})
	}
	tok.EncodeSpans(nil, []Span{{text, false}, {text, true}}, true)
	for id := int32(-1); id <= int32(tok.Size()); id++ {
		tok.Piece(id)
		tok.IsEOG(id)
	}
}

// FuzzEncode: decoding undoes encoding, and where spans are cut changes nothing.
func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "Hello, world", "  \n\t x", "'s'S don't", "\xff\xc3", "漢字カナ 123456", "e\u0301😀", "<s></s><|endoftext|>"} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, at uint8) {
		cut := min(int(at), len(text))
		for _, name := range []string{"gpt-2", "llama-spm"} {
			_, tok := packed(t, name)
			ids := tok.Encode(nil, text, Options{})
			if name == "gpt-2" || !strings.Contains(text, spaceMark) {
				require.Equal(t, text, tok.Decode(ids, DecodeOptions{}))
			}
			for _, id := range ids {
				require.False(t, tok.IsControl(id))
			}
			require.Equal(t, ids, tok.EncodeSpans(nil, []Span{{text[:cut], true}, {text[cut:], true}}, false))
			if !strings.ContainsAny(text, "<") {
				require.Equal(t, ids, tok.EncodeSpans(nil, []Span{{text[:cut], false}, {text[cut:], true}}, false))
			}
		}
	})
}

// FuzzScanners compares every chain with its regular expressions.
func FuzzScanners(f *testing.F) {
	for _, s := range []string{"a'Re  b\r\n\r\n c", "ʰABC dž", "１２３４ 12345", "\u3000\u3000漢字。。", "x\x00\x01\u0301y", "\xe2\x82 \xff!!\n"} {
		f.Add(s)
	}
	type compiled struct {
		name   string
		chain  []rule
		regexp []*regexp2.Regexp
	}
	var all []compiled
	for name, p := range patterns {
		c := compiled{name: name, chain: p.chain}
		for _, s := range p.regexps {
			c.regexp = append(c.regexp, regexp2.MustCompile(s, regexp2.None))
		}
		all = append(all, c)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 500 { // the engine backtracks
			t.Skip()
		}
		for _, c := range all {
			require.Equal(t, splitRegexp(t, s, c.regexp), splitWords(s, c.chain), c.name)
		}
	})
}

// FuzzCut compares the cutting at special tokens with its definition; tokens are the
// words of a line.
func FuzzCut(f *testing.F) {
	f.Add("a aa aaa ab ba", "aaabaab", uint64(0))
	f.Add("ab bcd abc", "abcdabcbcd", uint64(0x55))
	f.Add("<s> </s> s>", "x<s></s>y", uint64(0xffff))
	f.Fuzz(func(t *testing.T, words, text string, control uint64) {
		var texts []string
		var types []int32
		for i, w := range strings.Fields(words) {
			if len(w) < 20 && len(texts) < 20 && !slices.Contains(texts, w) {
				texts = append(texts, w)
				types = append(types, []int32{int32(UserDefined), int32(Control)}[control>>(i%32)&1])
			}
		}
		if len(text) > 200 || len(texts) == 0 {
			t.Skip()
		}
		tok := specialTokenizer(t, texts, types)
		half := []interval{{0, len(text) / 2}}
		got, want := cutText(tok, text, half), cutSlowly(tok, text, half)
		require.True(t, slices.Equal(got, want), "got %v, want %v", got, want)
	})
}

// FuzzStream: parts are valid UTF-8, and equal the whole where the whole is valid.
func FuzzStream(f *testing.F) {
	f.Add([]byte("héllo 😀"), "lo")
	f.Add([]byte("\xff\xe2\x82\xe2\x82\xac\xf0\x9f"), "€")
	f.Add([]byte("aaab"), "aab")
	f.Fuzz(func(t *testing.T, bytes []byte, stop string) {
		tok := fuzzBytes()
		s := tok.NewStream(DecodeOptions{})
		var whole []byte
		stops, released := NewStops([]string{stop}), ""
		found := ""
		take := func(part []byte) {
			require.True(t, utf8.Valid(part))
			whole = append(whole, part...)
			out, hit := stops.Push(part)
			released += string(out)
			found += hit
		}
		for _, b := range bytes {
			take(s.Next(int32(b)))
		}
		take(s.Flush())
		released += string(stops.Flush())
		if utf8.Valid(bytes) {
			require.Equal(t, string(bytes), string(whole))
		}
		want, _, _ := strings.Cut(string(whole), stop)
		if stop == "" {
			want = string(whole)
		}
		require.Equal(t, want, released)
		require.Equal(t, stop != "" && strings.Contains(string(whole), stop), found != "")
	})
}

// fuzzBytes is a tokenizer whose first 256 tokens are the bytes.
var fuzzBytes = sync.OnceValue(func() *Tokenizer {
	tok, err := load(tinyBPE())
	if err != nil {
		panic(err)
	}
	return tok
})
