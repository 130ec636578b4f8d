package model_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
	"kvasir/internal/tinymodel"
	"kvasir/kernels"
	"kvasir/kvcache"
	"kvasir/model"
	"kvasir/quant"
)

// slow says that arithmetic is slow or time short.
func slow() bool { return testing.Short() || kernels.Current() == kernels.Generic }

// eachModel runs f for every variant with f32 weights (when it is slow, for one of
// each architecture), and for quantized ones of every kind of block.
func eachModel(t *testing.T, f func(t *testing.T, spec tinymodel.Spec)) {
	t.Helper()
	for _, name := range tinymodel.VariantNames() {
		spec := tinymodel.Variants[name]
		if slow() && name != spec.Arch {
			continue
		}
		t.Run(name, func(t *testing.T) { f(t, spec) })
	}
	for name, spec := range map[string]tinymodel.Spec{
		"gemma3-q4_k":     {Arch: "gemma3", Wide: true, Type: quant.Q4_K},
		"qwen3moe-q5_0":   {Arch: "qwen3moe", Type: quant.Q5_0},
		"granite-moe-q8":  {Arch: "granite", MoE: true, Type: quant.Q8_0},
		"gpt-oss-mxfp4":   {Arch: "gpt-oss", Type: quant.MXFP4},
		"phi3-bf16":       {Arch: "phi3", Type: quant.BF16, Rope: tinymodel.RopeLong},
		"gemma2-f16":      {Arch: "gemma2", Type: quant.F16},
		"llama-fused-q41": {Arch: "llama", Type: quant.Q4_1, Fused: true, Untied: true},
	} {
		t.Run(name, func(t *testing.T) { f(t, spec) })
	}
}

// Logits do not depend on how a text is cut into passes, nor on the threads.
func TestChunksAndThreads(t *testing.T) {
	eachModel(t, func(t *testing.T, spec tinymodel.Spec) {
		path := writeTiny(t, spec)
		r := open(t, path, setup{})
		ids := tinymodel.IDs(130, r.model.Config().VocabSize)
		want := r.logits(t, r.seq(t), ids, len(ids))
		for _, chunk := range []int{1, 7, 64} {
			requireSame(t, want, r.logits(t, r.seq(t), ids, chunk), fmt.Sprintf("chunks of %d", chunk))
		}
		for _, threads := range []int{1, 4} {
			r := open(t, path, setup{threads: threads})
			requireSame(t, want, r.logits(t, r.seq(t), ids, 33), fmt.Sprintf("%d threads", threads))
		}
	})
}

// Sequences of one pass do not see each other.
func TestBatches(t *testing.T) {
	eachModel(t, func(t *testing.T, spec tinymodel.Spec) {
		r := openTiny(t, spec, setup{})
		vocab := r.model.Config().VocabSize
		texts := [][]int32{tinymodel.IDs(50, vocab), tinymodel.IDs(120, vocab)[70:], tinymodel.IDs(57, vocab)[56:], tinymodel.IDs(99, vocab)[50:]}
		var alone [][]float32
		for _, ids := range texts {
			alone = append(alone, r.logits(t, r.seq(t), ids, len(ids))...)
		}
		var all []int32
		var rows []kvcache.Rows
		for _, ids := range texts {
			all = append(all, ids...)
			rows = append(rows, kvcache.Rows{Seq: r.seq(t), N: len(ids)})
		}
		var together [][]float32
		require.NoError(t, r.pass(&together, all, rows...))
		requireSame(t, alone, together, "in one pass")
	})
}

