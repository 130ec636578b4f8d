package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/parallel"
	"kvasir/kvcache"
)

// fixture is one layer with random queries, keys and values for n tokens.
type fixture struct {
	l       Layer
	n       int
	q, k, v []float32
	cache   kvcache.Config
}

func newFixture(l Layer, n int, t kvcache.DType) *fixture {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	f := &fixture{l: l, n: n}
	gen := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	f.q, f.k, f.v = gen(n*l.QHeads*l.KDim), gen(n*l.KVHeads*l.KDim), gen(n*l.KVHeads*l.VDim)
	f.cache = kvcache.Config{
		Layers: []kvcache.LayerSpec{{KVHeads: l.KVHeads, KDim: l.KDim, VDim: l.VDim, Window: l.Window}},
		K:      t, V: t, Ctx: n,
	}
	return f
}

// run computes the attention of all tokens, cut into steps of the given sizes
// (the last one repeats).
func (f *fixture) run(t testing.TB, workers int, sel Selector, chunks ...int) []float32 {
	c, err := kvcache.Open(f.cache)
	require.NoError(t, err)
	s, err := c.NewSeq("")
	require.NoError(t, err)
	pool := parallel.New(workers)
	defer pool.Close()
	r := NewRunner(pool, sel, []Layer{f.l}, f.n, f.n)
	st := kvcache.NewStep(1, f.n)
	tmp := make([]byte, c.TmpBytes())
	l := &f.l
	out := make([]float32, f.n*l.QHeads*l.VDim)
	for from := 0; from < f.n; {
		n := min(chunks[0], f.n-from)
		if len(chunks) > 1 {
			chunks = chunks[1:]
		}
		require.NoError(t, c.Begin(st, []kvcache.Rows{{Seq: s, N: n}}))
		for i := range n {
			p := from + i
			st.Put(0, i, f.k[p*l.KVHeads*l.KDim:(p+1)*l.KVHeads*l.KDim], f.v[p*l.KVHeads*l.VDim:(p+1)*l.KVHeads*l.VDim], tmp)
		}
		require.NoError(t, r.Forward(out[from*l.QHeads*l.VDim:], l, st, f.q[from*l.QHeads*l.KDim:], l.QHeads*l.KDim))
		require.NoError(t, st.Commit())
		from += n
	}
	return out
}

// naive is the definition in float64.
func (f *fixture) naive() []float64 {
	l := &f.l
	out := make([]float64, f.n*l.QHeads*l.VDim)
	for p := range f.n {
		for h := range l.QHeads {
			kv := h / l.Group()
			var w []float64
			lo, sum, top := 0, 0.0, math.Inf(-1)
			if l.Window > 0 {
				lo = max(0, p-l.Window+1)
			}
			for j := lo; j <= p; j++ {
				s := 0.0
				for d := range l.KDim {
					s += float64(f.q[(p*l.QHeads+h)*l.KDim+d]) * float64(f.k[(j*l.KVHeads+kv)*l.KDim+d])
				}
				s *= float64(l.Scale)
				if l.SoftCap > 0 {
					s = float64(l.SoftCap) * math.Tanh(s/float64(l.SoftCap))
				}
				w, top = append(w, s), max(top, s)
			}
			if l.Sinks != nil {
				top = max(top, float64(l.Sinks[h]))
				sum = math.Exp(float64(l.Sinks[h]) - top)
			}
			for i := range w {
				w[i] = math.Exp(w[i] - top)
				sum += w[i]
			}
			for i, x := range w {
				for d := range l.VDim {
					out[(p*l.QHeads+h)*l.VDim+d] += x / sum * float64(f.v[((lo+i)*l.KVHeads+kv)*l.VDim+d])
				}
			}
		}
	}
	return out
}

func layers() map[string]Layer {
	return map[string]Layer{
		"gqa":     {QHeads: 9, KVHeads: 3, KDim: 64, VDim: 64, Scale: 0.125},
		"wide":    {QHeads: 4, KVHeads: 1, KDim: 256, VDim: 256, Scale: 0.0625},
		"odd":     {QHeads: 2, KVHeads: 2, KDim: 20, VDim: 14, Scale: 0.3},
		"window":  {QHeads: 4, KVHeads: 2, KDim: 32, VDim: 32, Scale: 0.2, Window: 100},
		"softcap": {QHeads: 4, KVHeads: 2, KDim: 32, VDim: 32, Scale: 1, SoftCap: 5},
		"sinks":   {QHeads: 4, KVHeads: 2, KDim: 32, VDim: 32, Scale: 0.2, Sinks: []float32{0, 3, -2, 30}, Window: 50},
	}
}

func TestMatchesDefinition(t *testing.T) {
	for name, l := range layers() {
		t.Run(name, func(t *testing.T) {
			f := newFixture(l, 560, kvcache.F32)
			got := f.run(t, 2, denseSelector{}, 300, 230, 1)
			for i, want := range f.naive() {
				require.InDelta(t, want, got[i], 2e-5, "value %d", i)
			}
		})
	}
}

// Both types of 16 bits are as close to the definition as each other.
func TestHalvesMatchDefinition(t *testing.T) {
	for name, l := range layers() {
		f := newFixture(l, 560, kvcache.F16)
		want := f.naive()
		dist := func(ty kvcache.DType) (sum float64) {
			f.cache.K, f.cache.V = ty, ty
			for i, x := range f.run(t, 2, denseSelector{}, 300, 230, 1) {
				sum += (float64(x) - want[i]) * (float64(x) - want[i])
			}
			return math.Sqrt(sum / float64(len(want)))
		}
		half, ints := dist(kvcache.F16), dist(kvcache.I16)
		t.Logf("%s: rms error f16 %.2g, i16 %.2g", name, half, ints)
		require.Less(t, ints, 1.1*half, name)
	}
}

