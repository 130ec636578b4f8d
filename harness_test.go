package kvasir_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
)

// textSpec is a small model with a vocabulary and a chat template.
var textSpec = tinymodel.Spec{Arch: "qwen2", Text: true, Context: 512}

// windowSpec is one with sliding-window layers.
var windowSpec = tinymodel.Spec{Arch: "gemma3", Text: true, Context: 512, Window: 40}

// tinyFile writes a small model.
func tinyFile(t testing.TB, spec tinymodel.Spec) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, tinymodel.Write(path, spec))
	return path
}

// openTiny opens a small model for the duration of the test.
func openTiny(t testing.TB, spec tinymodel.Spec, o kvasir.Options) *kvasir.Engine {
	t.Helper()
	eng, err := kvasir.Open(tinyFile(t, spec), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng
}

// generated is what a generation gave.
type generated struct {
	text   string
	ids    []int32
	tokens []kvasir.Token
	finish kvasir.Finish
}

// generate runs a generation to its end.
func generate(t testing.TB, s *kvasir.Session, p kvasir.Prompt, o kvasir.GenerateOptions) generated {
	t.Helper()
	g, err := tryGenerate(context.Background(), s, p, o)
	require.NoError(t, err)
	return g
}

func tryGenerate(ctx context.Context, s *kvasir.Session, p kvasir.Prompt, o kvasir.GenerateOptions) (g generated, err error) {
	for tok, err := range s.Generate(ctx, p, o) {
		if err != nil {
			return g, err
		}
		g.text += tok.Text
		g.ids = append(g.ids, tok.ID)
		g.tokens = append(g.tokens, tok)
		g.finish = tok.Finish
	}
	return g, nil
}

// greedy asks for n tokens, the most likely ones.
func greedy(n int) kvasir.GenerateOptions {
	return kvasir.GenerateOptions{MaxTokens: n, Sampling: kvasir.Greedy()}
}

// script makes a generation produce the given tokens, whatever the model says.
func script(o kvasir.GenerateOptions, first int, ids []int32) kvasir.GenerateOptions {
	o.Logits = func(pos int, logits []float32) {
		for i := range logits {
			logits[i] = -1e9
		}
		logits[ids[pos-first]] = 0
	}
	return o
}
