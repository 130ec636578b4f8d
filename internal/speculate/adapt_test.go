package speculate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/speculate"
)

func same(int) int    { return 0 }
func chain(g int) int { return g + 1 }
func all(a float64) (p [speculate.Buckets]float64) {
	for i := range p {
		p[i] = a
	}
	return p
}

func TestChoose(t *testing.T) {
	for _, tc := range []struct {
		name    string
		a, cost float64
		want    int
	}{
		{"nothing is accepted", 0.05, 0, 0},
		{"a free draft with a fair chance", 0.7, 0, 3},
		{"a free draft that is nearly sure", 0.995, 0, 16},
		{"a draft as dear as the target", 0.9, 1, 0},
		{"a cheap draft", 0.9, 0.05, 6},
	} {
		c := speculate.NewController(all(tc.a), tc.cost)
		got := c.Choose(16, same, chain)
		require.InDelta(t, tc.want, got, 1, tc.name)
		require.Equal(t, tc.want == 0, got == 0, tc.name)
		require.Zero(t, c.Choose(0, same, chain))
	}
}

func TestControllerLearns(t *testing.T) {
	c := speculate.NewController(all(0.9), speculate.Timed)
	c.Passed(1, 0.010)
	require.Positive(t, c.Choose(8, same, chain))
	for range 100 {
		c.Tried(0, false)
	}
	require.Less(t, c.Acceptance(0), 0.1)
	require.Zero(t, c.Choose(8, same, chain))
	c.Emitted(70, false)
	require.Equal(t, 2, c.Choose(8, same, chain), "a probe")
	c.Emitted(1, true)
	require.Zero(t, c.Choose(8, same, chain))
	for range 200 {
		c.Tried(0, true)
	}
	require.Equal(t, 8, c.Choose(8, same, chain))
	for range 50 { // passes of several rows turn out to be dear
		for n := 2; n <= 9; n++ {
			c.Passed(n, 0.010*float64(n))
		}
	}
	require.Zero(t, c.Choose(8, same, chain))
}

func TestPassTimes(t *testing.T) {
	c := speculate.NewController(all(0.5), speculate.Timed)
	require.Equal(t, 1.0, c.Pass(1))
	c.Passed(1, 2)
	require.InDelta(t, 2*1.28, c.Pass(2), 1e-12)
	c.Passed(5, 6)
	require.InDelta(t, 3, c.Pass(2), 1e-12, "between the two")
	require.InDelta(t, 6*(1+0.28*8)/(1+0.28*4), c.Pass(9), 1e-12)
	c.Passed(5, 1000)
	require.InDelta(t, 6.6, c.Pass(5), 1e-12, "an outlier counts as twice the average, and little")
	c.Passed(5, 5.6)
	require.InDelta(t, 6.1, c.Pass(5), 1e-12, "a faster pass counts much")

	c.Passed(3, 1000)
	require.InDelta(t, 1.5*(2+(6.1-2)/2), c.Pass(3), 1e-12, "so does a first one")

	fixed := speculate.NewController(all(0.5), 0.5)
	fixed.Passed(1, 100)
	fixed.Drafted(100)
	require.Equal(t, 1.0, fixed.Pass(1))
	require.Equal(t, 0.5, fixed.DraftTime())
}