// The result of a row is the same to the bit however the work is cut.
func TestBitsDoNotDependOnTheCut(t *testing.T) {
	for name, l := range layers() {
		for _, ty := range []kvcache.DType{kvcache.I16, kvcache.F16, kvcache.Q8_0} {
			if ty == kvcache.Q8_0 && l.KDim%32 != 0 {
				continue
			}
			t.Run(fmt.Sprint(name, "/", ty), func(t *testing.T) {
				f := newFixture(l, 600, ty)
				want := f.run(t, 1, denseSelector{}, 600)
				for _, cut := range [][]int{{1}, {7}, {64}, {511, 1, 2, 33, 1}} {
					for _, workers := range []int{1, 3} {
						got := f.run(t, workers, denseSelector{}, cut...)
						requireSameBits(t, want, got, "chunks %v, %d workers", cut, workers)
					}
				}
			})
		}
	}
}

func requireSameBits(t *testing.T, want, got []float32, format string, args ...any) {
	t.Helper()
	for i := range want {
		if want[i] != got[i] {
			require.Failf(t, "bits differ", "value %d: %g and %g: "+format, append([]any{i, want[i], got[i]}, args...)...)
		}
	}
}

// listAll lists every block instead of saying dense.
type listAll struct{}

func (listAll) Name() string { return "all" }

func (listAll) Select(p *Plan, r *Request) error {
	for i := range r.View.Segs {
		p.Blocks = append(p.Blocks, int32(i))
	}
	return nil
}

type failing struct{}

func (failing) Name() string { return "failing" }

func (failing) Select(*Plan, *Request) error { return fmt.Errorf("no plan") }

func TestFullPlanEqualsDense(t *testing.T) {
	f := newFixture(layers()["gqa"], 640, kvcache.F16)
	want := f.run(t, 2, denseSelector{}, 600, 1)
	requireSameBits(t, want, f.run(t, 2, listAll{}, 600, 1), "full plan")
}

func TestSelectorErrorIsReturned(t *testing.T) {
	f := newFixture(layers()["gqa"], 40, kvcache.F16)
	c, err := kvcache.Open(f.cache)
	require.NoError(t, err)
	s, _ := c.NewSeq("")
	st := kvcache.NewStep(1, 40)
	require.NoError(t, c.Begin(st, []kvcache.Rows{{Seq: s, N: 40}}))
	pool := parallel.New(2)
	defer pool.Close()
	r := NewRunner(pool, failing{}, []Layer{f.l}, 40, 40)
	out := make([]float32, 40*f.l.QHeads*f.l.VDim)
	require.ErrorContains(t, r.Forward(out, &f.l, st, f.q, f.l.QHeads*f.l.KDim), "no plan")
}

func TestLookup(t *testing.T) {
	s, err := Lookup("")
	require.NoError(t, err)
	require.Equal(t, "dense", s.Name())
	_, err = Lookup("nothing")
	require.ErrorContains(t, err, "dense")
}

func TestDecodeAllocatesNothing(t *testing.T) {
	f := newFixture(layers()["gqa"], 2000, kvcache.F16)
	c, _ := kvcache.Open(f.cache)
	s, _ := c.NewSeq("")
	pool := parallel.New(2)
	defer pool.Close()
	r := NewRunner(pool, denseSelector{}, []Layer{f.l}, f.n, f.n)
	st := kvcache.NewStep(1, f.n)
	require.NoError(t, c.Begin(st, []kvcache.Rows{{Seq: s, N: 1500}}))
	require.NoError(t, st.Commit())
	tmp := make([]byte, c.TmpBytes())
	out := make([]float32, f.l.QHeads*f.l.VDim)
	require.Zero(t, testing.AllocsPerRun(50, func() {
		_ = c.Begin(st, []kvcache.Rows{{Seq: s, N: 1}})
		st.Put(0, 0, f.k, f.v, tmp)
		_ = r.Forward(out, &f.l, st, f.q, f.l.QHeads*f.l.KDim)
		_ = st.Commit()
	}))
}

func BenchmarkDecode(b *testing.B) {
	for name, l := range map[string]Layer{"3x64": layers()["gqa"], "1x256": layers()["wide"]} {
		for _, depth := range []int{512, 8192} {
			b.Run(fmt.Sprintf("%s/depth=%d", name, depth), func(b *testing.B) { benchDecode(b, l, depth) })
		}
	}
}

func benchDecode(b *testing.B, l Layer, depth int) {
	f := newFixture(l, depth+1, kvcache.F16)
	c, _ := kvcache.Open(f.cache)
	s, _ := c.NewSeq("")
	pool := parallel.New(2)
	defer pool.Close()
	r := NewRunner(pool, denseSelector{}, []Layer{l}, f.n, f.n)
	st := kvcache.NewStep(1, f.n)
	_ = c.Begin(st, []kvcache.Rows{{Seq: s, N: depth}})
	_ = st.Commit()
	_ = c.Begin(st, []kvcache.Rows{{Seq: s, N: 1}})
	out := make([]float32, l.QHeads*l.VDim)
	b.SetBytes(int64(depth * l.KVHeads * (l.KDim + l.VDim) * 2))
	for b.Loop() {
		_ = r.Forward(out, &l, st, f.q, l.QHeads*l.KDim)
	}
}
