package model_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
	"kvasir/internal/tinymodel"
	"kvasir/kvcache"
	"kvasir/model"
)

// config reads the hyper-parameters of a model that change has changed.
func config(t *testing.T, spec tinymodel.Spec, change func(m *tinymodel.Model)) (*model.Config, error) {
	t.Helper()
	m, err := tinymodel.New(spec)
	require.NoError(t, err)
	if change != nil {
		change(m)
	}
	data, err := m.Bytes()
	require.NoError(t, err)
	f, err := gguf.ParseBytes(data)
	require.NoError(t, err)
	return model.LoadConfig(f)
}

func TestConfig(t *testing.T) {
	c, err := config(t, tinymodel.Spec{Arch: "llama", Rope: tinymodel.RopeYarn}, nil)
	require.NoError(t, err)
	require.Equal(t, "tiny llama", c.Name)
	require.Equal(t, model.Archs["llama"], c.Arch)
	require.Equal(t, []int{2, 2}, c.KVHeads)
	require.Equal(t, []int{64, 64}, c.FFNDim)
	require.Equal(t, []int{0, 0}, c.Windows)
	require.Equal(t, []int{131, 64, 32, 32, 32}, []int{c.VocabSize, c.EmbedDim, c.KeyDim, c.ValueDim, c.RopeDim})
	require.Equal(t, []float64{10000, 4, 32, 1}, []float64{c.RopeBase, c.RopeFactor, c.YarnFast, c.YarnSlow})
	require.Equal(t, 32, c.RopeOrigCtx)
	require.Equal(t, float32(1/math.Sqrt(32)), c.AttnScale)
	require.Equal(t, []float32{1, 1, 1, 0, 0}, []float32{c.EmbedScale, c.ResScale, c.LogitScale, c.AttnCap, c.FinalCap})
	spec := kvcache.LayerSpec{KVHeads: 2, KDim: 32, VDim: 32, QHeads: 4, Scale: c.AttnScale}
	require.Equal(t, []kvcache.LayerSpec{spec, spec}, c.CacheLayers())

	c, err = config(t, tinymodel.Spec{Arch: "llama", Rope: tinymodel.RopeLinear}, func(m *tinymodel.Model) {
		m.Set("rope.scaling.type", gguf.Scalar("none"))
	})
	require.NoError(t, err)
	require.Equal(t, 1.0, c.RopeFactor, "no scaling at all")

	_, err = config(t, tinymodel.Spec{Arch: "llama"}, func(m *tinymodel.Model) {
		m.Remove("vocab_size")
		m.Drop("token_embd.weight")
	})
	require.ErrorContains(t, err, "no vocabulary")
}

// Which layers slide, and how far they see.
func TestWindows(t *testing.T) {
	pattern := func(n uint32) func(*tinymodel.Model) {
		return func(m *tinymodel.Model) { m.Set("attention.sliding_window_pattern", gguf.Scalar(n)) }
	}
	for name, tc := range map[string]struct {
		arch   string
		change func(m *tinymodel.Model)
		want   []int
	}{
		"gemma2":                 {"gemma2", nil, []int{8, 0, 8, 0}},
		"gemma2 by default":      {"gemma2", func(m *tinymodel.Model) { m.Remove("attention.sliding_window") }, []int{4096, 0, 4096, 0}},
		"gemma3":                 {"gemma3", nil, []int{8, 8, 0, 8}},
		"gemma3, usual pattern":  {"gemma3", func(m *tinymodel.Model) { m.Remove("attention.sliding_window_pattern") }, []int{8, 8, 8, 8}},
		"gemma3, no window":      {"gemma3", func(m *tinymodel.Model) { m.Remove("attention.sliding_window") }, []int{0, 0, 0, 0}},
		"pattern of nothing":     {"gemma3", pattern(0), []int{8, 8, 8, 8}},
		"pattern of one":         {"gemma3", pattern(1), []int{0, 0, 0, 0}},
		"pattern of two":         {"gemma3", pattern(2), []int{8, 0, 8, 0}},
		"olmo2":                  {"olmo2", nil, []int{0, 0, 0, 0}},
		"gpt-oss":                {"gpt-oss", nil, []int{8, 0, 8, 0}},
		"llama ignores a window": {"llama", func(m *tinymodel.Model) { m.Set("attention.sliding_window", gguf.Scalar(uint32(8))) }, []int{0, 0}},
		"phi3 ignores a window":  {"phi3", func(m *tinymodel.Model) { m.Set("attention.sliding_window", gguf.Scalar(uint32(8))) }, []int{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config(t, tinymodel.Spec{Arch: tc.arch}, tc.change)
			require.NoError(t, err)
			require.Equal(t, tc.want, c.Windows)
		})
	}
}

// The largest Gemmas scale queries by the embedding, not by the head.
func TestWideGemma(t *testing.T) {
	for arch, layers := range map[string]uint32{"gemma2": 46, "gemma3": 62} {
		c, err := config(t, tinymodel.Spec{Arch: arch}, func(m *tinymodel.Model) { m.Set("block_count", gguf.Scalar(layers)) })
		require.NoError(t, err)
		require.Equal(t, float32(1/math.Sqrt(64.0/4)), c.AttnScale)
		c, err = config(t, tinymodel.Spec{Arch: arch}, nil)
		require.NoError(t, err)
		require.Equal(t, float32(1/math.Sqrt(32)), c.AttnScale)
	}
}

// Scales and caps that a file leaves out have the values of the architecture.
func TestScaleDefaults(t *testing.T) {
	c, err := config(t, tinymodel.Spec{Arch: "gemma2"}, func(m *tinymodel.Model) {
		m.Remove("attn_logit_softcapping")
		m.Remove("final_logit_softcapping")
	})
	require.NoError(t, err)
	require.Equal(t, []float32{50, 30, 8}, []float32{c.AttnCap, c.FinalCap, c.EmbedScale})
	c, err = config(t, tinymodel.Spec{Arch: "gemma3"}, nil)
	require.NoError(t, err)
	require.Equal(t, []float32{0, 0}, []float32{c.AttnCap, c.FinalCap})
	require.Equal(t, []float64{1e6, 10000}, []float64{c.RopeBase, c.WindowBase})
	c, err = config(t, tinymodel.Spec{Arch: "granite"}, func(m *tinymodel.Model) {
		m.Remove("embedding_scale")
		m.Remove("residual_scale")
		m.Set("logit_scale", gguf.Scalar(float32(0)))
		m.Remove("attention.scale")
	})
	require.NoError(t, err)
	require.Equal(t, []float32{1, 1, 1, float32(1 / math.Sqrt(32))}, []float32{c.EmbedScale, c.ResScale, c.LogitScale, c.AttnScale})
	_, err = config(t, tinymodel.Spec{Arch: "granite"}, func(m *tinymodel.Model) { m.Set("rope.scaling.finetuned", gguf.Scalar("no")) })
	require.ErrorIs(t, err, model.ErrBadModel)
}

func TestArchNames(t *testing.T) {
	require.Equal(t, tinymodel.Archs(), model.ArchNames())
	for name, a := range model.Archs {
		require.Equal(t, name, a.Name)
	}
}
