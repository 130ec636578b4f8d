package eval_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/eval"
	"kvasir/internal/recall"
	"kvasir/internal/recall/testmodel"
)

// recallRunner runs the retrieval model.
func recallRunner(t testing.TB, o kvasir.Options) *eval.Runner {
	t.Helper()
	path := testmodel.Path(t)
	r := &eval.Runner{Options: o, Open: func(o kvasir.Options) (*kvasir.Engine, error) { return kvasir.Open(path, o) }}
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// TestRecall: with the full cache the retrieval model answers, at any depth of any
// length that it is made for.
func TestRecall(t *testing.T) {
	o := eval.NeedleOptions{Ctx: []int{512, 2048}, Depths: []int{0, 13, 37, 50, 61, 88, 97}, Keys: 2, Seeds: []uint64{1, 2}}
	if !testing.Short() {
		o.Ctx = append(o.Ctx, 3072)
	}
	r := recallRunner(t, kvasir.Options{Context: testmodel.Context, Batch: 512})
	res, err := r.Needle(context.Background(), []eval.Setting{eval.Dense()}, o)
	require.NoError(t, err)
	require.Equal(t, "recall", res[0].Task)
	for _, c := range res[0].Cells {
		t.Logf("context %d depth %d: %g of %d, nll %.4f", c.Ctx, c.Depth, c.Right, c.N, c.NLL)
	}
	require.GreaterOrEqual(t, res[0].Score, 0.99)
	require.Less(t, *res[0].NLL, 0.5)
}

// TestRecallNeedsTheCache: what keeps only the newest slots finds what is among
// them, and nothing else.
func TestRecallNeedsTheCache(t *testing.T) {
	r := recallRunner(t, kvasir.Options{Context: 1024, Batch: 512})
	set, err := eval.ParseSettings([]string{"sinks:budget=256", "sinks:budget=4096"}, nil, nil)
	require.NoError(t, err)
	res, err := r.Needle(context.Background(), set, eval.NeedleOptions{
		Ctx: []int{1024}, Depths: []int{10, 30, 50, 95}, Keys: 4, Seeds: []uint64{3},
	})
	require.NoError(t, err)
	require.LessOrEqual(t, *res[0].Far, 0.1)
	require.GreaterOrEqual(t, res[0].Cells[3].Right, 4*0.99)
	require.Less(t, res[0].Ratio, 0.4)
	require.Equal(t, res[1].ScoreDense, res[1].Score, "a budget above the context changes nothing")
	require.Equal(t, *res[1].NLLDense, *res[1].NLL)
}

// TestRecallStream: on documents of its stream the model knows the answers and what
// noise follows what (4.85 nats when nothing is known, 1.11 at best).
func TestRecallStream(t *testing.T) {
	eng, err := kvasir.Open(testmodel.Path(t), kvasir.Options{Context: 512})
	require.NoError(t, err)
	defer eng.Close()
	var sum [8]float64
	var n [8]int
	for doc := range uint64(6) {
		ids, classes := recall.Document(recall.Evaluation, doc, 512)
		s, err := eng.NewSession()
		require.NoError(t, err)
		require.NoError(t, s.Logits(context.Background(), ids[:511], func(pos int, logits []float32) error {
			top, lse := float64(logits[0]), 0.0
			for _, v := range logits {
				top = max(top, float64(v))
			}
			for _, v := range logits {
				lse += math.Exp(float64(v) - top)
			}
			c := classes[pos+1]
			sum[c] += top + math.Log(lse) - float64(logits[ids[pos+1]])
			n[c]++
			return nil
		}))
		require.NoError(t, s.Close())
	}
	for c, k := range n {
		if k > 0 {
			t.Logf("class %d: %.3f nats over %d", c, sum[c]/float64(k), k)
		}
	}
	require.Less(t, sum[recall.ClassAnswer]/float64(n[recall.ClassAnswer]), 0.5)
	require.Less(t, sum[recall.ClassNoise]/float64(n[recall.ClassNoise]), 2.8)
}
