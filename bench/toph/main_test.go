package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/tinymodel"
)

func TestGrams(t *testing.T) {
	texts := []string{"a b a b", "A b c"}
	require.InDelta(t, 3.0/7, distinct(texts, 1), 1e-12)
	require.InDelta(t, 3.0/5, distinct(texts, 2), 1e-12) // "a b", "b a", "b c"
	require.InDelta(t, 1.0/5, repeated(texts, 2), 1e-12) // the second "a b" of the first
	require.Zero(t, distinct(nil, 2))
	require.Equal(t, copies(3, 5), copies(3, 5))
	for _, q := range sums(1, 20) {
		require.NotEmpty(t, q.answer)
	}
}

// A whole run on a small model: the table is the same again but for the times.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "m.gguf")
	require.NoError(t, tinymodel.Write(model, tinymodel.Spec{Arch: "qwen2", Text: true, Context: 1024}))
	c := settings{out: filepath.Join(dir, "out"), temps: "1,2", samples: 1, tokens: 6, asks: 2, seed: 1}
	require.NoError(t, run(&c, []string{model}))
	for _, name := range []string{"result.jsonl", "result.md", "perplexity.svg", "answers.svg", "distinct2.svg"} {
		b, err := os.ReadFile(filepath.Join(c.out, name))
		require.NoError(t, err)
		require.NotEmpty(t, b)
	}
	c.temps = "0"
	require.ErrorContains(t, run(&c, []string{model}), "above 0")
	require.ErrorContains(t, run(&c, nil), "no model")
}
