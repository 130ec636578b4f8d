package eval

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/recall"
)

func logits(p ...float64) []float32 {
	x := make([]float32, len(p))
	for i, v := range p {
		x[i] = float32(math.Log(v))
	}
	return x
}

func TestCompare(t *testing.T) {
	x := logits(0.5, 0.25, 0.25)
	b, err := newBaseRow(x, 1, 0)
	require.NoError(t, err)
	require.InDelta(t, math.Log(4), b.nll, 1e-6)
	r, err := b.compare(x, 1, 0)
	require.NoError(t, err)
	require.Zero(t, r.KL, "equal logits differ by exactly nothing")
	require.True(t, r.Same)
	y := logits(0.25, 0.5, 0.25)
	r, err = b.compare(y, 1, 0)
	require.NoError(t, err)
	require.InDelta(t, 0.25*math.Log(2), r.KL, 1e-6)
	require.InDelta(t, math.Log(2), r.NLL, 1e-6)
	require.False(t, r.Same)
	for i := range y {
		y[i] += 17 // a constant changes nothing
	}
	again, err := b.compare(y, 1, 0)
	require.NoError(t, err)
	require.InDelta(t, r.KL, again.KL, 1e-5)
	y[2] = float32(math.NaN())
	_, err = b.compare(y, 1, 0)
	require.Error(t, err)
	_, err = newBaseRow(y, 1, 0)
	require.Error(t, err)
	require.Equal(t, 1, argMax([]float32{1, 3, 3}), "ties go to the lowest id")
}

func TestPercentile(t *testing.T) {
	x := []float64{1, 2, 3, 4, 5}
	for f, want := range map[float64]float64{0: 1, 0.5: 3, 1: 5, 0.9: 4.6, 0.25: 2} {
		require.InDelta(t, want, percentile(x, f), 1e-12)
	}
	require.True(t, math.IsNaN(percentile(nil, 0.5)))
}

// TestIntervalCovers: of the intervals of many samples, about 95 % hold the truth.
func TestIntervalCovers(t *testing.T) {
	const samples, windows = 60, 16
	for _, windowCount := range []int{windows} {
		held := 0
		for s := range samples {
			groups := make([][]float64, windowCount)
			for g := range groups {
				shift := normal(uint64(s), uint64(g), 0)
				for i := range 40 {
					groups[g] = append(groups[g], 3+shift+normal(uint64(s), uint64(g), uint64(i+1)))
				}
			}
			ci, how := meanInterval(groups)
			require.Equal(t, "windows", how)
			if ci[0] <= 3 && 3 <= ci[1] {
				held++
			}
		}
		require.GreaterOrEqual(t, held, samples*83/100)
		require.Less(t, held, samples, "an interval that always holds is too wide")
	}
}

// normal is about a standard normal number.
func normal(a, b, c uint64) float64 {
	sum := -6.0
	for i := range uint64(12) {
		sum += float64(recall.U(99, a, b<<20|c, i)>>11) / (1 << 53)
	}
	return sum
}

func TestIntervalKinds(t *testing.T) {
	ci, how := meanInterval([][]float64{{1, 2}})
	require.Nil(t, ci)
	require.Empty(t, how)
	ci, how = meanInterval([][]float64{{1, 2, 3, 4, 5, 6, 7, 8}, {2, 3, 4, 5, 6, 7, 8, 9}})
	require.Equal(t, "blocks", how)
	require.Less(t, ci[0], 5.0)
	require.Greater(t, ci[1], 5.0)
	again, _ := meanInterval([][]float64{{1, 2, 3, 4, 5, 6, 7, 8}, {2, 3, 4, 5, 6, 7, 8, 9}})
	require.Equal(t, *ci, *again)
}

func TestWilson(t *testing.T) { // values of the design
	for _, c := range []struct {
		hits, n int
		lo, hi  float64
	}{{95, 100, 0.888, 0.978}, {96, 100, 0.902, 0.984}, {281, 300, 0.903, 0.959}, {100, 100, 0.963, 1}} {
		ci := wilson(c.hits, c.n)
		require.InDelta(t, c.lo, ci[0], 6e-4)
		require.InDelta(t, c.hi, ci[1], 6e-4)
	}
}

func TestParseSettings(t *testing.T) {
	s, err := ParseSettings([]string{"dense", "sinks:bytes=1/4,sinks=2", "snapkv:budget=64"}, []string{"i16", "q8_0"}, nil)
	require.NoError(t, err)
	require.Len(t, s, 6)
	require.Equal(t, Setting{KV: "sinks:sinks=2", Ratio: 0.25, Type: "i16", Attention: "dense"}, s[2])
	require.Equal(t, "sinks:sinks=2,budget=96", s[2].withBudget(96))
	require.Equal(t, "snapkv:budget=64", s[4].withBudget(96))
	require.Equal(t, 64, budgetOf(s[4].KV))
	require.Equal(t, 0, budgetOf("dense"))
	require.Equal(t, "sinks:sinks=2 at 0.25 q8_0", s[3].String())
	for _, bad := range []string{"none", "sinks:bytes=0", "sinks:bytes=x", "sinks:bytes=1/0", "sinks:bytes=1/4,budget=3", "dense:bytes=1/2"} {
		_, err := ParseSettings([]string{bad}, nil, nil)
		require.ErrorIs(t, err, ErrSetting, bad)
	}
	_, err = ParseSettings(nil, []string{"f7"}, nil)
	require.ErrorIs(t, err, ErrSetting)
	_, err = ParseSettings(nil, nil, []string{"none"})
	require.ErrorIs(t, err, ErrSetting)
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		target             int64
		guess, fixed, slot int64
		want               int
	}{
		{10000, 320, 0, 10, 992},
		{10000, 2000, 0, 10, 992},
		{10000, 992, 0, 10, 992},
		{10000, 992, 500, 10, 928},
		{3300, 10, 0, 100, 32},
	} {
		last := 0
		got, err := fit(c.target, int(c.guess), float64(c.slot), func(slots int) (int64, error) {
			last = slots
			return c.fixed + c.slot*int64(slots), nil
		})
		require.NoError(t, err)
		require.Equal(t, c.want, got)
		require.Equal(t, got, last, "the last measurement is the result's")
	}
	_, err := fit(10, 64, 100, func(slots int) (int64, error) { return 100 * int64(slots), nil })
	require.ErrorIs(t, err, ErrSetting)
	boom := errors.New("boom")
	_, err = fit(10, 64, 100, func(int) (int64, error) { return 0, boom })
	require.ErrorIs(t, err, boom)
}

func TestBaseline(t *testing.T) {
	res := []KVResult{
		{Policy: "sinks", KVType: "i16", Asked: 0.25, Quality: Quality{KLWindows: []float64{2, 2}}},
		{Policy: "sinks", KVType: "i16", Budget: 64},
		{Policy: "snapkv", KVType: "i16", Asked: 0.25, Quality: Quality{KLWindows: []float64{1, 3}}},
		{Policy: "snapkv", KVType: "i16", Budget: 64},
		{Policy: "snapkv", KVType: "q8_0", Budget: 64},
	}
	require.Equal(t, &res[0], Baseline(res, 2))
	require.Equal(t, &res[1], Baseline(res, 3))
	require.Nil(t, Baseline(res, 4))
	require.Nil(t, Baseline(res, 0))
	n, all := res[2].Wins(&res[0])
	require.Equal(t, [2]int{1, 2}, [2]int{n, all})
}
