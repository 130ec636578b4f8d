package kvasir_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
)

// A loaded session goes on as the saved one, to the bit, whatever its policy,
// in another engine of the same model.
func TestSavedSessionsGoOn(t *testing.T) {
	ctx := context.Background()
	for name, spec := range map[string]tinymodel.Spec{"global": textSpec, "windows": windowSpec} {
		file := tinyFile(t, spec)
		open := func(o kvasir.Options) *kvasir.Engine {
			eng, err := kvasir.Open(file, o)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, eng.Close()) })
			return eng
		}
		eng, other := open(kvasir.Options{Threads: 2}), open(kvasir.Options{Threads: 1, Batch: 32})
		ids := tinymodel.IDs(340, eng.Info().Vocabulary)
		for _, kv := range []string{"dense", "sinks:budget=96", "snapkv:budget=96", "snapkv:budget=64,decode=32", "chelsea:budget=96", "lacache:budget=96", "auto:budget=96"} {
			t.Run(name+"/"+kv, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "session")
				s := sessionWith(t, eng, kv)
				require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids[:200]}))
				for round := range 3 {
					require.NoError(t, s.Save(path))
					l, err := other.LoadSession(path)
					require.NoError(t, err)
					require.Equal(t, s.Tokens(), l.Tokens())
					a, b := s.CacheStats(), l.CacheStats()
					a.Peak, b.Peak, a.Deferred = 0, 0, 0
					if round == 0 {
						require.Equal(t, sessionLogits(t, s), sessionLogits(t, l))
					}
					require.Equal(t, a.Slots, b.Slots)
					require.Equal(t, [3]int64{a.Dropped, a.Merged, int64(a.Compactions)}, [3]int64{b.Dropped, b.Merged, int64(b.Compactions)})
					from := s.Len()
					prompt := kvasir.Prompt{Tokens: ids[200+round*10 : 210+round*10]}
					o := script(kvasir.GenerateOptions{MaxTokens: 50}, from+10, ids)
					require.Equal(t, generate(t, s, prompt, o).ids, generate(t, l, prompt, o).ids)
					require.Equal(t, sessionLogits(t, s), sessionLogits(t, l), "round %d", round)
					require.NoError(t, l.Close())
				}
			})
		}
	}
}

func TestLoadSessionErrors(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	s := newSession(t, eng)
	require.NoError(t, s.Prefill(context.Background(), kvasir.Prompt{Tokens: tinymodel.IDs(100, eng.Info().Vocabulary)}))
	path := filepath.Join(t.TempDir(), "session")
	require.NoError(t, s.Save(path))
	require.Error(t, s.Save(filepath.Join(path, "below a file")))
	bad := func(e *kvasir.Engine, want error) {
		t.Helper()
		before := e.Stats()
		l, err := e.LoadSession(path)
		require.ErrorIs(t, err, want)
		require.Nil(t, l)
		require.Equal(t, before, e.Stats())
	}
	bad(openTiny(t, windowSpec, kvasir.Options{}), kvasir.ErrOtherModel)
	bad(openTiny(t, textSpec, kvasir.Options{KVType: "f32"}), kvasir.ErrOtherModel)
	bad(openTiny(t, textSpec, kvasir.Options{Precision: "high"}), kvasir.ErrOtherModel)
	bad(openTiny(t, textSpec, kvasir.Options{Context: 64}), kvasir.ErrContextFull)
	bad(openTiny(t, textSpec, kvasir.Options{CacheBytes: 1000}), kvasir.ErrPool)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(path, data, 0o600))
	bad(eng, kvasir.ErrSaved)
	require.NoError(t, os.Remove(path))
	bad(eng, os.ErrNotExist)
	sessionLogits(t, s) // it goes on
}
