package kvasir_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
)

// With as many prefixes kept as there are sentences, every sentence is found, and the
// first sentence of the best passage scores as Compare says.
func TestLocate(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	doc := "a b c. a b dd. e f g! a b c. h i. "
	ctx := context.Background()
	got, err := eng.Locate(ctx, kvasir.Text("a"), doc, kvasir.LocateOptions{Keep: 2, Tokens: 40})
	require.NoError(t, err)
	require.NotEmpty(t, got)
	for i, p := range got {
		require.Equal(t, doc[p.From:p.To], p.Text)
		require.Less(t, p.Score, 0.0)
		require.Contains(t, []int{0, 7, 15, 22, 29}, p.From, "a passage begins with a sentence")
		if i > 0 {
			require.LessOrEqual(t, p.Score, got[i-1].Score)
		}
	}
	all, err := eng.Locate(ctx, kvasir.Text("a"), doc, kvasir.LocateOptions{Keep: 50, Tokens: 1})
	require.NoError(t, err)
	total := 0
	for _, p := range all {
		total += len(p.Text)
	}
	require.Equal(t, len(doc), total, "single sentences, all of them")
	again, err := eng.Locate(ctx, kvasir.Text("a"), doc, kvasir.LocateOptions{Keep: 2, Tokens: 40})
	require.NoError(t, err)
	require.Equal(t, got, again)
	_, err = eng.Locate(ctx, kvasir.Text("a"), "", kvasir.LocateOptions{})
	require.ErrorContains(t, err, "empty")
}
