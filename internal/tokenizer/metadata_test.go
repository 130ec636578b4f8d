package tokenizer

import (
	"bytes"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
)

// TestDamagedMetadata: each case is refused with an error that names what is wrong.
func TestDamagedMetadata(t *testing.T) {
	tokensWith := func(m fakeMetadata, i int, text string) []string {
		tokens := slices.Clone(m[keyTokens].([]string))
		tokens[i] = text
		return tokens
	}
	nan := slices.Clone(tinySPM()[keyScores].([]float32))
	nan[5] = float32(math.NaN())
	tests := []struct {
		name string
		meta fakeMetadata
		is   error
		text string
	}{
		{"no model", tinySPM().with(keyModel, nil), ErrUnsupported, keyModel},
		{"unknown model", tinySPM().with(keyModel, "t5"), ErrUnsupported, `"t5"`},
		{"model of a wrong type", tinySPM().with(keyModel, uint64(1)), gguf.ErrType, keyModel},
		{"unknown pre", tinyBPE().with(keyPre, "kimi-k2"), ErrUnsupported, `"kimi-k2"`},
		{"pre of a wrong type", tinyBPE().with(keyPre, true), gguf.ErrType, keyPre},
		{"no tokens", tinySPM().with(keyTokens, nil), ErrVocabulary, keyTokens},
		{"tokens of a wrong type", tinySPM().with(keyTokens, []int32{1}), gguf.ErrType, keyTokens},
		{"empty tokens", tinySPM().with(keyTokens, []string{}), ErrVocabulary, "no tokens"},
		{"duplicate token", tinySPM().with(keyTokens, tokensWith(tinySPM(), 4, "</s>")), ErrVocabulary, `tokens 2 and 4 are both "</s>"`},
		{"huge token", tinySPM().with(keyTokens, tokensWith(tinySPM(), 4, strings.Repeat("x", maxTokenBytes+1))), ErrVocabulary, "token 4 has 65537 bytes"},
		{"few types", tinySPM().with(keyTypes, []int32{1}), ErrVocabulary, "1 types"},
		{"types of a wrong type", tinySPM().with(keyTypes, []float32{1}), gguf.ErrType, keyTypes},
		{"few scores", tinySPM().with(keyScores, []float32{1, 2}), ErrVocabulary, "2 scores"},
		{"no scores", tinySPM().with(keyScores, nil), ErrVocabulary, "0 scores"},
		{"scores of a wrong type", tinySPM().with(keyScores, "x"), gguf.ErrType, keyScores},
		{"score not a number", tinySPM().with(keyScores, nan), ErrVocabulary, "token 5"},
		{"byte token with a sign", tinySPM().with(keyTokens, tokensWith(tinySPM(), 5, "<0x-1>")), ErrVocabulary, `byte token 5 is "<0x-1>"`},
		{"byte token too long", tinySPM().with(keyTokens, tokensWith(tinySPM(), 5, "<0x001>")), ErrVocabulary, "byte token 5"},
		{"byte token without digits", tinySPM().with(keyTokens, tokensWith(tinySPM(), 5, "<0xGG>")), ErrVocabulary, "byte token 5"},
		{"no merges", tinyBPE().with(keyMerges, nil), ErrVocabulary, keyMerges},
		{"merge without a space", tinyBPE().with(keyMerges, []string{"a b", "ab"}), ErrVocabulary, "merge 1"},
		{"merge with one part", tinyBPE().with(keyMerges, []string{"ab "}), ErrVocabulary, "merge 0"},
		{"empty merge", tinyBPE().with(keyMerges, []string{""}), ErrVocabulary, "merge 0"},
		{"bos wanted, none there", tinyBPE().with(keyTokens, []string{"a"}, keyTypes, nil, keyAddBOS, true), ErrVocabulary, "BOS"},
		{"eos wanted, none there", tinyBPE().with(keyTokens, []string{"a"}, keyTypes, nil, keyAddEOS, true), ErrVocabulary, "EOS"},
		{"flag of a wrong type", tinySPM().with(keyAddBOS, "yes"), gguf.ErrType, keyAddBOS},
		{"id of a wrong type", tinySPM().with(keyPrefix+"eos_token_id", "2"), gguf.ErrType, "eos_token_id"},
		{"wordpiece without unknown", tinyWPM().with(keyTokens, []string{"a"}, keyTypes, nil), ErrVocabulary, "BOS"},
		{"wordpiece without separator", tinyWPM().with(keyPrefix+"seperator_token_id", nil), ErrVocabulary, "separator"},
		{"normalizer flag of a wrong type", tinyWPM().with(keyLowercase, uint64(1)), gguf.ErrType, keyLowercase},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok, err := load(tt.meta)
			require.Nil(t, tok)
			require.ErrorIs(t, err, tt.is)
			require.ErrorContains(t, err, tt.text)
		})
	}
}

