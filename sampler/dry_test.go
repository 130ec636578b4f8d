package sampler_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// dryParams returns settings of DRY alone.
func dryParams(multiplier, base float64, allowed, lastN int) sampler.Params {
	p := neutral()
	p.DRYMultiplier, p.DRYBase, p.DRYAllowedLength, p.DRYPenaltyLastN = multiplier, base, allowed, lastN
	p.DRYBreakers = []string{}
	return p
}

// lowered returns by how much the logits of equal tokens fall below the largest.
func lowered(t *testing.T, p sampler.Params, breakers [][]int32, size int, toks ...int32) []float64 {
	t.Helper()
	if breakers != nil {
		p.DRYBreakers = []string{"all"}
	}
	c, err := sampler.NewChain(p, sampler.Vocab{Size: size, Breakers: sampler.FixedBreakers(map[string][][]int32{"all": breakers})})
	require.NoError(t, err)
	for _, tok := range toks {
		require.NoError(t, c.Accept(tok))
	}
	var d sampler.Dist
	require.NoError(t, c.Dist(&d, make([]float32, size), 0))
	out, top := make([]float64, size), slices.Max(d.P)
	for i := range out {
		out[i] = math.Inf(1)
	}
	for i, id := range d.IDs {
		out[id] = -math.Log(d.P[i] / top)
	}
	return out
}

func TestDRY(t *testing.T) {
	for _, tc := range []struct {
		name     string
		p        sampler.Params
		breakers [][]int32
		toks     []int32
		want     []float64 // by token, 0 beyond
	}{
		{"nothing seen", dryParams(1, 2, 1, 64), nil, nil, nil},
		{"no repetition", dryParams(1, 2, 1, 64), nil, []int32{0, 1, 2, 3}, nil},
		{"one token repeats", dryParams(1, 2, 1, 64), nil, []int32{0, 1, 2, 0}, []float64{0, 1}},
		{"too short", dryParams(1, 2, 2, 64), nil, []int32{0, 1, 2, 0}, nil},
		{"two tokens", dryParams(1, 2, 1, 64), nil, []int32{0, 1, 2, 0, 1}, []float64{0, 0, 2}},
		{"multiplier and base", dryParams(0.5, 3, 1, 64), nil, []int32{0, 1, 2, 3, 0, 1, 2}, []float64{0, 0, 0, 0.5 * 9}},
		{"the longest counts", dryParams(1, 2, 1, 64), nil, []int32{0, 1, 4, 3, 1, 4, 2, 0, 1}, []float64{0, 0, 0, 0, 2}},
		{"two ways to go on", dryParams(1, 2, 1, 64), nil, []int32{0, 1, 4, 3, 1, 3, 0, 1}, []float64{0, 0, 0, 1, 2}},
		{"overlap", dryParams(1, 2, 1, 64), nil, []int32{0, 0, 0, 0}, []float64{4}},
		{"allowed 0 lowers all but the first", dryParams(1, 2, 0, 64), nil, []int32{0, 1, 2}, []float64{0, 1, 1}},
		{"window", dryParams(1, 2, 1, 3), nil, []int32{0, 1, 2, 3, 0}, nil},
		{"window reaches", dryParams(1, 2, 1, 5), nil, []int32{0, 1, 2, 3, 0}, []float64{0, 1}},
		{"whole text", dryParams(1, 2, 1, -1), nil, []int32{0, 1, 2, 3, 0}, []float64{0, 1}},
		{"negative rewards", dryParams(-1, 2, 1, 64), nil, []int32{0, 1, 2, 0}, []float64{1, 0, 1, 1, 1, 1}},
		{"breaker cuts", dryParams(1, 2, 1, 64), [][]int32{{5}}, []int32{0, 5, 1, 2, 0, 5, 1}, []float64{0, 0, 1}},
		{"breaker last", dryParams(1, 2, 1, 64), [][]int32{{5}}, []int32{0, 5, 1, 0, 5}, nil},
		{"breaker is not penalised", dryParams(1, 2, 1, 64), [][]int32{{5}}, []int32{0, 1, 5, 0, 1}, nil},
		{"breaker of two", dryParams(1, 2, 1, 64), [][]int32{{4, 5}}, []int32{0, 4, 5, 1, 2, 0, 4, 5, 1}, []float64{0, 0, 1}},
		{"breaker of two, incomplete", dryParams(1, 2, 1, 64), [][]int32{{4, 5}}, []int32{0, 4, 1, 2, 0, 4}, []float64{0, 2}},
		{"head of a breaker of two is penalised", dryParams(1, 2, 1, 64), [][]int32{{4, 5}}, []int32{0, 4, 1, 0}, []float64{0, 0, 0, 0, 1}},
		{"longest breaker wins", dryParams(1, 2, 1, 64), [][]int32{{4}, {4, 5}}, []int32{5, 1, 0, 4, 5, 1}, []float64{1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := lowered(t, tc.p, tc.breakers, 6, tc.toks...)
			want := append(slices.Clone(tc.want), make([]float64, 6-len(tc.want))...)
			require.InDeltaSlice(t, want, got, 1e-6)
		})
	}
}

func TestDRYStaysFinite(t *testing.T) {
	toks := make([]int32, 400)
	got := lowered(t, dryParams(10, 3, 1, -1), nil, 6, toks...)
	require.True(t, math.IsInf(got[0], 1) || got[0] > 1e30, "%v", got)
	require.Zero(t, got[1])
	got = lowered(t, dryParams(0.001, 1.0000001, 1, -1), nil, 6, toks...)
	require.InDelta(t, 0.001, got[0], 1e-5, "base 1 has no exponent to clamp")
}

