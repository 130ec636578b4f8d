package model_test

import (
	"context"
	"math"
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

// fuzzSpecs are the models that FuzzLoad damages.
var fuzzSpecs = []tinymodel.Spec{
	{Arch: "llama", Rope: tinymodel.RopeYarn}, {Arch: "gemma2"}, {Arch: "gemma3"}, {Arch: "phi3", Rope: tinymodel.RopeLong},
	{Arch: "granite", MoE: true}, {Arch: "gpt-oss", Rope: tinymodel.RopeYarn}, {Arch: "qwen3moe", Type: quant.Q8_0}, {Arch: "olmo2", Window: 8},
}

// FuzzLoad changes two metadata entries and the shape of a tensor: a model is
// refused with an error that can be told, or it runs.
func FuzzLoad(f *testing.F) {
	var models []*tinymodel.Model
	for _, spec := range fuzzSpecs {
		m, err := tinymodel.New(spec)
		if err != nil {
			f.Fatal(err)
		}
		models = append(models, m)
	}
	for i := range fuzzSpecs {
		f.Add(byte(i), byte(5), byte(0), uint64(2), byte(13), byte(2), uint64(math.Float32bits(1e-3)), byte(0), byte(0), int8(0))
		f.Add(byte(i), byte(7), byte(3), uint64(0x00030002_00000001), byte(9), byte(1), uint64(8), byte(4), byte(1), int8(1))
	}
	f.Fuzz(func(t *testing.T, which, key1, kind1 byte, value1 uint64, key2, kind2 byte, value2 uint64, tensor, dim byte, by int8) {
		m := models[int(which)%len(models)].Clone()
		damageKey(m, key1, kind1, value1)
		damageKey(m, key2, kind2, value2)
		if x := m.Tensors[int(tensor)%len(m.Tensors)]; by != 0 {
			dims := append([]int(nil), x.Dims...)
			dims[int(dim)%len(dims)] += int(by)
			if dims[int(dim)%len(dims)] < 1 || x.Resize(dims...) != nil {
				return
			}
		}
		data, err := m.Bytes()
		if err != nil {
			return
		}
		file, err := gguf.ParseBytes(data)
		if err != nil {
			return
		}
		runDamaged(t, file)
	})
}

// damageKey replaces the value of one entry.
func damageKey(m *tinymodel.Model, key, kind byte, value uint64) {
	kv := &m.KV[int(key)%len(m.KV)]
	switch kind % 8 {
	case 0:
		kv.Value = gguf.Scalar(uint32(value))
	case 1:
		kv.Value = gguf.Scalar(int64(value))
	case 2:
		kv.Value = gguf.Scalar(math.Float32frombits(uint32(value)))
	case 3:
		kv.Value = gguf.Array([]uint32{uint32(value), uint32(value >> 8), uint32(value >> 16), uint32(value >> 32)})
	case 4:
		kv.Value = gguf.Array([]bool{value&1 > 0, value&2 > 0, value&4 > 0, value&8 > 0})
	case 5:
		kv.Value = gguf.Scalar([]string{"linear", "yarn", "longrope", "none", "llama", "gemma3", ""}[value%7])
	case 6:
		kv.Value = gguf.Scalar(value&1 > 0)
	}
}

func runDamaged(t *testing.T, file *gguf.File) {
	pool := parallel.New(1)
	defer pool.Close()
	m, err := model.Load(file, pool, 64)
	if err != nil {
		requireRefused(t, err)
		return
	}
	defer m.Close()
	cache, err := kvcache.Open(kvcache.Config{Layers: m.CacheLayers(), Ctx: 64})
	require.NoError(t, err)
	defer cache.Close()
	sel, err := attention.Lookup("")
	require.NoError(t, err)
	seq, err := cache.NewSeq("")
	require.NoError(t, err)
	defer seq.Close()
	n := min(5, m.Config().VocabSize)
	b := &model.Batch{Rows: []kvcache.Rows{{Seq: seq, N: n}}, Want: make([]bool, n)}
	for i := range n {
		b.Tokens = append(b.Tokens, int32(m.Config().VocabSize-1-i))
	}
	b.Want[n-1] = true
	state := m.NewState(pool, cache, sel, model.Standard, 8)
	require.NoError(t, state.Forward(context.Background(), cache, b, func(int, []float32) error { return nil }))
}
