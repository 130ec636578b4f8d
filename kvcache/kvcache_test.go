package kvcache

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func config(t DType) Config {
	return Config{Layers: []LayerSpec{{KVHeads: 2, KDim: 64, VDim: 32}, {KVHeads: 1, KDim: 32, VDim: 32, Window: 40}}, K: t, V: t, Ctx: 400}
}

// row returns the keys and values of a token at a position of a layer: a
// function of both and of the head, so that misplaced rows are noticed.
func row(l LayerSpec, layer int, tok int) (k, v []float32) {
	r := rand.New(rand.NewPCG(uint64(layer), uint64(tok)))
	k, v = make([]float32, l.KVHeads*l.KDim), make([]float32, l.KVHeads*l.VDim)
	for i := range k {
		k[i] = float32(r.NormFloat64())
	}
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return k, v
}

// feed appends tokens to a sequence in one step.
func feed(t require.TestingT, c *Cache, s *Seq, toks []int) {
	st := NewStep(1, len(toks))
	require.NoError(t, c.Begin(st, []Rows{{Seq: s, N: len(toks)}}))
	put(c, st, toks)
	require.NoError(t, st.Commit())
}

func put(c *Cache, st *Step, toks []int) {
	tmp := make([]byte, c.TmpBytes())
	for layer, spec := range c.cfg.Layers {
		for r, tok := range toks {
			k, v := row(spec, layer, tok)
			st.Put(layer, r, k, v, tmp)
		}
	}
}

// check compares everything that a next token would see with what was put.
func check(t require.TestingT, c *Cache, s *Seq, toks []int) {
	require.Equal(t, len(toks), s.Len())
	st := NewStep(1, 1)
	require.NoError(t, c.Begin(st, []Rows{{Seq: s, N: 1}}))
	defer st.Abort()
	var v View
	for layer, spec := range c.cfg.Layers {
		for h := range spec.KVHeads {
			st.View(&v, 0, layer, h, 0, 1)
			checkLane(t, &v, spec, layer, h, toks)
		}
	}
}

func checkLane(t require.TestingT, v *View, spec LayerSpec, layer, h int, toks []int) {
	kt, vt := make([]float32, spec.KDim*BlockSlots), make([]float32, spec.VDim*BlockSlots)
	seen := 0
	for i := range v.Segs {
		seg := &v.Segs[i]
		v.LoadK(kt, seg)
		v.LoadV(vt, seg)
		for j, pos := range seg.Pos {
			if int(pos) == len(toks) { // the row of the probing step
				continue
			}
			seen++
			k, val := row(spec, layer, toks[pos])
			for d := range spec.KDim {
				near(t, v.k, k[h*spec.KDim+d], kt[d*BlockSlots+j])
			}
			for d := range spec.VDim {
				near(t, v.v, val[h*spec.VDim+d], vt[j*spec.VDim+d])
			}
		}
	}
	want := len(toks)
	if spec.Window > 0 {
		want = min(want, spec.Window-1)
	}
	require.GreaterOrEqual(t, seen, want, "layer %d head %d", layer, h)
}

// near allows the storage type's rounding of a value of normal size.
func near(t require.TestingT, ty DType, want, got float32) {
	tol := map[DType]float64{F32: 0, F16: 2e-3, I16: 1e-3, BF16: 2e-2, Q8_0: 3e-2, Q4_0: 0.5}[ty]
	if math.Abs(float64(want-got)) > tol {
		require.Failf(t, "stored value", "%s: want %g, got %g", ty, want, got)
	}
}

func TestStoredRowsComeBack(t *testing.T) {
	for _, ty := range []DType{F32, F16, BF16, Q8_0, Q4_0, I16} {
		t.Run(ty.String(), func(t *testing.T) {
			c, err := Open(config(ty))
			require.NoError(t, err)
			s, err := c.NewSeq("")
			require.NoError(t, err)
			var toks []int
			for _, n := range []int{1, 31, 1, 1, 70, 64, 5} {
				next := make([]int, n)
				for i := range next {
					next[i] = len(toks) + i + 1000
				}
				feed(t, c, s, next)
				toks = append(toks, next...)
				check(t, c, s, toks)
			}
			s.Close()
			require.Zero(t, c.Stats().Bytes)
			require.NoError(t, c.Close())
		})
	}
}

func TestLimits(t *testing.T) {
	cfg := config(F16)
	cfg.PoolBytes = cfg.SeqBytes(100, 100)
	c, err := Open(cfg)
	require.NoError(t, err)
	s, err := c.NewSeq("dense")
	require.NoError(t, err)
	st := NewStep(1, 500)
	require.ErrorIs(t, c.Begin(st, []Rows{{Seq: s, N: 401}}), ErrFull)
	feed(t, c, s, make([]int, 96))
	used := c.Stats().Bytes
	require.ErrorIs(t, c.Begin(st, []Rows{{Seq: s, N: 200}}), ErrPool)
	require.Equal(t, used, c.Stats().Bytes, "a refused step takes nothing")
	require.Error(t, c.Begin(st, []Rows{{Seq: s, N: 1}, {Seq: s, N: 1}}))
	s.Close()
	s.Close()
	_, err = s.Fork()
	require.ErrorIs(t, err, ErrClosed)
	_, err = c.NewSeq("none such")
	require.ErrorContains(t, err, "dense")
}