// What a sequence was before it was forked or cut back does not show.
func TestForkAndTruncate(t *testing.T) {
	eachModel(t, func(t *testing.T, spec tinymodel.Spec) {
		r := openTiny(t, spec, setup{})
		vocab := r.model.Config().VocabSize
		a, b := tinymodel.IDs(96, vocab), tinymodel.IDs(180, vocab)[96:]
		fresh := func(text ...[]int32) [][]float32 {
			s := r.seq(t)
			var out [][]float32
			for _, ids := range text {
				out = r.logits(t, s, ids, 50)
			}
			return out
		}
		s := r.seq(t)
		r.logits(t, s, a[:45], 45)
		fork, err := s.Fork()
		require.NoError(t, err)
		t.Cleanup(fork.Close)
		requireSame(t, fresh(a[:45], b[:30]), r.logits(t, fork, b[:30], 7), "fork")
		requireSame(t, fresh(a[:45], a[45:]), r.logits(t, s, a[45:], 11), "origin of the fork")

		for _, n := range []int{95, 70, 64, 50} {
			require.NoError(t, s.Truncate(n))
			requireSame(t, fresh(a[:n], b[:20]), r.logits(t, s, b[:20], 20), fmt.Sprintf("cut to %d", n))
			require.NoError(t, s.Truncate(n))
		}
		require.NoError(t, fork.Truncate(0))
		requireSame(t, fresh(b[:40]), r.logits(t, fork, b[:40], 40), "cut to nothing")
	})
}

// A single sliding layer sees exactly its window. Windows around the size of a
// cache block are the delicate ones.
func TestWindowEdges(t *testing.T) {
	one := gguf.KV{Key: "block_count", Value: gguf.Scalar(uint32(1))}
	for _, w := range []int{1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65} {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			r := openTiny(t, tinymodel.Spec{Arch: "gemma3", Window: w, Keys: []gguf.KV{one}}, setup{})
			require.Equal(t, []int{w}, r.model.Config().Windows)
			ids := tinymodel.IDs(180, r.model.Config().VocabSize)
			want := r.logits(t, r.seq(t), ids, 180)
			for _, changed := range []int{0, 1, 31, 32, 40} {
				other := append([]int32(nil), ids...)
				other[changed] ^= 1
				for _, chunk := range []int{180, 50, 1} {
					got := r.logits(t, r.seq(t), other, chunk)
					for pos := changed; pos < changed+w; pos++ {
						require.NotEqual(t, want[pos], got[pos], "token %d is seen from %d", changed, pos)
					}
					requireSame(t, want[:changed], got[:changed], "before the change")
					requireSame(t, want[changed+w:], got[changed+w:], fmt.Sprintf("token %d is out of sight", changed))
				}
			}
		})
	}
}

// Every storage of keys and values keeps the promise; the exact one is close to
// the finest.
func TestCacheTypes(t *testing.T) {
	for _, arch := range []string{"llama", "gemma3"} {
		path := writeTiny(t, tinymodel.Spec{Arch: arch})
		exact := open(t, path, setup{kv: kvcache.F32})
		ids := tinymodel.IDs(200, exact.model.Config().VocabSize)
		base := exact.logits(t, exact.seq(t), ids, 200)
		for name, limit := range map[string]float64{"f32": 0, "f16": 1e-5, "i16": 1e-5, "bf16": 1e-3, "q8_0": 1e-3, "q4_0": 0.3} {
			t.Run(arch+"/"+name, func(t *testing.T) {
				kv, err := kvcache.ParseDType(name)
				require.NoError(t, err)
				r := open(t, path, setup{kv: kv})
				want := r.logits(t, r.seq(t), ids, 200)
				require.LessOrEqual(t, divergence(base, want), limit)
				requireSame(t, want, r.logits(t, r.seq(t), ids, 1), "token by token")
				requireSame(t, want, r.logits(t, r.seq(t), ids, 47), "chunks of 47")
			})
		}
	}
}

