package kvasir_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/gguf"
	"kvasir/internal/tinymodel"
	"kvasir/quant"
)

func TestOptions(t *testing.T) {
	path := tinyFile(t, textSpec)
	for _, tc := range []struct {
		o    kvasir.Options
		text string
	}{
		{kvasir.Options{Context: -1}, "ctx -1"},
		{kvasir.Options{Threads: -1}, "threads -1"},
		{kvasir.Options{Threads: 1025}, "threads 1025"},
		{kvasir.Options{Batch: -1}, "batch -1"},
		{kvasir.Options{Batch: 5000}, "batch 5000"},
		{kvasir.Options{CacheBytes: -1}, "cache-bytes -1"},
		{kvasir.Options{KV: "none"}, `kv: `},
		{kvasir.Options{KVType: "f64"}, `kv-type: `},
		{kvasir.Options{Attention: "none"}, `attention: `},
		{kvasir.Options{Precision: "none"}, `precision: `},
	} {
		_, err := kvasir.Open(path, tc.o)
		require.ErrorContains(t, err, tc.text)
		require.EqualError(t, tc.o.Validate(), err.Error())
	}
	eng := openTiny(t, textSpec, kvasir.Options{})
	i := eng.Info()
	require.Equal(t, kvasir.Info{
		Name: "tiny qwen2", Architecture: "qwen2", Context: 512, Trained: 512, Vocabulary: len(tinymodel.Tokens()),
		Layers: 2, EmbedDim: 64, Threads: runtime.GOMAXPROCS(0), Batch: 256, Level: i.Level, KVType: "i16",
	}, i)
	require.Equal(t, 2000, openTiny(t, textSpec, kvasir.Options{Context: 2000}).Info().Context, "longer than trained")
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o666))
		return path
	}
	whole, err := os.ReadFile(tinyFile(t, textSpec))
	require.NoError(t, err)
	changed := func(name string, change func(m *tinymodel.Model)) string {
		m, err := tinymodel.New(textSpec)
		require.NoError(t, err)
		change(m)
		data, err := m.Bytes()
		require.NoError(t, err)
		return file(name, data)
	}
	for name, tc := range map[string]struct {
		path string
		is   error
		text string
	}{
		"missing":   {filepath.Join(dir, "none.gguf"), os.ErrNotExist, "none.gguf"},
		"directory": {dir, nil, filepath.Base(dir)},
		"empty":     {file("empty.gguf", nil), kvasir.ErrBadModel, "empty.gguf"},
		"text":      {file("text.gguf", []byte("hello, this is no model at all, but text")), kvasir.ErrBadModel, "text.gguf"},
		"cut":       {file("cut.gguf", whole[:len(whole)/2]), kvasir.ErrBadModel, "cut.gguf"},
		"cut head":  {file("head.gguf", whole[:500]), kvasir.ErrBadModel, "head.gguf"},
		"architecture": {changed("arch.gguf", func(m *tinymodel.Model) { m.Set("general.architecture", gguf.Scalar("mamba")) }),
			kvasir.ErrUnsupported, `"mamba"`},
		"tensor type": {changed("type.gguf", func(m *tinymodel.Model) { m.Tensor("blk.1.ffn_up.weight").Type = 26 }),
			kvasir.ErrUnsupported, `"blk.1.ffn_up.weight"`},
		"tensor missing": {changed("missing.gguf", func(m *tinymodel.Model) { m.Drop("output_norm.weight") }),
			kvasir.ErrBadModel, `"output_norm.weight" is missing`},
		"vocabulary": {changed("vocab.gguf", func(m *tinymodel.Model) { m.Set("tokenizer.ggml.merges", gguf.Array([]string{"x"})) }),
			kvasir.ErrBadModel, "merge"},
	} {
		for _, noMmap := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				_, err := kvasir.Open(tc.path, kvasir.Options{NoMmap: noMmap})
				require.Error(t, err)
				if tc.is != nil {
					require.ErrorIs(t, err, tc.is)
				}
				require.ErrorContains(t, err, tc.text)
				require.ErrorContains(t, err, dir, "it names the file")
			})
		}
	}
}