func TestOpenRejects(t *testing.T) {
	bad := []func(*Config){
		func(c *Config) { c.Ctx = 0 },
		func(c *Config) { c.Layers = nil },
		func(c *Config) { c.PoolBytes = -1 },
		func(c *Config) { c.Layers[0].KVHeads = 0 },
		func(c *Config) { c.Layers[0].KDim = 20; c.K = Q8_0 },
		func(c *Config) { c.Layers[1].VDim = 48; c.V = Q4_0 },
	}
	for i, f := range bad {
		cfg := config(F16)
		f(&cfg)
		_, err := Open(cfg)
		require.Error(t, err, "case %d", i)
	}
}

func TestWindowedLayerKeepsARing(t *testing.T) {
	cfg := config(F16)
	cfg.Layers = cfg.Layers[1:]
	cfg.Ctx = 4000
	c, err := Open(cfg)
	require.NoError(t, err)
	s, err := c.NewSeq("")
	require.NoError(t, err)
	for range 3000 / 10 {
		feed(t, c, s, make([]int, 10))
	}
	require.LessOrEqual(t, c.Stats().Peak, cfg.SeqBytes(3000, 10))
	require.Less(t, c.Stats().Bytes, cfg.SeqBytes(3000, 10)+1)
	require.NoError(t, s.Truncate(3000-windowSlack))
	require.ErrorIs(t, s.Truncate(2000), ErrCannotTruncate)
	require.Equal(t, 3000-windowSlack, s.Len())
}

// A random sequence of appends, forks, cuts and closes keeps every sequence's
// content and gives all memory back.
func TestSequencesProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, err := Open(config(F32))
		require.NoError(t, err)
		type live struct {
			s    *Seq
			toks []int
		}
		first, err := c.NewSeq("")
		require.NoError(t, err)
		all := []*live{{s: first}}
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				l := rapid.SampledFrom(all).Draw(t, "seq")
				n := rapid.IntRange(1, 50).Draw(t, "n")
				if len(l.toks)+n >= c.cfg.Ctx {
					return
				}
				toks := make([]int, n)
				for i := range toks {
					next++
					toks[i] = next
				}
				feed(t, c, l.s, toks)
				l.toks = append(l.toks[:len(l.toks):len(l.toks)], toks...)
			},
			"abort": func(t *rapid.T) {
				l := rapid.SampledFrom(all).Draw(t, "seq")
				st := NewStep(1, 40)
				if len(l.toks)+40 >= c.cfg.Ctx {
					return
				}
				require.NoError(t, c.Begin(st, []Rows{{Seq: l.s, N: 40}}))
				put(c, st, make([]int, 40))
				st.Abort()
			},
			"fork": func(t *rapid.T) {
				if len(all) > 5 {
					return
				}
				l := rapid.SampledFrom(all).Draw(t, "seq")
				f, err := l.s.Fork()
				require.NoError(t, err)
				all = append(all, &live{f, l.toks[:len(l.toks):len(l.toks)]})
			},
			"truncate": func(t *rapid.T) {
				l := rapid.SampledFrom(all).Draw(t, "seq")
				n := rapid.IntRange(0, len(l.toks)).Draw(t, "n")
				if err := l.s.Truncate(n); err != nil {
					require.ErrorIs(t, err, ErrCannotTruncate)
					return
				}
				l.toks = l.toks[:n:n]
			},
			"close": func(t *rapid.T) {
				if len(all) < 2 {
					return
				}
				all[0].s.Close()
				all = all[1:]
			},
			"": func(t *rapid.T) {
				l := all[len(all)-1]
				check(t, c, l.s, l.toks)
			},
		})
		for _, l := range all {
			check(t, c, l.s, l.toks)
			l.s.Close()
		}
		require.Zero(t, c.Stats().Bytes)
		require.NoError(t, c.Close())
	})
}

func TestForkSharesBlocks(t *testing.T) {
	c, err := Open(config(F16))
	require.NoError(t, err)
	s, err := c.NewSeq("")
	require.NoError(t, err)
	feed(t, c, s, make([]int, 100))
	one := c.Stats().Bytes
	f, err := s.Fork()
	require.NoError(t, err)
	require.Equal(t, one, c.Stats().Bytes)
	feed(t, c, f, []int{1})
	var tail int64
	for _, l := range c.cfg.Layers {
		tail += int64(l.KVHeads) * int64(c.cfg.blockBytes(l))
	}
	require.Equal(t, one+tail, c.Stats().Bytes, "only the tail of each lane is copied")
}

func BenchmarkPut(b *testing.B) {
	for _, ty := range []DType{F16, Q8_0, Q4_0} {
		b.Run(ty.String(), func(b *testing.B) {
			cfg := Config{Layers: []LayerSpec{{KVHeads: 3, KDim: 64, VDim: 64}}, K: ty, V: ty, Ctx: 64}
			c, _ := Open(cfg)
			s, _ := c.NewSeq("")
			st := NewStep(1, 1)
			_ = c.Begin(st, []Rows{{Seq: s, N: 1}})
			k, v := row(cfg.Layers[0], 0, 1)
			tmp := make([]byte, c.TmpBytes())
			b.SetBytes(int64(4 * (len(k) + len(v))))
			for b.Loop() {
				st.Put(0, 0, k, v, tmp)
			}
		})
	}
}