// A long text on a small window: blocks are given back and taken again.
func TestLongText(t *testing.T) {
	r := openTiny(t, tinymodel.Spec{Arch: "gemma2", Window: 40}, setup{ctx: 1024, rows: 512})
	ids := tinymodel.IDs(1024, r.model.Config().VocabSize)
	s := r.seq(t)
	want := r.logits(t, s, ids, 512)
	requireSame(t, want, r.logits(t, r.seq(t), ids, 100), "chunks of 100")
	require.Error(t, r.pass(&want, ids[:1], kvcache.Rows{Seq: s, N: 1}), "beyond the context")
	full := (&kvcache.Config{Layers: r.model.Config().CacheLayers(), Ctx: 1024}).SeqBytes(1024, 512)
	require.LessOrEqual(t, r.cache.Stats().Bytes, 2*full)
}

func TestCancel(t *testing.T) {
	r := openTiny(t, tinymodel.Spec{Arch: "gemma3"}, setup{})
	ids := tinymodel.IDs(60, r.model.Config().VocabSize)
	s := r.seq(t)
	want := r.logits(t, r.seq(t), ids, 60)
	got := r.logits(t, s, ids[:30], 30)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := &model.Batch{Rows: []kvcache.Rows{{Seq: s, N: 30}}, Tokens: ids[30:], Want: make([]bool, 30)}
	require.ErrorIs(t, r.state.Forward(ctx, r.cache, b, nil), context.Canceled)
	require.Equal(t, 30, s.Len())

	// An error of the receiver undoes the pass as well.
	stop := fmt.Errorf("enough")
	b.Want[29] = true
	err := r.state.Forward(context.Background(), r.cache, b, func(int, []float32) error { return stop })
	require.ErrorIs(t, err, stop)
	require.Equal(t, 30, s.Len())
	requireSame(t, want, append(got, r.logits(t, s, ids[30:], 30)...), "after two broken passes")
}

func TestBadBatches(t *testing.T) {
	r := openTiny(t, tinymodel.Spec{Arch: "llama"}, setup{rows: 8})
	s := r.seq(t)
	for name, b := range map[string]*model.Batch{
		"empty":              {},
		"too many":           {Rows: []kvcache.Rows{{Seq: s, N: 9}}, Tokens: make([]int32, 9), Want: make([]bool, 9)},
		"negative token":     {Rows: []kvcache.Rows{{Seq: s, N: 1}}, Tokens: []int32{-1}, Want: []bool{false}},
		"token out of range": {Rows: []kvcache.Rows{{Seq: s, N: 1}}, Tokens: []int32{131}, Want: []bool{false}},
		"rows disagree":      {Rows: []kvcache.Rows{{Seq: s, N: 2}}, Tokens: []int32{1}, Want: []bool{false}},
		"want disagrees":     {Rows: []kvcache.Rows{{Seq: s, N: 1}}, Tokens: []int32{1}},
		"twice the same":     {Rows: []kvcache.Rows{{Seq: s, N: 1}, {Seq: s, N: 1}}, Tokens: []int32{1, 2}, Want: make([]bool, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, r.state.Forward(context.Background(), r.cache, b, nil))
			require.Zero(t, s.Len())
		})
	}
	require.Len(t, r.logits(t, s, []int32{1, 2}, 2), 2, "still usable")
}

// Decoding a token allocates nothing.
func TestDecodeAllocatesNothing(t *testing.T) {
	for name, spec := range map[string]tinymodel.Spec{
		"llama":  {Arch: "llama", Type: quant.Q4_0},
		"gemma3": {Arch: "gemma3", Type: quant.Q8_0},
		"moe":    {Arch: "granite", MoE: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := openTiny(t, spec, setup{ctx: 1024})
			s := r.seq(t)
			r.logits(t, s, tinymodel.IDs(500, r.model.Config().VocabSize), 100)
			b := &model.Batch{Rows: []kvcache.Rows{{Seq: s, N: 1}}, Tokens: []int32{5}, Want: []bool{true}}
			emit := func(int, []float32) error { return nil }
			ctx := context.Background()
			n := testing.AllocsPerRun(100, func() {
				if err := r.state.Forward(ctx, r.cache, b, emit); err != nil {
					panic(err)
				}
			})
			require.Zero(t, n)
		})
	}
}
