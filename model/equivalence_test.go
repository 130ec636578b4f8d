package model_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
	"kvasir/internal/tinymodel"
	"kvasir/quant"
)

// Files that say the same in different words give the same logits to the bit.
func TestEquivalentFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		spec   tinymodel.Spec
		change func(t *testing.T, m *tinymodel.Model)
	}{
		"one tensor an expert": {tinymodel.Spec{Arch: "llama", MoE: true, Type: quant.Q4_0}, splitExperts},
		"fused queries, keys and values": {tinymodel.Spec{Arch: "qwen2", Type: quant.Q8_0}, func(_ *testing.T, m *tinymodel.Model) {
			fuse(m, "weight", "bias")
		}},
		"fused weights with separate biases": {tinymodel.Spec{Arch: "qwen2"}, func(_ *testing.T, m *tinymodel.Model) {
			fuse(m, "weight")
		}},
		"padded vocabulary": {tinymodel.Spec{Arch: "llama"}, func(t *testing.T, m *tinymodel.Model) {
			require.NoError(t, m.Tensor("token_embd.weight").Resize(64, 160))
		}},
		"vocabulary size left to the embedding": {tinymodel.Spec{Arch: "llama"}, func(t *testing.T, m *tinymodel.Model) {
			m.Remove("vocab_size")
		}},
		"key-value heads of each layer": {tinymodel.Spec{Arch: "llama"}, func(t *testing.T, m *tinymodel.Model) {
			m.Set("attention.head_count_kv", gguf.Array([]uint32{2, 2}))
		}},
		"feed-forward length of each layer": {tinymodel.Spec{Arch: "gemma3"}, func(t *testing.T, m *tinymodel.Model) {
			m.Set("feed_forward_length", gguf.Array([]int32{64, 64, 64, 64, 64}))
		}},
		"length of experts by its old key": {tinymodel.Spec{Arch: "llama", MoE: true}, func(t *testing.T, m *tinymodel.Model) {
			m.Remove("expert_feed_forward_length")
		}},
		"length of all experts in use": {tinymodel.Spec{Arch: "qwen3moe"}, func(t *testing.T, m *tinymodel.Model) {
			m.Remove("expert_feed_forward_length") // 64 = 2 of 32
		}},
		"pattern as an array": {tinymodel.Spec{Arch: "gemma3"}, func(t *testing.T, m *tinymodel.Model) {
			m.Set("attention.sliding_window_pattern", gguf.Array([]bool{true, true, false, true}))
		}},
		"pattern as an array of numbers": {tinymodel.Spec{Arch: "gemma2"}, func(t *testing.T, m *tinymodel.Model) {
			m.Set("attention.sliding_window_pattern", gguf.Array([]int32{1, 0, 1, 0}))
		}},
		"factor of positions by its old key": {tinymodel.Spec{Arch: "llama", Rope: tinymodel.RopeLinear}, func(t *testing.T, m *tinymodel.Model) {
			m.Remove("rope.scaling.factor")
			m.Set("rope.scale_linear", gguf.Scalar(float32(4)))
		}},
		"integers of other widths": {tinymodel.Spec{Arch: "llama"}, func(t *testing.T, m *tinymodel.Model) {
			m.Set("block_count", gguf.Scalar(uint64(2)))
			m.Set("attention.head_count", gguf.Scalar(int32(4)))
			m.Set("context_length", gguf.Scalar(uint16(128)))
		}},
		"tensors in another order, and one too many": {tinymodel.Spec{Arch: "qwen3"}, func(t *testing.T, m *tinymodel.Model) {
			slices.Reverse(m.Tensors)
			m.Tensors = append(m.Tensors, &tinymodel.Tensor{Name: "unknown", Dims: []int{1}, Type: quant.F32, Data: make([]byte, 4)})
		}},
		"a trailing dimension of one": {tinymodel.Spec{Arch: "llama"}, func(t *testing.T, m *tinymodel.Model) {
			for _, x := range m.Tensors {
				x.Dims = append(x.Dims, 1)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := tinymodel.New(tc.spec)
			require.NoError(t, err)
			run := func(file string) [][]float32 {
				path := filepath.Join(t.TempDir(), file)
				require.NoError(t, m.Write(path))
				r := open(t, path, setup{})
				return r.logits(t, r.seq(t), tinymodel.IDs(70, 131), 70)
			}
			want := run("a.gguf")
			tc.change(t, m)
			requireSame(t, want, run("b.gguf"), "the other file")
		})
	}
}

// splitExperts stores each expert in a tensor of its own.
func splitExperts(_ *testing.T, m *tinymodel.Model) {
	for _, x := range slices.Clone(m.Tensors) {
		base, ok := strings.CutSuffix(x.Name, "_exps.weight")
		if !ok {
			continue
		}
		m.Drop(x.Name)
		n := x.Dims[2]
		size := len(x.Data) / n
		for e := range n {
			m.Tensors = append(m.Tensors, &tinymodel.Tensor{
				Name: fmt.Sprintf("%s.%d.weight", base, e), Dims: x.Dims[:2], Type: x.Type, Data: x.Data[e*size : (e+1)*size],
			})
		}
	}
}

// fuse joins queries, keys and values: their weights, their biases or both.
func fuse(m *tinymodel.Model, kinds ...string) {
	for i := range 2 {
		for _, kind := range kinds {
			prefix := fmt.Sprintf("blk.%d.attn_", i)
			fused := &tinymodel.Tensor{Name: prefix + "qkv." + kind}
			rows := 0
			for _, part := range []string{"q.", "k.", "v."} {
				x := m.Tensor(prefix + part + kind)
				m.Drop(x.Name)
				fused.Type = x.Type
				fused.Data = append(fused.Data, x.Data...)
				rows += x.Dims[len(x.Dims)-1]
			}
			fused.Dims = []int{rows}
			if kind == "weight" {
				fused.Dims = []int{64, rows}
			}
			m.Tensors = append(m.Tensors, fused)
		}
	}
}