func TestDRYOff(t *testing.T) {
	for name, p := range map[string]sampler.Params{
		"multiplier": dryParams(0, 2, 1, 64), "base": dryParams(1, 0.99, 1, 64), "window": dryParams(1, 2, 1, 0),
	} {
		c, err := sampler.NewChain(p, sampler.Vocab{Size: 4})
		require.NoError(t, err)
		require.Empty(t, c.Stages(), name)
	}
}

// The definition, tried out: every suffix against every place.
func TestDRYEqualsDefinition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		vocab, allowed, lastN := 2+rng.IntN(4), rng.IntN(4), 1+rng.IntN(40)
		toks := make([]int32, rng.IntN(60))
		for i := range toks {
			toks[i] = rng.Int32N(int32(vocab))
		}
		window := toks[max(0, len(toks)-lastN):]
		want := make([]float64, vocab)
		for place := range len(window) - 1 { // the text before and at place may be the suffix
			length := 0
			for length <= place && window[place-length] == window[len(window)-1-length] {
				length++
			}
			if next := window[place+1]; length >= allowed && len(window) > allowed {
				want[next] = max(want[next], 0.01*math.Pow(1.5, float64(length-allowed)))
			}
		}
		low := slices.Min(want)
		for i := range want {
			want[i] -= low
		}
		got := lowered(t, dryParams(0.01, 1.5, allowed, lastN), nil, vocab, toks...)
		for i := range want {
			if math.Abs(want[i]-got[i]) > 1e-5*(1+want[i]) {
				rt.Fatalf("%v, allowed %d: token %d is lowered by %v, want %v", window, allowed, i, got[i], want[i])
			}
		}
	})
}

func TestDRYSparseAndReset(t *testing.T) {
	p := dryParams(5, 1.5, 1, 64)
	p.TopK, p.Samplers = 2, []string{"top_k", "dry"}
	c, err := sampler.NewChain(p, sampler.Vocab{Size: 4})
	require.NoError(t, err)
	var d sampler.Dist
	probs := func() [2]float64 {
		require.NoError(t, c.Dist(&d, []float32{0, 5, 0, 5}, 0))
		return [2]float64{d.Prob(1), d.Prob(3)}
	}
	for _, tok := range []int32{0, 1, 2, 0} {
		require.NoError(t, c.Accept(tok))
	}
	require.Less(t, probs()[0], 0.01)
	twin := c.Clone()
	c.Reset()
	require.Equal(t, [2]float64{.5, .5}, probs())
	c = twin
	require.Less(t, probs()[0], 0.01)
}

// vocabulary is a toy one: pieces by id, encoded a byte at a time.
func vocabulary(pieces ...string) *sampler.Breakers {
	return sampler.NewBreakers(len(pieces), func(id int32) []byte { return []byte(pieces[id]) }, func(text string) []int32 {
		var out []int32
		for _, b := range []byte(text) {
			out = append(out, int32(slices.Index(pieces, string(b))))
		}
		return out
	})
}

func TestBreakers(t *testing.T) {
	b := vocabulary("a", "b", "c", "xab", "abc", "bca", "ab", "", "cc", "aab")
	for text, want := range map[string][][]int32{
		"a":   {{0}, {3}, {4}, {5}, {6}, {9}},
		"ab":  {{0, 1}, {3}, {4}, {5, 1}, {6}, {9}},
		"abc": {{0, 1, 2}, {3, 2}, {4}, {5, 1, 2}, {6, 2}, {9, 2}},
		"cc":  {{2, 2}, {4, 2}, {8}},
		"aab": {{0, 0, 1}, {5, 0, 1}, {9}},
		"zz":  nil,
	} {
		require.Equal(t, want, b.Sequences(text), text)
		require.Equal(t, want, b.Sequences(text), "%s, remembered", text)
	}
	long := strings.Repeat("a", 40)
	require.Equal(t, [][]int32{append([]int32{0}, make([]int32, 20)...)}, b.Sequences(long)[:1], "tails are cut")
	for i := range 200 { // more than are remembered
		b.Sequences(strings.Repeat("b", 1+i%40) + strings.Repeat("c", i/40))
	}
	require.Equal(t, [][]int32{{8}}, b.Sequences("cc")[2:])
}

func TestBreakersOfText(t *testing.T) {
	b := vocabulary("a", "b", "\n", ":", "b:", "c")
	v := sampler.Vocab{Size: 6, Breakers: b}
	p := dryParams(1, 2, 1, 64)
	for _, tc := range []struct {
		breakers []string
		toks     []int32
		want     []int32 // penalised
	}{
		{nil, []int32{0, 1, 5, 0}, []int32{1}},
		{nil, []int32{0, 1, 5, 0, 2, 5}, []int32{0}},
		{nil, []int32{0, 4, 5, 0}, nil}, // the next token holds a colon
		{[]string{}, []int32{0, 4, 5, 0}, []int32{4}},
		{[]string{"ab"}, []int32{5, 0, 1, 5}, []int32{0}},
		{[]string{"ab"}, []int32{5, 1, 0, 1, 5, 1, 0, 1, 5}, []int32{1}},
	} {
		p.DRYBreakers = tc.breakers
		c, err := sampler.NewChain(p, v)
		require.NoError(t, err)
		for _, tok := range tc.toks {
			require.NoError(t, c.Accept(tok))
		}
		var d sampler.Dist
		require.NoError(t, c.Dist(&d, make([]float32, 6), 0))
		var low []int32
		for i, q := range d.P {
			if q < slices.Max(d.P)-1e-6 {
				low = append(low, d.IDs[i])
			}
		}
		require.Equal(t, tc.want, low, "%q %v", tc.breakers, tc.toks)
	}
	p.DRYBreakers = nil
	_, err := sampler.NewChain(p, sampler.Vocab{Size: 6})
	require.ErrorContains(t, err, "dry_sequence_breakers")
}
