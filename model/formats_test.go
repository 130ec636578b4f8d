package model_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/tinymodel"
	"kvasir/kernels"
	"kvasir/kvcache"
	"kvasir/model"
	"kvasir/quant"
)

// Weights of every format run, near the model with the same weights in f32, and
// a token at a time as in one pass. Float weights are exact, but for BF16 where
// activations are rounded; with quantized activations high precision is nearer than the standard one.
func TestFormats(t *testing.T) {
	for typ, f := range quant.Formats {
		t.Run(f.Name, func(t *testing.T) {
			spec := tinymodel.Spec{Arch: "llama", Wide: true, Type: typ, Untied: true}
			path := writeTiny(t, spec)
			spec.Decoded = true
			plain := openTiny(t, spec, setup{kv: kvcache.F32})
			n := 64
			if slow() {
				n = 20
			}
			ids := tinymodel.IDs(n, plain.model.Config().VocabSize)
			want := plain.logits(t, plain.seq(t), ids, n)
			var kl [2]float64
			for _, prec := range []model.Precision{model.Standard, model.High} {
				r := open(t, path, setup{kv: kvcache.F32, prec: prec})
				got := r.logits(t, r.seq(t), ids, n)
				requireSame(t, got, r.logits(t, r.seq(t), ids, 1), "token by token")
				kl[prec] = divergence(want, got)
			}
			t.Logf("KL %.2g at standard, %.2g at high precision", kl[model.Standard], kl[model.High])
			if rounded := typ == quant.BF16 && kernels.FastBF16(); f.Layout == nil {
				require.Equal(t, rounded, kl[model.Standard] > 0)
				require.Less(t, kl[model.Standard], 1e-3)
				require.Zero(t, kl[model.High])
				return
			}
			require.Positive(t, kl[model.Standard])
			require.Less(t, kl[model.Standard], 4e-3)
			require.Less(t, kl[model.High], 1e-6)
		})
	}
}

// The packed weights are what they are said to be, and no more.
func TestPackedBytes(t *testing.T) {
	sizes := map[quant.Type]int64{}
	for _, typ := range []quant.Type{quant.F32, quant.F16, quant.Q8_0, quant.Q4_0} {
		r := openTiny(t, tinymodel.Spec{Arch: "llama", Wide: true, Type: typ}, setup{})
		sizes[typ] = r.model.PackedBytes()
	}
	require.InDelta(t, 2, float64(sizes[quant.F32])/float64(sizes[quant.F16]), 0.01)
	require.InDelta(t, 4.5/8.5, float64(sizes[quant.Q4_0])/float64(sizes[quant.Q8_0]), 0.1)
}
