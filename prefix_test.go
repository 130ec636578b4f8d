package kvasir_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
)

// Sessions whose prompts begin alike compute the common part once; what follows
// is the same to the bit, whoever computed it. Scopes stay apart.
func TestPrefixReuse(t *testing.T) {
	ctx := context.Background()
	for name, spec := range map[string]tinymodel.Spec{"global": textSpec, "windows": windowSpec} {
		t.Run(name, func(t *testing.T) {
			plain := openTiny(t, spec, kvasir.Options{})
			eng := openTiny(t, spec, kvasir.Options{PrefixBytes: 1 << 24})
			ids := tinymodel.IDs(400, eng.Info().Vocabulary)
			ask := func(e *kvasir.Engine, scope string, prompt []int32) ([]float32, int64) {
				s, err := e.NewSessionWith(kvasir.SessionOptions{Scope: scope})
				require.NoError(t, err)
				defer s.Close()
				require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: prompt}))
				return sessionLogits(t, s), s.CacheStats().Reused
			}
			first, reused := ask(eng, "a", ids[:300])
			require.Zero(t, reused)
			want, _ := ask(plain, "", ids[:300])
			require.Equal(t, want, first)
			again, reused := ask(eng, "a", ids[:300])
			require.Equal(t, want, again)
			require.EqualValues(t, 299, reused)
			longer, reused := ask(eng, "a", ids[:400])
			require.EqualValues(t, 300, reused)
			want, _ = ask(plain, "", ids[:400])
			require.Equal(t, want, longer)
			other := append(append([]int32(nil), ids[:270]...), 5, 6, 7)
			got, reused := ask(eng, "a", other)
			want, _ = ask(plain, "", other)
			require.Equal(t, want, got)
			if name == "global" { // a window may have lost what position 270 needs
				require.EqualValues(t, 270, reused)
			}
			_, reused = ask(eng, "b", ids[:300])
			require.Zero(t, reused, "another scope")
		})
	}
}

// Jobs reuse prompts as sessions do.
func TestJobsReusePrefixes(t *testing.T) {
	ctx := context.Background()
	plain, eng := openTiny(t, textSpec, kvasir.Options{}), openTiny(t, textSpec, kvasir.Options{PrefixBytes: 1 << 24})
	ids := tinymodel.IDs(300, eng.Info().Vocabulary)
	ask := func(e *kvasir.Engine, prompt []int32) ([]int32, int) {
		r := kvasir.Request{Prompt: kvasir.Prompt{Tokens: prompt}, GenerateOptions: greedy(20), N: 2}
		j, err := e.Submit(ctx, r)
		require.NoError(t, err)
		defer j.Close()
		got := [2][]int32{}
		for o, err := range j.Outputs(ctx) {
			require.NoError(t, err)
			got[o.Index] = append(got[o.Index], o.Token.ID)
		}
		require.Equal(t, got[0], got[1])
		return got[0], j.Usage().CachedTokens
	}
	for i, c := range []struct{ n, cached int }{{200, 0}, {200, 199}, {300, 200}, {250, 249}} {
		want, _ := ask(plain, ids[:c.n])
		got, cached := ask(eng, ids[:c.n])
		require.Equal(t, want, got, "job %d", i)
		require.Equal(t, c.cached, cached, "job %d", i)
	}
	cancelled, stop := context.WithCancel(ctx)
	j, err := eng.Submit(cancelled, kvasir.Request{Prompt: kvasir.Prompt{Tokens: ids}, GenerateOptions: greedy(20)})
	require.NoError(t, err)
	stop()
	require.NoError(t, j.Close())
}
