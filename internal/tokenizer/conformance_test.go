package tokenizer

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
	"kvasir/internal/golden"
)

// goldenDir is a folder with more vocabulary-only GGUF files and their cases
// (NAME.gguf, NAME.gguf.inp, NAME.gguf.out), as llama.cpp keeps them in models/.
func goldenDir() string { return os.Getenv("KVASIR_GOLDEN") }

// packedNames lists the vocabularies in testdata.
var packedNames = []string{
	"bert-bge", "deepseek-coder", "deepseek-llm", "falcon", "gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2", "starcoder",
}

// testCases compares ids for texts separated by a marker line with the reference's,
// one line a text, and decodes them again.
func testCases(t *testing.T, tok *Tokenizer, texts, want []byte) {
	cases := strings.Split(string(texts), "\n__ggml_vocab_test__\n")
	lines := strings.Split(strings.TrimSuffix(string(want), "\n"), "\n")
	require.GreaterOrEqual(t, len(cases), len(lines))
	require.Greater(t, len(lines), 40)
	for i, line := range lines {
		ids := []int32{}
		for _, s := range strings.Fields(line) {
			id, err := strconv.Atoi(s)
			require.NoError(t, err)
			ids = append(ids, int32(id))
		}
		got := tok.Encode([]int32{}, cases[i], Options{})
		require.Equal(t, ids, got, "text %q", cases[i])
		if _, wordpiece := tok.plain.(*wpm); !wordpiece && tok.replacement == nil {
			require.Equal(t, cases[i], tok.Decode(got, DecodeOptions{}))
		}
	}
}

func TestConformance(t *testing.T) {
	texts, err := os.ReadFile("testdata/vocab/cases.inp")
	require.NoError(t, err)
	for _, name := range packedNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile("testdata/vocab/" + name + ".out")
			require.NoError(t, err)
			_, tok := packed(t, name)
			testCases(t, tok, texts, want)
		})
	}
	t.Run("qwen35", func(t *testing.T) { // the tokens of qwen2, another rule
		t.Parallel()
		m, _ := packed(t, "qwen2")
		tok, err := load(m.with(keyPre, "qwen35"))
		require.NoError(t, err)
		texts, err := os.ReadFile("testdata/vocab/qwen35.inp")
		require.NoError(t, err)
		want, err := os.ReadFile("testdata/vocab/qwen35.out")
		require.NoError(t, err)
		testCases(t, tok, texts, want)
	})
}

// TestGoldenFolder runs the cases of every vocabulary in KVASIR_GOLDEN from its
// GGUF file. With -update it rewrites the packed vocabularies.
func TestGoldenFolder(t *testing.T) {
	if goldenDir() == "" {
		t.Skip("KVASIR_GOLDEN names no folder with vocabulary files")
	}
	files, err := filepath.Glob(filepath.Join(goldenDir(), "*.gguf"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "ggml-vocab-"), ".gguf")
		t.Run(name, func(t *testing.T) {
			texts, err := os.ReadFile(path + ".inp")
			if err != nil {
				t.Skip("no cases")
			}
			want, err := os.ReadFile(path + ".out")
			require.NoError(t, err)
			f, err := gguf.Open(path, gguf.Options{})
			require.NoError(t, err)
			defer func() { require.NoError(t, f.Close()) }()
			tok, err := New(f)
			require.NoError(t, err)
			testCases(t, tok, texts, want)
			if golden.Update() && slices.Contains(packedNames, name) {
				packed := packVocabulary(t, f)
				require.NoError(t, os.WriteFile(filepath.Join("testdata", "vocab", name+".vocab.gz"), packed, 0o666))
				checkPacked(t, f, unpackVocabulary(t, packed))
			}
		})
	}
}

// checkPacked makes sure that nothing was lost.
func checkPacked(t *testing.T, f *gguf.File, m fakeMetadata) {
	for _, key := range []string{keyTokens, keyMerges} {
		want, err := f.Strings(key)
		if err != nil {
			continue
		}
		got := m[key].([]string)
		require.Len(t, got, want.Len())
		for i, s := range got {
			if string(want.At(i)) != s {
				t.Fatalf("%s: element %d is %q, want %q", key, i, s, want.At(i))
			}
		}
	}
	if want, err := f.Float32s(keyScores); err == nil {
		require.Equal(t, want, m[keyScores])
	}
	if want, err := f.Int32s(keyTypes); err == nil {
		require.Equal(t, want, m[keyTypes])
	}
}

// TestModelPrompts encodes texts with the real models, as the reference did for its
// logits: special tokens added and parsed.
func TestModelPrompts(t *testing.T) {
	for _, name := range []string{"smollm2", "gemma3-270m"} {
		t.Run(name, func(t *testing.T) {
			f, err := gguf.Open(golden.Model(t, name), gguf.Options{})
			require.NoError(t, err)
			defer func() { require.NoError(t, f.Close()) }()
			tok, err := New(f)
			require.NoError(t, err)
			var prompts []struct {
				Text string
				IDs  []int32
			}
			b, err := os.ReadFile("testdata/prompts/" + name + ".json")
			require.NoError(t, err)
			require.NoError(t, json.NewDecoder(bytes.NewReader(b)).Decode(&prompts))
			require.NotEmpty(t, prompts)
			for _, p := range prompts {
				got := tok.Encode(nil, p.Text, Options{AddSpecial: true, ParseSpecial: true})
				require.Equal(t, p.IDs, got, "text %.60q", p.Text)
				require.Equal(t, p.Text, strings.TrimPrefix(tok.Decode(got, DecodeOptions{Special: true}), "<bos>"))
			}
		})
	}
}
