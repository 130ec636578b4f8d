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
