package kvasir_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/golden"
	"kvasir/internal/tinymodel"
	"kvasir/kernels"
)

// policySpecs are all cache policies with a budget.
func policySpecs(budget string) []string {
	return []string{
		"sinks:budget=" + budget,
		"snapkv:budget=" + budget + ",decode=40",
		"snapkv:budget=" + budget + ",kernel=7,pool=max,group=max,recent=half",
		"chelsea:budget=" + budget,
		"chelsea:budget=" + budget + ",keys=baked,partition=sequential",
		"lacache:budget=" + budget,
		"auto:budget=" + budget,
		"auto:budget=" + budget + ",cheap=1",
	}
}

// afterPrompt prefills a prompt and returns the logits after each token that
// follows.
func afterPrompt(t *testing.T, eng *kvasir.Engine, prompt, rest []int32) [][]float32 {
	t.Helper()
	ctx := context.Background()
	s := newSession(t, eng)
	defer s.Close()
	require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: prompt}))
	var out [][]float32
	for _, id := range rest { // as decoding does
		require.NoError(t, s.Logits(ctx, []int32{id}, func(_ int, x []float32) error {
			out = append(out, append([]float32(nil), x...))
			return nil
		}))
	}
	return out
}

// differs is the largest difference of two lists of logits.
func differs(a, b [][]float32) (most float64) {
	for i := range a {
		for j := range a[i] {
			most = max(most, math.Abs(float64(a[i][j]-b[i][j])))
		}
	}
	return most
}

// With a budget that nothing exceeds a policy changes nothing: logits are those
// of the dense cache to the bit, or within 1e-3 where keys are rotated on load.
func TestPoliciesWithRoomChangeNothing(t *testing.T) {
	check := func(t *testing.T, path string, ids []int32, o kvasir.Options, tolerance float64) {
		n := len(ids) * 3 / 4
		dense := openFile(t, path, o)
		want := afterPrompt(t, dense, ids[:n], ids[n:])
		for _, kv := range policySpecs("400") {
			o.KV = kv
			got := afterPrompt(t, openFile(t, path, o), ids[:n], ids[n:])
			if kv[:4] == "laca" {
				require.Less(t, differs(want, got), tolerance, kv)
			} else {
				require.Equal(t, want, got, kv)
			}
		}
	}
	for name, spec := range map[string]tinymodel.Spec{"global": textSpec, "windows": windowSpec} {
		t.Run(name, func(t *testing.T) {
			check(t, tinyFile(t, spec), tinymodel.IDs(200, 200), kvasir.Options{KVType: "f32"}, 1e-3)
		})
	}
	t.Run("smollm2", func(t *testing.T) {
		if testing.Short() || kernels.Current() == kernels.Generic {
			t.Skip("takes long")
		}
		check(t, golden.Model(t, "smollm2"), tinymodel.IDs(80, 20000), kvasir.Options{Context: 512, KVType: "f32", Precision: "high"}, 0.02) // activations of 15 bits magnify the rounding of rotations
	})
}

func openFile(t *testing.T, path string, o kvasir.Options) *kvasir.Engine {
	t.Helper()
	eng, err := kvasir.Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng
}

// What a policy decides does not depend on the number of threads nor on how the
// prompt was cut into passes, and it does decide something.
func TestPoliciesAreDeterministic(t *testing.T) {
	path := tinyFile(t, textSpec)
	ids := tinymodel.IDs(380, 200)
	want := afterPrompt(t, openFile(t, path, kvasir.Options{}), ids[:250], ids[250:])
	for _, kv := range policySpecs("64") {
		var first [][]float32
		for _, o := range []kvasir.Options{{Threads: 1}, {Threads: 2, Batch: 64}, {Threads: 4, Batch: 37}} {
			o.KV = kv
			got := afterPrompt(t, openFile(t, path, o), ids[:250], ids[250:])
			if first == nil {
				first = got
				require.Greater(t, differs(want, got), 1e-4, "%s did nothing", kv)
			}
			require.Equal(t, first, got, "%s, %d threads, passes of %d", kv, o.Threads, o.Batch)
		}
	}
}

// Every policy that holds a budget generates far beyond the context.
func TestPoliciesGoOnForEver(t *testing.T) {
	for _, kv := range policySpecs("64") {
		if kv == "snapkv:budget=64,kernel=7,pool=max,group=max,recent=half" {
			continue // keeps all that is generated
		}
		eng := openTiny(t, tinymodel.Spec{Arch: "qwen2", Text: true, Context: 160}, kvasir.Options{KV: kv})
		s := newSession(t, eng)
		require.NoError(t, s.Prefill(context.Background(), kvasir.Prompt{Tokens: tinymodel.IDs(140, 200)}))
		for range 700 {
			require.NoError(t, s.Logits(context.Background(), []int32{7}, func(_ int, x []float32) error {
				require.False(t, math.IsNaN(float64(x[0])))
				return nil
			}), kv)
		}
		require.Equal(t, 840, s.Len())
	}
}