// A file whose vocabulary is of an unknown kind still runs on token ids.
func TestWithoutVocabulary(t *testing.T) {
	for _, model := range []string{"no_vocab", "t5"} {
		spec := tinymodel.Spec{Arch: "llama", Keys: []gguf.KV{{Key: "tokenizer.ggml.model", Value: gguf.Scalar(model)}}}
		eng := openTiny(t, spec, kvasir.Options{})
		s := newSession(t, eng)
		require.ErrorIs(t, s.Prefill(context.Background(), kvasir.Text("hello")), kvasir.ErrUnsupported)
		_, err := eng.ChatPrompt(kvasir.ChatRequest{Messages: []kvasir.Message{{Role: "user", Content: "hello"}}})
		require.ErrorIs(t, err, kvasir.ErrUnsupported)
		require.NoError(t, s.Prefill(context.Background(), kvasir.Prompt{Tokens: []int32{1, 2}}))
		g := generate(t, s, kvasir.Prompt{}, greedy(3))
		require.Len(t, g.ids, 3)
		require.Equal(t, kvasir.FinishLength, g.finish)
		require.Empty(t, g.text)

		tok := eng.Tokenizer()
		require.Nil(t, tok.Encode("hello", kvasir.EncodeOptions{}))
		require.Empty(t, tok.Decode([]int32{1}, true))
		require.Empty(t, tok.Piece(1))
		require.Zero(t, tok.Size())
		require.False(t, tok.IsEnd(1))
		id, add := tok.BOS()
		require.Equal(t, int32(-1), id)
		require.False(t, add)
		_, err = kvasir.OpenTokenizer(tinyFile(t, spec))
		require.ErrorIs(t, err, kvasir.ErrUnsupported)
	}
}

