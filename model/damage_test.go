package model_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/attention"
	"kvasir/internal/gguf"
	"kvasir/internal/parallel"
	"kvasir/internal/tinymodel"
	"kvasir/kvcache"
	"kvasir/model"
	"kvasir/quant"
)

// load loads a model that a test made; the error is that of model.Load.
func load(t *testing.T, m *tinymodel.Model) error {
	t.Helper()
	data, err := m.Bytes()
	require.NoError(t, err)
	f, err := gguf.ParseBytes(data)
	require.NoError(t, err)
	pool := parallel.New(1)
	defer pool.Close()
	got, err := model.Load(f, pool, 128)
	if err == nil {
		require.NoError(t, got.Close())
	}
	return err
}

// optional says whether a model may lack a tensor.
func optional(name string) bool {
	return strings.HasSuffix(name, ".bias") || strings.HasSuffix(name, ".scale") ||
		strings.HasPrefix(name, "rope_") || name == "output.weight"
}

// Whatever is wrong with a tensor is found when the model is loaded, and the
// error names the tensor.
func TestDamagedTensors(t *testing.T) {
	for _, name := range tinymodel.VariantNames() {
		t.Run(name, func(t *testing.T) {
			spec := tinymodel.Variants[name]
			spec.Keys = append(spec.Keys[:len(spec.Keys):len(spec.Keys)], gguf.KV{Key: "block_count", Value: gguf.Scalar(uint32(1))})
			whole, err := tinymodel.New(spec)
			require.NoError(t, err)
			kept := whole.Tensors[:0]
			for _, x := range whole.Tensors {
				if !strings.HasPrefix(x.Name, "blk.") || strings.HasPrefix(x.Name, "blk.0.") {
					kept = append(kept, x)
				}
			}
			whole.Tensors = kept
			require.NoError(t, load(t, whole))
			for _, x := range whole.Tensors {
				unused := spec.Rope == tinymodel.RopeLong && x.Name == "rope_factors_short.weight" ||
					spec.Rope == tinymodel.RopeShort && x.Name == "rope_factors_long.weight"
				if !unused {
					damageTensor(t, whole, x)
				}
			}
		})
	}
}

// damageTensor breaks one tensor in every way.
func damageTensor(t *testing.T, whole *tinymodel.Model, tensor *tinymodel.Tensor) {
	name, dims := tensor.Name, tensor.Dims
	try := func(change func(*tinymodel.Model, *tinymodel.Tensor)) error {
		m := whole.Clone()
		change(m, m.Tensor(name))
		return load(t, m)
	}
	for i := range dims {
		for _, by := range []int{-1, 1} {
			changed := append([]int(nil), dims...)
			if changed[i] += by; changed[i] == 0 {
				continue
			}
			err := try(func(_ *tinymodel.Model, x *tinymodel.Tensor) { require.NoError(t, x.Resize(changed...)) })
			if name == "token_embd.weight" && i == 1 && by == 1 {
				// A padded vocabulary: what has a row for each token must be padded as well.
				tied := whole.Tensor("output.weight") == nil && whole.Tensor("output.bias") == nil
				require.Equal(t, !tied, err != nil)
				continue
			}
			require.ErrorContains(t, err, fmt.Sprintf("%q has shape", name), "%v instead of %v", changed, dims)
		}
	}
	err := try(func(_ *tinymodel.Model, x *tinymodel.Tensor) {
		x.Dims, x.Data = append(dims[:len(dims):len(dims)], 2), append(x.Data[:len(x.Data):len(x.Data)], x.Data...)
	})
	require.ErrorContains(t, err, fmt.Sprintf("%q has shape", name), "an extra dimension")
	err = try(func(_ *tinymodel.Model, x *tinymodel.Tensor) { x.Type = 26 })
	require.ErrorContains(t, err, name, "a type without arithmetic")
	require.ErrorIs(t, err, model.ErrUnsupported)

	err = try(func(m *tinymodel.Model, _ *tinymodel.Tensor) { m.Drop(name) })
	switch {
	case optional(name):
		require.NoError(t, err)
	case strings.HasSuffix(name, "attn_qkv.weight"): // then the three parts are looked for
		require.ErrorContains(t, err, `"blk.0.attn_q.weight" is missing`)
	default:
		require.ErrorContains(t, err, fmt.Sprintf("%q is missing", name))
		require.ErrorIs(t, err, model.ErrBadModel)
	}
}

