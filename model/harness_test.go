package model_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/attention"
	"kvasir/internal/gguf"
	"kvasir/internal/parallel"
	"kvasir/internal/tinymodel"
	"kvasir/kvcache"
	"kvasir/model"
)

// setup says how a test opens a model; zero fields get the values of fill.
type setup struct {
	threads, rows, ctx int
	kv                 kvcache.DType
	prec               model.Precision
}

func (s setup) fill() setup {
	if s.threads == 0 {
		s.threads = 2
	}
	if s.ctx == 0 {
		s.ctx = 256
	}
	if s.rows == 0 {
		s.rows = s.ctx
	}
	return s
}

// runner is a model with all that a forward pass needs.
type runner struct {
	model *model.Model
	cache *kvcache.Cache
	state *model.State
}

// open loads a model file for the duration of the test.
func open(t testing.TB, path string, s setup) *runner {
	t.Helper()
	s = s.fill()
	f, err := gguf.Open(path, gguf.Options{})
	require.NoError(t, err)
	pool := parallel.New(s.threads)
	m, err := model.Load(f, pool, s.ctx)
	require.NoError(t, err)
	cache, err := kvcache.Open(kvcache.Config{Layers: m.CacheLayers(), K: s.kv, V: s.kv, Ctx: s.ctx})
	require.NoError(t, err)
	sel, err := attention.Lookup("")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, cache.Close())
		pool.Close()
		require.NoError(t, m.Close())
		require.NoError(t, f.Close())
	})
	return &runner{model: m, cache: cache, state: m.NewState(pool, cache, sel, s.prec, s.rows)}
}

// openTiny writes a small model and loads it.
func openTiny(t testing.TB, spec tinymodel.Spec, s setup) *runner {
	t.Helper()
	return open(t, writeTiny(t, spec), s)
}

func writeTiny(t testing.TB, spec tinymodel.Spec) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, tinymodel.Write(path, spec))
	return path
}

// seq starts a sequence that ends with the test.
func (r *runner) seq(t testing.TB) *kvcache.Seq {
	t.Helper()
	s, err := r.cache.NewSeq("")
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// logits appends ids to a sequence in passes of at most chunk tokens and
// returns the logits of all of them.
func (r *runner) logits(t testing.TB, s *kvcache.Seq, ids []int32, chunk int) [][]float32 {
	t.Helper()
	out := make([][]float32, 0, len(ids))
	for len(ids) > 0 {
		n := min(chunk, len(ids))
		require.NoError(t, r.pass(&out, ids[:n], kvcache.Rows{Seq: s, N: n}))
		ids = ids[n:]
	}
	return out
}

// pass runs one forward pass that wants all logits and appends them to out.
func (r *runner) pass(out *[][]float32, ids []int32, rows ...kvcache.Rows) error {
	want := make([]bool, len(ids))
	for i := range want {
		want[i] = true
	}
	b := &model.Batch{Rows: rows, Tokens: ids, Want: want}
	return r.state.Forward(context.Background(), r.cache, b, func(_ int, x []float32) error {
		*out = append(*out, append([]float32(nil), x...))
		return nil
	})
}

// requireSame fails at the first logit that is not the same to the bit.
func requireSame(t testing.TB, want, got [][]float32, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i := range want {
		requireSameRow(t, want[i], got[i], fmt.Sprintf("%s: position %d", what, i))
	}
}

func requireSameRow(t testing.TB, want, got []float32, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			t.Fatalf("%s: logit %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// logSoftmax returns the log-probabilities of logits.
func logSoftmax(x []float32) []float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, float64(v))
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v) - top - math.Log(sum)
	}
	return out
}

// divergence returns the mean Kullback-Leibler divergence of got from want.
func divergence(want, got [][]float32) float64 {
	sum := 0.0
	for i := range want {
		p, q := logSoftmax(want[i]), logSoftmax(got[i])
		for j := range p {
			sum += math.Exp(p[j]) * (p[j] - q[j])
		}
	}
	return sum / float64(len(want))
}