func TestTokenizer(t *testing.T) {
	spec := textSpec
	spec.AddBOS = true
	path := tinyFile(t, spec)
	tok, err := kvasir.OpenTokenizer(path)
	require.NoError(t, err)
	size := int32(tok.Size())
	require.EqualValues(t, len(tinymodel.Tokens()), size)
	end, start, bos := size-1, size-2, size-3
	require.True(t, tok.IsEnd(end))
	require.False(t, tok.IsEnd(start))
	id, add := tok.BOS()
	require.Equal(t, bos, id)
	require.True(t, add)

	text := "hello<|im_end|>"
	hello := tok.Encode("hello", kvasir.EncodeOptions{})
	require.Len(t, hello, 1)
	require.Equal(t, []int32{bos, hello[0], end}, tok.Encode(text, kvasir.EncodeOptions{AddSpecial: true, ParseSpecial: true}))
	plain := tok.Encode(text, kvasir.EncodeOptions{})
	require.Greater(t, len(plain), 5, "special tokens are plain text")
	require.Equal(t, text, tok.Decode(plain, false))
	require.Equal(t, "hello", tok.Decode([]int32{bos, hello[0], end}, false))
	require.Equal(t, tinymodel.EndOfText+text, tok.Decode([]int32{bos, hello[0], end}, true))
	require.Equal(t, tinymodel.TurnEnd, tok.Piece(end))

	_, err = kvasir.OpenTokenizer(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	m, err := tinymodel.New(spec)
	require.NoError(t, err)
	m.Set("tokenizer.ggml.merges", gguf.Array([]string{"x"}))
	require.NoError(t, m.Write(path+"2"))
	_, err = kvasir.OpenTokenizer(path + "2")
	require.ErrorIs(t, err, kvasir.ErrBadModel)
}

func TestWarningsAreLogged(t *testing.T) {
	var log bytes.Buffer
	spec := textSpec
	spec.Keys = []gguf.KV{{Key: "tokenizer.ggml.bos_token_id", Value: gguf.Scalar(uint32(1 << 20))}}
	openTiny(t, spec, kvasir.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.Contains(t, log.String(), "bos_token_id is 1048576")
}

func TestInspect(t *testing.T) {
	path := tinyFile(t, textSpec)
	i, err := kvasir.Inspect(path)
	require.NoError(t, err)
	require.True(t, i.Supported)
	require.Empty(t, i.Problem)
	require.Equal(t, "qwen2", i.Architecture)
	require.Equal(t, 512, i.Context)
	var params uint64
	var size int64
	for _, x := range i.Tensors {
		n := uint64(1)
		for _, d := range x.Dims {
			n *= d
		}
		params += n
		size += x.Bytes
	}
	require.Equal(t, params, i.Parameters)
	require.Equal(t, size, i.TensorBytes)
	require.Contains(t, i.Metadata, kvasir.MetaEntry{Key: "qwen2.block_count", Type: "u32", Value: "2"})
	for _, kv := range i.Metadata {
		require.Less(t, len(kv.Value), 1000, "%s is cut", kv.Key)
		if kv.Key == "tokenizer.ggml.tokens" {
			require.Equal(t, "string[]", kv.Type)
		}
	}

	// 2 layers, 2 heads of 16 for keys and as much for values, 2 bytes each.
	n, err := i.CacheBytes(64, "f16")
	require.NoError(t, err)
	require.EqualValues(t, 64*2*2*16*2*2, n)
	n32, err := i.CacheBytes(64, "f32")
	require.NoError(t, err)
	require.Equal(t, 2*n, n32)
	_, err = i.CacheBytes(64, "f64")
	require.Error(t, err)

	spec := textSpec
	spec.Keys = []gguf.KV{{Key: "general.architecture", Value: gguf.Scalar("mamba")}}
	i, err = kvasir.Inspect(tinyFile(t, spec))
	require.NoError(t, err)
	require.False(t, i.Supported)
	require.Contains(t, i.Problem, `"mamba"`)
	require.NotEmpty(t, i.Tensors)
	_, err = i.CacheBytes(64, "f16")
	require.ErrorIs(t, err, kvasir.ErrUnsupported)
	_, err = kvasir.Inspect(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestMemoryAddsUp(t *testing.T) {
	eng := openTiny(t, tinymodel.Spec{Arch: "llama", Wide: true, Type: quant.Q8_0}, kvasir.Options{})
	s := newSession(t, eng)
	require.NoError(t, s.Prefill(context.Background(), kvasir.Prompt{Tokens: tinymodel.IDs(100, 131)}))
	m := eng.Memory()
	require.Positive(t, m.Weights)
	require.Positive(t, m.Cache)
	require.Positive(t, m.Other)
	require.Equal(t, m.Resident, m.Weights+m.Cache+m.Other)
	st := eng.Stats()
	require.Equal(t, m.Weights, st.WeightBytes)
	require.Equal(t, m.Cache, st.CacheBytes)
	require.Equal(t, 1, st.Sessions)
	require.GreaterOrEqual(t, st.CachePeak, st.CacheBytes)
	require.NoError(t, s.Reset())
	require.Zero(t, eng.Stats().CacheBytes)
}

// After Close nothing crashes, whatever is called.
func TestClosedEngine(t *testing.T) {
	ctx := context.Background()
	eng, err := kvasir.Open(tinyFile(t, textSpec), kvasir.Options{})
	require.NoError(t, err)
	open, err := eng.NewSession()
	require.NoError(t, err)
	require.NoError(t, open.Prefill(ctx, kvasir.Text("hello world")))
	tok := eng.Tokenizer()
	require.NoError(t, eng.Close())
	require.NoError(t, eng.Close(), "twice")

	_, err = eng.NewSession()
	require.ErrorIs(t, err, kvasir.ErrClosed)
	_, err = open.Fork()
	require.ErrorIs(t, err, kvasir.ErrClosed)
	require.ErrorIs(t, open.Prefill(ctx, kvasir.Text("more")), kvasir.ErrClosed)
	_, err = tryGenerate(ctx, open, kvasir.Text("more"), greedy(1))
	require.ErrorIs(t, err, kvasir.ErrClosed)
	require.ErrorIs(t, open.Logits(ctx, []int32{1}, nil), kvasir.ErrClosed)
	require.NoError(t, open.Truncate(1))
	require.NoError(t, open.Close())
	require.NoError(t, open.Close(), "twice")
	require.ErrorIs(t, open.Reset(), kvasir.ErrClosed)
	require.ErrorIs(t, open.Prefill(ctx, kvasir.Text("more")), kvasir.ErrClosed)
	_, err = open.Fork()
	require.ErrorIs(t, err, kvasir.ErrClosed)

	// The file is unmapped by now.
	require.Equal(t, "qwen2", eng.Info().Architecture)
	require.Equal(t, "tiny qwen2", strings.Clone(eng.Info().Name))
	require.Zero(t, eng.Stats().CacheBytes)
	require.Zero(t, eng.Memory().Cache)
	require.Equal(t, "hello", tok.Decode(tok.Encode("hello", kvasir.EncodeOptions{}), true))
	_, err = eng.ChatPrompt(kvasir.ChatRequest{Messages: []kvasir.Message{{Role: "user", Content: "hello"}}})
	require.NoError(t, err)
	for _, err := range eng.Chat(ctx, kvasir.ChatRequest{Messages: []kvasir.Message{{Role: "user", Content: "hello"}}}) {
		require.ErrorIs(t, err, kvasir.ErrClosed)
	}
}