// Rows must be whole blocks.
func TestPartialBlocks(t *testing.T) {
	m, err := tinymodel.New(tinymodel.Spec{Arch: "llama", Wide: true, Type: quant.Q4_K})
	require.NoError(t, err)
	m.Set("feed_forward_length", gguf.Scalar(uint32(128)))
	for _, name := range []string{"blk.0.ffn_gate.weight", "blk.0.ffn_up.weight"} {
		require.NoError(t, m.Tensor(name).Resize(256, 128))
	}
	w := m.Tensor("blk.0.ffn_down.weight")
	w.Dims, w.Type, w.Data = []int{128, 256}, quant.Q8_0, make([]byte, 256*128/32*34)
	m.Set("block_count", gguf.Scalar(uint32(1)))
	require.NoError(t, load(t, m))
}

func u32(v uint32) gguf.Value  { return gguf.Scalar(v) }
func f32(v float32) gguf.Value { return gguf.Scalar(v) }

// Hyper-parameters that make no sense are refused.
func TestHostileKeys(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	cases := map[string][]gguf.Value{
		"block_count":                          {u32(0), u32(513), u32(math.MaxUint32), f32(2), gguf.Scalar("2"), gguf.Array([]uint32{2, 2})},
		"context_length":                       {u32(0), u32(1 << 31)},
		"embedding_length":                     {u32(0), u32(1), u32(63), u32(1 << 20), u32(math.MaxUint32), gguf.Scalar(int32(-64))},
		"feed_forward_length":                  {u32(0), u32(65), u32(math.MaxUint32), gguf.Array([]uint32{64}), gguf.Array([]int32{64, -1}), gguf.Array([]string{"a", "b"})},
		"attention.head_count":                 {u32(0), u32(3), u32(8), u32(1 << 20), gguf.Array([]uint32{4, 4})},
		"attention.head_count_kv":              {u32(0), u32(1), u32(3), u32(5), u32(1 << 30), gguf.Array([]uint32{2}), gguf.Array([]uint32{2, 0})},
		"attention.key_length":                 {u32(0), u32(31), u32(33), u32(1026), u32(math.MaxUint32)},
		"attention.value_length":               {u32(0), u32(31), u32(1026)},
		"attention.layer_norm_rms_epsilon":     {f32(0), f32(-1), f32(2), f32(nan), f32(inf), gguf.Scalar("small")},
		"rope.dimension_count":                 {u32(0), u32(31), u32(34)},
		"rope.freq_base":                       {f32(0), f32(-1), f32(nan), f32(inf)},
		"rope.scaling.type":                    {gguf.Scalar("dynamic"), u32(1)},
		"rope.scaling.factor":                  {f32(-1), f32(nan), f32(inf)},
		"rope.scaling.original_context_length": {u32(math.MaxUint32)},
		"rope.scaling.attn_factor":             {f32(nan), f32(inf)},
		"rope.scaling.yarn_beta_fast":          {f32(nan)},
		"expert_count":                         {u32(1025), u32(math.MaxUint32)},
		"vocab_size":                           {u32(0), u32(132), u32(math.MaxUint32)},
		"general.architecture":                 {gguf.Scalar(""), gguf.Scalar("unknown"), u32(1)},
	}
	for key, values := range cases {
		for _, v := range values {
			t.Run(fmt.Sprintf("%s=%v", key, v), func(t *testing.T) {
				m, err := tinymodel.New(tinymodel.Spec{Arch: "llama", Rope: tinymodel.RopeYarn})
				require.NoError(t, err)
				m.Set(key, v)
				requireRefused(t, load(t, m))
			})
		}
	}
}

// requireRefused wants an error that callers can tell.
func requireRefused(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	for _, kind := range []error{model.ErrBadModel, model.ErrUnsupported} {
		if strings.HasPrefix(err.Error(), kind.Error()) {
			require.ErrorIs(t, err, kind)
			return
		}
	}
	t.Fatalf("neither a bad nor an unsupported model: %v", err)
}

func TestHostileExperts(t *testing.T) {
	for key, values := range map[string][]gguf.Value{
		"expert_count":                      {u32(0), u32(1), u32(3), u32(5), u32(1025)},
		"expert_used_count":                 {u32(0), u32(5), u32(math.MaxUint32), gguf.Scalar("2")},
		"expert_feed_forward_length":        {u32(33), u32(math.MaxUint32)},
		"expert_shared_feed_forward_length": {u32(1), u32(math.MaxUint32)},
		"expert_weights_scale":              {f32(float32(math.NaN()))},
		"embedding_scale":                   {f32(float32(math.Inf(1)))},
		"logit_scale":                       {f32(float32(math.NaN())), gguf.Scalar("big")},
	} {
		for _, v := range values {
			t.Run(fmt.Sprintf("%s=%v", key, v), func(t *testing.T) {
				m, err := tinymodel.New(tinymodel.Spec{Arch: "granite", MoE: true})
				require.NoError(t, err)
				m.Set(key, v)
				requireRefused(t, load(t, m))
			})
		}
	}
	m, err := tinymodel.New(tinymodel.Spec{Arch: "gpt-oss"})
	require.NoError(t, err)
	m.Remove("expert_count")
	requireRefused(t, load(t, m))
	m, err = tinymodel.New(tinymodel.Spec{Arch: "granite", MoE: true})
	require.NoError(t, err)
	m.Remove("expert_used_count")
	requireRefused(t, load(t, m))
}

