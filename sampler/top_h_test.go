package sampler_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// topH returns settings of Top-H alone.
func topH(a float64, mode string) sampler.Params {
	p := neutral()
	p.TopH, p.TopHMode, p.Preset = a, mode, "custom"
	return p
}

// uniform returns n equal probabilities.
func uniform(n int) []float64 {
	p := make([]float64, n)
	for i := range p {
		p[i] = 1 / float64(n)
	}
	return p
}

// Cases worked by hand from algorithm 1 of the paper (kept) and from the loop of the
// published code (ref; where it is undefined, what follows from its rule).
func TestTopHWorkedCases(t *testing.T) {
	for i, tc := range []struct {
		p         []float64
		a         float64
		kept, ref int
	}{
		{[]float64{.5, .25, .125, .125}, 0.4, 1, 1},
		{[]float64{.5, .25, .125, .125}, 0.6, 2, 2},
		{[]float64{.5, .25, .125, .125}, 0.9, 3, 3},
		{uniform(4), 0.5, 2, 2},
		{uniform(8), 0.4, 2, 3},
		{uniform(32), 0.4, 4, 12},
		{[]float64{.97, .01, .01, .01}, 0.4, 2, 1},
		{[]float64{.7, .1, .1, .1}, 0.4, 1, 1},
		{[]float64{.7, .1, .1, .1}, 0.5, 2, 1},
		{[]float64{.4, .3, .2, .1}, 0.6, 2, 2},
		{[]float64{1, 0, 0}, 0.4, 1, 1},
		{[]float64{1, 0, 0}, 0.999, 1, 1},
		{[]float64{.9, .1}, 0.1, 1, 1},
		{[]float64{.9, .1}, 0.999, 1, 1},
		{[]float64{.5, .4, .1}, 0.5, 1, 1},
	} {
		want := make([]int32, 0, 32)
		for id := range int32(32) {
			want = append(want, id) // likeliest first, ties by id
		}
		for mode, kept := range map[string]int{"paper": tc.kept, "ref": tc.ref} {
			for _, topK := range []int{0, 1000} { // unsorted and sorted
				p := topH(tc.a, mode)
				p.TopK = topK
				d := distOf(t, p, logs(tc.p...))
				require.Equal(t, want[:kept], d.IDs, "case %d, %s, top_k %d", i+1, mode, topK)
				sum := 0.0
				for _, x := range tc.p[:kept] {
					sum += x
				}
				require.InDelta(t, tc.p[0]/sum, d.P[0], 1e-6, "renormalised")
			}
		}
	}
}

// A uniform distribution of N keeps N^a.
func TestTopHUniform(t *testing.T) {
	for _, n := range []int{2, 3, 10, 100, 1000, 5000, 300000} {
		for _, a := range []float64{0.13, 0.4, 0.77, 0.9} {
			d := distOf(t, topH(a, "paper"), make([]float32, n))
			require.Len(t, d.IDs, int(math.Pow(float64(n), a)), "N=%d a=%v", n, a)
			require.Equal(t, int32(len(d.IDs)-1), d.IDs[len(d.IDs)-1])
		}
	}
}

// The set is a head of the sorted list, grows with a, and does not depend on a shift or
// on how the list came here. Two candidates always become one.
func TestTopHProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		row := drawRow(rt)
		mode := rapid.SampledFrom([]string{"paper", "ref"}).Draw(rt, "mode")
		a := rapid.Float64Range(0.01, 0.99).Draw(rt, "a")
		ids := byRank(row)
		last := 0
		for _, share := range []float64{a / 2, a, (1 + a) / 2} {
			d := distOf(t, topH(share, mode), row)
			n := len(d.IDs)
			if n < last {
				rt.Fatalf("%v of the entropy keep %d, less keeps %d", share, n, last)
			}
			last = n
			head := slices.Sorted(slices.Values(ids[:n]))
			if !slices.Equal(head, d.IDs) {
				rt.Fatalf("kept %v, which are not the best %v", d.IDs, head)
			}
		}
		if n := len(distOf(t, topH(a, mode), []float32{0, rapid.Float32Range(-9, 9).Draw(rt, "gap")}).IDs); n != 1 {
			rt.Fatalf("%d of two tokens are kept", n)
		}
	})
}

func TestTopHOff(t *testing.T) {
	for _, a := range []float64{-1, 0, 1, 7} {
		for _, mode := range []string{"paper", "ref"} {
			c, err := sampler.NewChain(topH(a, mode), sampler.Vocab{Size: 4})
			require.NoError(t, err)
			require.Empty(t, c.Stages(), "top_h %v keeps everything", a)
		}
	}
}

