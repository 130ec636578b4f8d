package gguf_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
	"kvasir/internal/golden"
)

// TestRealModels opens the catalogue's models and writes them again: the result
// must be the same file.
func TestRealModels(t *testing.T) {
	if testing.Short() {
		t.Skip("reads whole models")
	}
	for _, c := range []struct {
		name, arch      string
		tensors, tokens int
	}{
		{"smollm2", "llama", 272, 49152},
		{"gemma3-270m", "gemma3", 236, 262144},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := golden.Model(t, c.name)
			f, err := gguf.Open(path, gguf.Options{})
			require.NoError(t, err)
			defer f.Close()
			arch, err := f.String("general.architecture")
			require.NoError(t, err)
			require.Equal(t, c.arch, arch)
			require.Len(t, f.Tensors, c.tensors)
			tokens, err := f.Strings("tokenizer.ggml.tokens")
			require.NoError(t, err)
			require.Equal(t, c.tokens, tokens.Len())
			types, err := f.Int32s("tokenizer.ggml.token_type")
			require.NoError(t, err)
			require.Len(t, types, c.tokens)
			embd, ok := f.Tensor("token_embd.weight")
			require.True(t, ok)
			require.EqualValues(t, c.tokens, embd.Dim(1))

			same := &comparer{t: t, want: readFile(t, path)}
			require.NoError(t, gguf.Write(same, f.KV, f.Tensors, f.WriteData))
			require.Empty(t, same.want, "the written file is shorter")
		})
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// comparer is a writer that expects given bytes.
type comparer struct {
	t    *testing.T
	want []byte
}

func (c *comparer) Write(b []byte) (int, error) {
	if len(b) > len(c.want) || !bytes.Equal(b, c.want[:len(b)]) {
		return 0, fmt.Errorf("differs in the last %d bytes", len(c.want))
	}
	c.want = c.want[len(b):]
	return len(b), nil
}

// vocabulary is a file with n tokens, scores and types, as large models have.
func vocabulary(tb testing.TB, n int) []byte {
	tb.Helper()
	tokens, scores, types := make([]string, n), make([]float32, n), make([]int32, n)
	for i := range n {
		tokens[i] = fmt.Sprintf("▁token%d", i)
		scores[i], types[i] = -float32(i), 1
	}
	var out bytes.Buffer
	require.NoError(tb, gguf.Write(&out, []gguf.KV{
		{Key: "general.architecture", Value: gguf.Scalar("gemma3")},
		{Key: "tokenizer.ggml.tokens", Value: gguf.Array(tokens)},
		{Key: "tokenizer.ggml.scores", Value: gguf.Array(scores)},
		{Key: "tokenizer.ggml.token_type", Value: gguf.Array(types)},
	}, []gguf.TensorInfo{{Name: "t", Dims: []uint64{32}, Type: 0}}, zeros))
	return out.Bytes()
}

// TestOpenIsFast: a vocabulary of 262 144 tokens opens in less than 20 ms. The
// best of several runs counts, so that a busy machine does not fail it.
func TestOpenIsFast(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	path := save(t, t.TempDir(), "vocab.gguf", vocabulary(t, 262144))
	best := time.Hour
	for range 5 {
		start := time.Now()
		f, err := gguf.Open(path, gguf.Options{})
		require.NoError(t, err)
		best = min(best, time.Since(start))
		require.NoError(t, f.Close())
	}
	require.Less(t, best, 20*time.Millisecond)
}

func BenchmarkOpen(b *testing.B) {
	data := vocabulary(b, 262144)
	path := save(b, b.TempDir(), "vocab.gguf", data)
	for _, mode := range []struct {
		name string
		opts gguf.Options
	}{{"map", gguf.Options{}}, {"read", gguf.Options{NoMmap: true}}} {
		b.Run(mode.name+"/tokens=262144", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				f, err := gguf.Open(path, mode.opts)
				if err != nil {
					b.Fatal(err)
				}
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseReader(b *testing.B) {
	data := vocabulary(b, 262144)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := gguf.Parse(bytes.NewReader(data), int64(len(data))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStrings(b *testing.B) {
	data := vocabulary(b, 262144)
	f, err := gguf.ParseBytes(data)
	require.NoError(b, err)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Strings("tokenizer.ggml.tokens"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenModel(b *testing.B) {
	for _, name := range []string{"smollm2", "gemma3-270m"} {
		b.Run(name, func(b *testing.B) {
			path := golden.Model(b, name)
			b.ReportAllocs()
			for b.Loop() {
				f, err := gguf.Open(path, gguf.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