func TestHostileWindows(t *testing.T) {
	for key, values := range map[string][]gguf.Value{
		"attention.sliding_window":         {u32(math.MaxUint32), gguf.Scalar("8"), gguf.Scalar(int32(-8))},
		"attention.sliding_window_pattern": {u32(513), gguf.Array([]bool{true}), gguf.Array([]string{"a", "b", "c", "d"}), gguf.Scalar(int32(-1))},
		"attn_logit_softcapping":           {f32(-1), f32(float32(math.NaN()))},
		"final_logit_softcapping":          {f32(-1), f32(float32(math.Inf(1)))},
		"rope.freq_base_swa":               {f32(0), f32(-5)},
	} {
		for _, v := range values {
			t.Run(fmt.Sprintf("%s=%v", key, v), func(t *testing.T) {
				m, err := tinymodel.New(tinymodel.Spec{Arch: "gemma2"})
				require.NoError(t, err)
				m.Set(key, v)
				requireRefused(t, load(t, m))
			})
		}
	}
}

// Required keys are missed.
func TestMissingKeys(t *testing.T) {
	for _, key := range []string{
		"general.architecture", "block_count", "context_length", "embedding_length", "attention.head_count",
		"feed_forward_length", "attention.layer_norm_rms_epsilon",
	} {
		t.Run(key, func(t *testing.T) {
			m, err := tinymodel.New(tinymodel.Spec{Arch: "llama"})
			require.NoError(t, err)
			m.Remove(key)
			requireRefused(t, load(t, m))
		})
	}
	for _, key := range []string{"vocab_size", "attention.head_count_kv", "attention.key_length", "rope.dimension_count", "general.name"} {
		m, err := tinymodel.New(tinymodel.Spec{Arch: "qwen2", Keys: []gguf.KV{{Key: "attention.head_count_kv", Value: u32(2)}}})
		require.NoError(t, err)
		m.Remove(key)
		if err := load(t, m); key == "attention.head_count_kv" {
			require.ErrorContains(t, err, "attn_k", "as many as heads, by default")
		} else {
			require.NoError(t, err, key)
		}
	}
}

// Values at the edge of what a float holds may make logits that are no numbers,
// but nothing crashes.
func TestExtremeFloats(t *testing.T) {
	for _, key := range []string{
		"rope.freq_base", "rope.freq_base_swa", "rope.scaling.factor", "rope.scaling.attn_factor", "rope.scaling.yarn_beta_fast",
		"rope.scaling.yarn_beta_slow", "attention.layer_norm_rms_epsilon", "attn_logit_softcapping", "final_logit_softcapping",
	} {
		for _, v := range []float32{math.SmallestNonzeroFloat32, 1e-38, 1, -1, 3e38, math.MaxFloat32} {
			t.Run(fmt.Sprintf("%s=%g", key, v), func(t *testing.T) {
				m, err := tinymodel.New(tinymodel.Spec{Arch: "gemma2", Rope: tinymodel.RopeYarn})
				require.NoError(t, err)
				m.Set(key, f32(v))
				data, err := m.Bytes()
				require.NoError(t, err)
				f, err := gguf.ParseBytes(data)
				require.NoError(t, err)
				pool := parallel.New(1)
				defer pool.Close()
				md, err := model.Load(f, pool, 128)
				if err != nil {
					requireRefused(t, err)
					return
				}
				defer md.Close()
				cache, err := kvcache.Open(kvcache.Config{Layers: md.CacheLayers(), Ctx: 128})
				require.NoError(t, err)
				sel, err := attention.Lookup("")
				require.NoError(t, err)
				seq, err := cache.NewSeq("")
				require.NoError(t, err)
				ids := tinymodel.IDs(50, md.Config().VocabSize)
				b := &model.Batch{Rows: []kvcache.Rows{{Seq: seq, N: 50}}, Tokens: ids, Want: make([]bool, 50)}
				b.Want[49] = true
				state := md.NewState(pool, cache, sel, model.Standard, 64)
				require.NoError(t, state.Forward(context.Background(), cache, b, func(int, []float32) error { return nil }))
			})
		}
	}
}