func TestTopHMinKeep(t *testing.T) {
	for _, mode := range []string{"paper", "ref"} {
		p := topH(0.1, mode)
		p.MinKeep = 3
		require.Equal(t, []int32{0, 1, 2}, distOf(t, p, logs(.9, .05, .03, .02)).IDs, mode)
		p.MinKeep = 9
		require.Len(t, distOf(t, p, logs(.9, .05, .03, .02)).IDs, 4, mode)
	}
}

func TestTopHRefLooksAtN(t *testing.T) {
	p := topH(0.9, "ref")
	p.TopHN = 5
	require.Len(t, distOf(t, p, make([]float32, 50)).IDs, 4, "0.9 of five equal terms")
	p.TopHN = 1
	require.Len(t, distOf(t, p, make([]float32, 50)).IDs, 1)
}

// Top-H judges the distribution at the temperature, wherever the cut is made.
func TestTopHAfterTemperature(t *testing.T) {
	for _, temp := range []float64{0.5, 1, 2, 1e-300, 1e300} {
		row := logitRow(3000, 11)
		p := topH(0.45, "paper")
		p.Temperature = temp
		fused := distOf(t, p, row)
		p.Samplers = []string{"temperature"}
		q := distOf(t, p, row).P // then by hand
		slices.Sort(q)
		slices.Reverse(q)
		part, n := 0.0, 0
		bound := 0.45 * refEntropy(q)
		for sum := 0.0; n < len(q); n++ {
			sum += q[n]
			part -= q[n] * math.Log(q[n])
			if n > 0 && math.Log(sum)+part/sum > bound*(1+1e-9) {
				break
			}
		}
		require.Len(t, fused.IDs, n, "temperature %v", temp)
	}
	p := topH(0.45, "paper")
	p.Temperature = 2
	c, err := sampler.NewChain(p, sampler.Vocab{Size: 4})
	require.NoError(t, err)
	require.Equal(t, []string{"top_h", "temperature"}, c.Stages(), "the cut comes first, on the scaled distribution")
}

// A large vocabulary is summed in float32; the set is that of float64.
func TestTopHLargeVocabulary(t *testing.T) {
	for seed := range uint64(4) {
		for _, temp := range []float64{0.7, 1, 1.5, 2} {
			row := logitRow(50000, seed)
			p := topH(0.4, "paper")
			p.Temperature = temp
			got := distOf(t, p, row)
			p.MinP = 1e-38 // keeps all of them, in a list
			p.Samplers = []string{"min_p", "top_k", "temperature", "top_h"}
			p.TopK = len(row) // sorted
			require.Equal(t, distOf(t, p, row).IDs, got.IDs)

			ids := byRank(row)
			var z, s, partZ, partS float64
			for _, id := range ids {
				d := (float64(row[ids[0]]) - float64(row[id])) / temp
				z += math.Exp(-d)
				s += d * math.Exp(-d)
			}
			n := 0
			for ; n < len(ids); n++ {
				d := (float64(row[ids[0]]) - float64(row[ids[n]])) / temp
				partZ += math.Exp(-d)
				partS += d * math.Exp(-d)
				if n > 0 && math.Log(partZ)+partS/partZ > 0.4*(math.Log(z)+s/z) {
					break
				}
			}
			require.Len(t, got.IDs, n, "seed %d, temperature %v", seed, temp)
		}
	}
}

func TestTopHFreesTruncations(t *testing.T) {
	for _, tc := range []struct {
		set  func(p *sampler.Params)
		want []string
	}{
		{func(p *sampler.Params) {}, []string{"top_h", "temperature"}},
		{func(p *sampler.Params) { p.TopK = 100 }, []string{"top_k", "top_h", "temperature"}},
		{func(p *sampler.Params) { p.MinP = 0.1 }, []string{"min_p", "top_h", "temperature"}},
		{func(p *sampler.Params) { p.Preset = "custom" }, []string{"top_k", "top_p", "min_p", "top_h", "temperature"}},
		{func(p *sampler.Params) { p.Temperature = 0 }, []string{"greedy"}},
	} {
		p := sampler.DefaultParams()
		p.TopH = 0.4
		tc.set(&p)
		c, err := sampler.NewChain(p, sampler.Vocab{Size: 4})
		require.NoError(t, err)
		require.Equal(t, tc.want, c.Stages(), fmt.Sprint(p.Changes()))
	}
}
