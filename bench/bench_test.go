package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/bench"
	"kvasir/internal/bench/synth"
)

// modelVariable names a model file to measure instead of random ones.
const modelVariable = "KVASIR_BENCH_MODEL"

// benchShape has layers as wide as those of a model of 135 M parameters, and few of
// them, so that a run takes a moment.
const benchShape = "135m:layers=6,vocab=8192"

// eachModel runs f for a model file of each of a few formats, or for the one that
// the environment names.
func eachModel(b *testing.B, f func(b *testing.B, path string)) {
	if path := os.Getenv(modelVariable); path != "" {
		f(b, path)
		return
	}
	shape, err := synth.ParseShape(benchShape)
	require.NoError(b, err)
	for _, typ := range []string{"Q4_K_M", "Q4_1", "Q8_0", "BF16"} {
		path := filepath.Join(b.TempDir(), typ+".gguf")
		_, err := synth.WriteFile(path, synth.Spec{Shape: shape, Type: typ})
		require.NoError(b, err)
		b.Run(typ, func(b *testing.B) { f(b, path) })
	}
}

func open(b *testing.B, path string, o kvasir.Options) *kvasir.Engine {
	b.Helper()
	eng, err := kvasir.Open(path, o)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, eng.Close()) })
	return eng
}

// tokens returns n random tokens of a model.
func tokens(eng *kvasir.Engine, n int) []int32 {
	rng := rand.New(rand.NewPCG(1, 2))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = rng.Int32N(int32(eng.Info().Vocabulary))
	}
	return ids
}

func drop([]float32) error { return nil }

// rate reports tokens per second.
func rate(b *testing.B, tokens int) {
	b.ReportMetric(float64(tokens)*float64(b.N)/b.Elapsed().Seconds(), "tok/s")
}

// BenchmarkPrefill computes prompts on an empty cache.
func BenchmarkPrefill(b *testing.B) {
	eachModel(b, func(b *testing.B, path string) {
		eng := open(b, path, kvasir.Options{Context: 1024})
		for _, n := range []int{16, 64, 512} {
			b.Run(fmt.Sprintf("pp%d", n), func(b *testing.B) {
				s, err := eng.NewSession()
				require.NoError(b, err)
				defer s.Close()
				ids := tokens(eng, n)
				b.ReportAllocs()
				for b.Loop() {
					if err := s.Reset(); err != nil {
						b.Fatal(err)
					}
					if err := s.NextLogits(context.Background(), ids, drop); err != nil {
						b.Fatal(err)
					}
				}
				rate(b, n)
			})
		}
	})
}

// BenchmarkDecode appends tokens one by one at a depth. MB/s is what the weights and
// the cache amount to.
func BenchmarkDecode(b *testing.B) {
	eachModel(b, func(b *testing.B, path string) {
		const run = 32 // tokens, then back to the depth
		info, err := kvasir.Inspect(path)
		require.NoError(b, err)
		eng := open(b, path, kvasir.Options{Context: 2048})
		for _, depth := range []int{1, 1024} {
			b.Run(fmt.Sprintf("d%d", depth), func(b *testing.B) {
				s, err := eng.NewSession()
				require.NoError(b, err)
				defer s.Close()
				ids := tokens(eng, depth+run)
				require.NoError(b, s.Prefill(context.Background(), kvasir.Prompt{Tokens: ids[:depth]}))
				cache, err := info.CacheBytes(depth+run/2, eng.Info().KVType)
				require.NoError(b, err)
				b.SetBytes(bench.WorkOf(info).WeightBytes + cache)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if i%run == 0 {
						if err := s.Truncate(depth); err != nil {
							b.Fatal(err)
						}
					}
					if err := s.NextLogits(context.Background(), ids[depth+i%run:][:1], drop); err != nil {
						b.Fatal(err)
					}
				}
				rate(b, 1)
			})
		}
	})
}

// BenchmarkStep decodes several sequences side by side.
func BenchmarkStep(b *testing.B) {
	eachModel(b, func(b *testing.B, path string) {
		eng := open(b, path, kvasir.Options{Context: 256})
		for _, n := range []int{8, 32} {
			b.Run(fmt.Sprintf("x%d", n), func(b *testing.B) {
				sessions, ids := make([]*kvasir.Session, n), tokens(eng, n)
				for i := range sessions {
					var err error
					sessions[i], err = eng.NewSession()
					require.NoError(b, err)
					defer sessions[i].Close()
				}
				for i := 0; b.Loop(); i++ {
					if i%128 == 0 {
						for _, s := range sessions {
							if err := s.Reset(); err != nil {
								b.Fatal(err)
							}
						}
					}
					if err := eng.Step(context.Background(), sessions, ids, func(int, []float32) error { return nil }); err != nil {
						b.Fatal(err)
					}
				}
				rate(b, n)
			})
		}
	})
}

// BenchmarkOpen loads a model: mapping, checks, vocabulary, packing.
func BenchmarkOpen(b *testing.B) {
	eachModel(b, func(b *testing.B, path string) {
		st, err := os.Stat(path)
		require.NoError(b, err)
		b.SetBytes(st.Size())
		for b.Loop() {
			eng, err := kvasir.Open(path, kvasir.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if err := eng.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
