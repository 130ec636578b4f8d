package eval_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/eval"
	"kvasir/internal/recall"
	"kvasir/kvcache"
)

// stream is a text of the retrieval model.
func stream(n int) []int32 {
	ids, _ := recall.Document(recall.Evaluation, 7, n)
	return ids
}

// TestRoomChangesNothing: a budget beyond the context leaves every policy that
// stores rotated keys with the logits of the dense cache, in both modes.
func TestRoomChangesNothing(t *testing.T) {
	r := recallRunner(t, kvasir.Options{Context: 512})
	var specs []string
	for name := range kvcache.Policies {
		if name != "dense" {
			name += ":budget=512"
		}
		specs = append(specs, name)
	}
	set, err := eval.ParseSettings(specs, nil, nil)
	require.NoError(t, err)
	for _, mode := range []string{eval.After, eval.Continuous} {
		res, err := r.KV(context.Background(), stream(192), set, eval.KVOptions{Ctx: 96, Mode: mode, BOS: recall.BOS})
		require.NoError(t, err)
		for _, k := range res {
			limit := 0.0
			if k.Policy == "lacache" { // rotates keys when they are read
				limit = 1e-6
			}
			require.LessOrEqual(t, k.KLMax, limit, "%s, %s", k.KV, mode)
			require.Equal(t, 2, k.Windows)
			require.Greater(t, k.Bytes, int64(0))
			if limit == 0 {
				require.Equal(t, k.PPLDense, k.PPL)
				require.Equal(t, 1.0, k.Top1Agree)
			}
		}
	}
}

// TestKVCosts: what is dropped is seen, in bytes and in loss, and the same every
// time; storage types share one dense pass.
func TestKVCosts(t *testing.T) {
	r := recallRunner(t, kvasir.Options{Context: 512})
	set, err := eval.ParseSettings([]string{"dense", "sinks:budget=32", "sinks:bytes=1/2"}, []string{"i16", "q4_0"}, nil)
	require.NoError(t, err)
	o := eval.KVOptions{Ctx: 512, Tail: 32, BOS: recall.BOS}
	res, err := r.KV(context.Background(), stream(512), set, o)
	require.NoError(t, err)
	require.Len(t, res, 6)
	require.Zero(t, res[0].KLMax)
	require.Equal(t, 1.0, res[0].Ratio)
	require.InDelta(t, 18.0/66, res[1].Ratio, 0.01, "q4_0")
	require.Greater(t, res[1].KLMean, 0.0)
	require.Greater(t, res[2].KLMean, 0.0)
	require.Less(t, res[2].Ratio, 0.2)
	require.Positive(t, res[2].Compactions)
	require.LessOrEqual(t, res[4].Ratio, 0.5)
	require.Greater(t, res[4].Ratio, 0.4, "the largest budget that fits")
	require.Greater(t, res[5].Budget, res[4].Budget, "a smaller type holds more slots")
	for i := range res {
		require.Equal(t, res[0].PPLDense, res[i].PPLDense)
		require.Equal(t, 31, res[i].Scored)
	}
	again, err := r.KV(context.Background(), stream(512), set, o)
	require.NoError(t, err)
	require.Equal(t, res, again)
}

func TestKVRefuses(t *testing.T) {
	r := recallRunner(t, kvasir.Options{Context: 256})
	dense := []eval.Setting{eval.Dense()}
	for name, o := range map[string]eval.KVOptions{
		"mode": {Ctx: 96, Mode: "later"},
		"tail": {Ctx: 96, Tail: 96},
		"from": {Ctx: 96, From: 96, Mode: eval.Continuous},
	} {
		_, err := r.KV(context.Background(), stream(192), dense, o)
		require.ErrorIs(t, err, eval.ErrSetting, name)
	}
	_, err := r.KV(context.Background(), stream(64), dense, eval.KVOptions{Ctx: 96})
	require.ErrorIs(t, err, eval.ErrShortText)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = r.KV(ctx, stream(192), dense, eval.KVOptions{Ctx: 96, BOS: -1})
	require.ErrorIs(t, err, context.Canceled)
}

// TestMemory: the parts add up, and a policy with a budget ends the growth.
func TestMemory(t *testing.T) {
	r := recallRunner(t, kvasir.Options{Context: 256})
	set, err := eval.ParseSettings([]string{"dense", "sinks:budget=64"}, nil, nil)
	require.NoError(t, err)
	res, err := r.Memory(context.Background(), stream(128), set, eval.MemoryOptions{Prompt: 32, Tokens: 320, Every: 64})
	require.NoError(t, err)
	require.NotEmpty(t, res[0].Ended, "the dense cache is full before")
	require.Empty(t, res[1].Ended)
	last := res[1].Series[len(res[1].Series)-1]
	require.Equal(t, 320, last.Tokens)
	require.LessOrEqual(t, last.Slots, 96.0)
	require.Less(t, last.KV, res[0].KVPeak)
	for _, m := range res {
		for _, s := range m.Series {
			require.LessOrEqual(t, s.Weights+s.KV, s.RSS)
			require.Equal(t, s.RSS, s.Weights+s.KV+s.Other)
		}
	}
	_, err = r.Memory(context.Background(), nil, set, eval.MemoryOptions{Tokens: 1, Every: 1})
	require.ErrorIs(t, err, eval.ErrShortText)
	_, err = r.Memory(context.Background(), stream(8), set, eval.MemoryOptions{Tokens: 1})
	require.ErrorIs(t, err, eval.ErrSetting)
}

// TestPoliciesFind: with the question in the prompt, what votes keeps the needle.
func TestPoliciesFind(t *testing.T) {
	r := recallRunner(t, kvasir.Options{Context: 1024, Batch: 512})
	set, err := eval.ParseSettings([]string{"snapkv:budget=128", "auto:budget=128", "sinks:budget=128"}, nil, nil)
	require.NoError(t, err)
	res, err := r.Needle(context.Background(), set, eval.NeedleOptions{
		Ctx: []int{1024}, Depths: []int{10, 30, 50, 70}, Keys: 5, Seeds: []uint64{11},
	})
	require.NoError(t, err)
	for i, least := range []float64{0.95, 0.95} {
		require.GreaterOrEqual(t, *res[i].Kept, least, res[i].KV)
	}
	require.LessOrEqual(t, *res[2].Far, 0.1, "what keeps the newest must fail, or the test says nothing")
}
