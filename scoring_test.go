package kvasir_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
)

func TestCompareAgreesWithScore(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	ctx := context.Background()
	got, err := eng.Compare(ctx, kvasir.Text("a b"), []string{" c", " dd e"})
	require.NoError(t, err)
	head, err := eng.Encode(kvasir.Text("a b"))
	require.NoError(t, err)
	share := 0.0
	for _, o := range got {
		tail := eng.Tokenizer().Encode(o.Text, kvasir.EncodeOptions{})
		scores, err := eng.Score(ctx, append(append([]int32(nil), head...), tail...), 0)
		require.NoError(t, err)
		want := 0.0
		for _, s := range scores[len(head):] {
			want += s.Logprob
		}
		require.InDelta(t, want, o.Logprob, 1e-9)
		require.Equal(t, len(tail), o.Tokens)
		share += o.Share
	}
	require.InDelta(t, 1, share, 1e-12)
	_, err = eng.Compare(ctx, kvasir.Text("a"), nil)
	require.ErrorContains(t, err, "no options")
}

func TestPerplexity(t *testing.T) {
	p, n := kvasir.Perplexity([]kvasir.PromptScore{{}, {Logprob: -1}, {Logprob: -3}})
	require.Equal(t, 2, n)
	require.InDelta(t, math.Exp(2), p, 1e-12)
	p, _ = kvasir.Perplexity(nil)
	require.True(t, math.IsNaN(p))
}

// The passages are the document, also when it is longer than the context.
func TestChunkKeepsTheText(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{Context: 128})
	text := strings.Repeat("a b c. dd e! f\n", 12) + "end"
	for _, o := range []kvasir.ChunkOptions{{}, {Threshold: 0.01}, {Words: 10}} {
		parts, err := eng.Chunk(context.Background(), text, o)
		require.NoError(t, err)
		require.Greater(t, len(parts), 1)
		all := ""
		for _, p := range parts {
			require.Equal(t, text[p.From:p.To], p.Text)
			all += p.Text
		}
		require.Equal(t, text, all)
	}
	_, err := eng.Chunk(context.Background(), text, kvasir.ChunkOptions{Mode: "x"})
	require.ErrorContains(t, err, "margin")
	parts, err := eng.Chunk(context.Background(), "a b. c d.", kvasir.ChunkOptions{Mode: "margin"})
	if err == nil {
		require.NotEmpty(t, parts)
	} else {
		require.ErrorIs(t, err, kvasir.ErrContextFull) // the question is long for so small a context
	}
}