func TestTolerated(t *testing.T) {
	ints := make([]int32, len(tinySPM()[keyScores].([]float32)))
	for i, s := range tinySPM()[keyScores].([]float32) {
		ints[i] = int32(s)
	}
	tok := mustLoad(t, tinySPM().with(keyScores, ints))
	require.Equal(t, "▁ab", spell(tok, tok.Encode(nil, "ab", Options{})), "scores may be integers")

	tok = mustLoad(t, tinySPM().with(keyPrefix+"eos_token_id", uint64(1<<40), keySuppress, []int32{3, -1, 1 << 30}))
	require.Equal(t, int32(2), tok.EOS(), "an id out of range leaves the default")
	require.Contains(t, strings.Join(tok.Warnings(), "\n"), "eos_token_id is 1099511627776")
	require.Equal(t, []int32{3}, tok.Suppressed())

	tok = mustLoad(t, tinyBPE().with(keyPre, nil))
	require.Contains(t, strings.Join(tok.Warnings(), "\n"), keyPre+" is missing")

	tok = mustLoad(t, tinyBPE().with(keyPrefix+"bos_token_id", nil, keyTokens, []string{"a"}, keyTypes, nil))
	require.Equal(t, none, tok.BOS(), "a default beyond the vocabulary is no token")

	tokens := slices.Clone(tinyBPE()[keyTokens].([]string))
	tokens[5], tokens[6] = "", ""
	tok = mustLoad(t, tinyBPE().with(keyTokens, tokens))
	require.Equal(t, "[EMPTY_6]", string(tok.Text(6)))

	types := slices.Clone(tinyBPE()[keyTypes].([]int32))
	types[0], types[1] = 99, -3
	tok = mustLoad(t, tinyBPE().with(keyTypes, types))
	require.Equal(t, Undefined, tok.Type(0))
}

func TestEndOfGeneration(t *testing.T) {
	harmony := []string{"<|return|>", "<|call|>", "<|end|>", "<|channel|>", "<|message|>", "<|start|>", "x"}
	tests := []struct {
		name   string
		tokens []string
		eos    uint64
		want   []string
		types  map[string]TokenType
	}{
		{"eos by id", []string{"x", "done"}, 1, []string{"done"}, map[string]TokenType{"x": Normal}},
		{"by text", []string{"x", "<|im_end|>", "<|endoftext|>"}, 0, []string{"x", "<|im_end|>", "<|endoftext|>"}, map[string]TokenType{"<|im_end|>": Control}},
		{"fill in the middle", []string{"<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|fim_prefix|>"}, 0, []string{"<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"}, map[string]TokenType{"<|fim_prefix|>": Control}},
		{"harmony", harmony, 0, []string{"<|return|>", "<|call|>"}, map[string]TokenType{"<|end|>": UserDefined, "<|channel|>": UserDefined, "<|start|>": UserDefined}},
		{"solar", []string{"<|flush|>", "<|calls|>", "<|end|>"}, 0, []string{"<|flush|>", "<|calls|>"}, map[string]TokenType{"<|end|>": UserDefined}},
		{"call alone keeps end", []string{"<|call|>", "<|end|>"}, 0, []string{"<|call|>", "<|end|>"}, nil},
		{"gemma 4", []string{"<|tool_response>", "</s>", "<eos>"}, 2, []string{"<|tool_response>", "<eos>"}, map[string]TokenType{"</s>": Normal}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok := mustLoad(t, fakeMetadata{
				keyModel: "gpt2", keyPre: "gpt-2", keyTokens: tt.tokens, keyMerges: []string{}, keyPrefix + "eos_token_id": tt.eos,
			})
			require.Equal(t, strings.Join(tt.want, " "), spell(tok, tok.EOG()))
			for _, text := range tt.want {
				id, _ := tok.ID(text)
				require.True(t, tok.IsEOG(id))
			}
			for text, ty := range tt.types {
				id, _ := tok.ID(text)
				require.Equal(t, ty, tok.Type(id), text)
			}
		})
	}
}

