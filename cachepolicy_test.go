package kvasir_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
	"kvasir/kvcache"
)

func sessionWith(t testing.TB, eng *kvasir.Engine, kv string) *kvasir.Session {
	t.Helper()
	s, err := eng.NewSessionWith(kvasir.SessionOptions{KV: kv})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// A budget that is never reached changes nothing: to the bit where keys are
// stored rotated, within rounding where they are rotated on load.
func TestBudgetAboveContextChangesNothing(t *testing.T) {
	ctx := context.Background()
	for name, spec := range map[string]tinymodel.Spec{"global": textSpec, "windows": windowSpec} {
		for _, ty := range []string{"i16", "f16", "f32"} {
			eng := openTiny(t, spec, kvasir.Options{Batch: 64, KVType: ty})
			ids := tinymodel.IDs(300, eng.Info().Vocabulary)
			run := func(kv string) (out []float32) {
				s := sessionWith(t, eng, kv)
				require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids[:200]}))
				out = append(out, sessionLogits(t, s)...)
				require.NoError(t, s.Logits(ctx, ids[200:], func(_ int, x []float32) error {
					out = append(out, x...)
					return nil
				}))
				require.True(t, s.CacheStats().Exact)
				return out
			}
			want := run("dense")
			for _, p := range kvcache.PolicyNames() {
				if p == "dense" {
					continue
				}
				t.Run(fmt.Sprint(name, "/", ty, "/", p), func(t *testing.T) {
					tol := 0.0
					if p == "lacache" {
						tol = 1e-3
						if ty != "f32" {
							tol = 2e-2 // keys are rounded before their rotation instead of after it
						}
					}
					got := run(p + ":budget=512")
					for i := range want {
						if d := math.Abs(float64(want[i] - got[i])); d > tol {
							require.Failf(t, "logits", "value %d: %g and %g", i, want[i], got[i])
						}
					}
				})
			}
		}
	}
}

// Policies that hold a budget go on beyond the context, in fixed memory; their
// forks agree to the bit and the session goes on after a prompt was cut.
func TestEndlessGeneration(t *testing.T) {
	ctx := context.Background()
	for _, spec := range []tinymodel.Spec{textSpec, windowSpec} {
		eng := openTiny(t, spec, kvasir.Options{Batch: 32, Context: 256})
		vocab := eng.Info().Vocabulary
		for _, kv := range []string{"sinks:budget=96", "lacache:budget=96", "chelsea:budget=96", "auto:budget=96", "snapkv:budget=64,decode=32"} {
			t.Run(fmt.Sprint(spec.Arch, "/", kv), func(t *testing.T) {
				s := sessionWith(t, eng, kv)
				ids := tinymodel.IDs(700, vocab)
				require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids[:600]}), "a prompt longer than the context")
				for _, id := range ids[600:] {
					require.NoError(t, s.NextLogits(ctx, []int32{id}, func([]float32) error { return nil }))
				}
				st := s.CacheStats()
				require.False(t, st.Exact)
				require.Equal(t, 700, st.Tokens)
				require.LessOrEqual(t, st.Slots, 96.0+32)
				require.Positive(t, st.Compactions)
				f, err := s.Fork()
				require.NoError(t, err)
				a := generate(t, s, kvasir.Prompt{}, script(kvasir.GenerateOptions{MaxTokens: 60}, 700, ids))
				b := generate(t, f, kvasir.Prompt{}, script(kvasir.GenerateOptions{MaxTokens: 60}, 700, ids))
				require.Equal(t, a.ids, b.ids)
				require.Equal(t, sessionLogits(t, s), sessionLogits(t, f), "a fork")
				require.NoError(t, f.Close())
			})
		}
	}
}

func TestPolicyErrors(t *testing.T) {
	for _, kv := range []string{"nothing", "sinks:budget", "sinks:budget=-1", "sinks:colour=red", "dense:budget=4"} {
		_, err := kvasir.Open(tinyFile(t, textSpec), kvasir.Options{KV: kv})
		require.ErrorContains(t, err, "kv", kv)
	}
	_, err := kvasir.Open(tinyFile(t, textSpec), kvasir.Options{KV: "sinks:budget=100", KVBudget: 90})
	require.ErrorContains(t, err, "kv-budget")
	eng := openTiny(t, textSpec, kvasir.Options{KV: "sinks", KVBudget: 90})
	require.Equal(t, "sinks:budget=90", newSession(t, eng).CacheStats().Policy)
}

// everyOther is a cache policy of somebody else: after a prompt it keeps the
// newest 32 tokens and every other one before.
type everyOther struct{}

func (everyOther) Name() string { return "everyother" }
func (everyOther) Help() string { return "drops every other token of a prompt; no parameters" }

func (everyOther) New(p kvcache.Params, _ *kvcache.Config) (kvcache.State, error) {
	return &everyOtherState{}, p.Only()
}

type everyOtherState struct{ cut bool }

func (s *everyOtherState) Needs() kvcache.Needs { return kvcache.Needs{} }
func (s *everyOtherState) Exact() bool          { return !s.cut }
func (s *everyOtherState) Due(e kvcache.Event) bool {
	return e.Kind == kvcache.EndOfPrompt && e.Live > 32
}
func (s *everyOtherState) Clone() kvcache.State         { c := *s; return &c }
func (s *everyOtherState) UnmarshalBinary([]byte) error { s.cut = true; return nil }

func (s *everyOtherState) MarshalBinary() ([]byte, error) { return nil, nil }

func (s *everyOtherState) Compact(_ kvcache.Event, c *kvcache.Compaction) error {
	s.cut = true
	return c.Each(func(_, lane int) error {
		n, p := c.Lane(lane).Len(), c.Plan(lane)
		for slot := range n {
			if slot%2 == 0 || slot >= n-32 {
				p.Keep = append(p.Keep, int32(slot))
			}
		}
		return nil
	})
}

// A cache policy that the engine does not know of.
func ExampleEngine_NewSessionWith() {
	kvcache.Policies["everyother"] = everyOther{} // before the first engine
	path, remove := exampleModel()
	defer remove()
	eng, err := kvasir.Open(path, kvasir.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	s, err := eng.NewSessionWith(kvasir.SessionOptions{KV: "everyother"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	prompt := kvasir.Prompt{Tokens: tinymodel.IDs(232, eng.Info().Vocabulary)}
	if err := s.Prefill(context.Background(), prompt); err != nil {
		log.Fatal(err)
	}
	c := s.CacheStats()
	fmt.Printf("%d tokens, %.0f slots, %d dropped over %d cuts, exact: %v\n", c.Tokens, c.Slots, c.Dropped, c.Compactions, c.Exact)
	// Output: 232 tokens, 132 slots, 400 dropped over 1 cuts, exact: false
}