func TestRoles(t *testing.T) {
	tok := mustLoad(t, fakeMetadata{
		keyModel: "gpt2", keyPre: "glm4", keyMerges: []string{}, keyTokens: []string{"<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<fim_prefix>", "<PAD>", "<fim-suffix>", "sfx"},
		keyPrefix + "fim_suf_token_id": uint64(6), keyPrefix + "eos_token_id": uint64(0),
	})
	want := noSpecial()
	want.EOS, want.EOT, want.EOM, want.FIMPrefix, want.FIMPad, want.FIMSuffix = 0, 1, 2, 3, 4, 6
	require.Equal(t, want, tok.Special(), "no default BOS for glm4; ids before texts")
	require.Equal(t, int32(1), tok.EOT())
	require.False(t, tok.AddsBOS())
	require.False(t, tok.AddsEOS())
}

func TestStripsByName(t *testing.T) {
	m := fakeMetadata{keyModel: "gpt2", keyPre: "jina-v2-de", keyMerges: []string{}, keyTokens: []string{"<mask>", "a", "Ġ"}, keyTypes: []int32{3, 1, 1}}
	tok := mustLoad(t, m)
	require.Equal(t, "a <mask> Ġ a", spell(tok, tok.Encode(nil, "a  <mask> a", Options{ParseSpecial: true})))
	tok = mustLoad(t, m.with(keyPre, "gpt-2", "general.name", "My Phi-3 mini"))
	require.Equal(t, "a Ġ <mask> a", spell(tok, tok.Encode(nil, "a <mask>  a", Options{ParseSpecial: true})))
}

// TestCoversRegistry loads a vocabulary under every pre-tokenizer name.
func TestCoversRegistry(t *testing.T) {
	for name, row := range preTokenizers {
		tok := mustLoad(t, tinyBPE().with(keyPre, name))
		require.Equal(t, row.addBOS, tok.AddsBOS(), name)
		require.Equal(t, row.addSep, tok.AddsSep(), name)
		text := "ab 12 ab, don't\n\n漢字 ab."
		if !row.raw {
			require.Equal(t, text, tok.Decode(tok.Encode(nil, text, Options{}), DecodeOptions{}), name)
		}
	}
}

// TestNew reads a file that was put together by hand.
func TestNew(t *testing.T) {
	f, err := gguf.ParseBytes(appendGGUF(nil, tinyBPE()))
	require.NoError(t, err)
	tok, err := New(f)
	require.NoError(t, err)
	want := mustLoad(t, tinyBPE())
	require.Equal(t, want.Encode(nil, " ab<tool>é", Options{}), tok.Encode(nil, " ab<tool>é", Options{}))
	require.Equal(t, want.Special(), tok.Special())
	f, err = gguf.ParseBytes(appendGGUF(nil, fakeMetadata{}))
	require.NoError(t, err)
	_, err = New(f)
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, "tokenizer: ")
}

// TestRepository keeps the folder's data small.
func TestRepository(t *testing.T) {
	total := 0
	for _, name := range packedNames {
		b, err := os.ReadFile("testdata/vocab/" + name + ".vocab.gz")
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(b, []byte{0x1f, 0x8b}))
		total += len(b)
	}
	require.Less(t, total, 6<<20)
}
