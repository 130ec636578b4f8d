package sampler

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var inf = float32(math.Inf(1))

// logitGen draws logits with ties, both zeros, extremes and masked tokens.
func logitGen() *rapid.Generator[float32] {
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(-6, 6), func(i int) float32 { return float32(i) / 2 }),
		rapid.Float32Range(-30, 30),
		rapid.SampledFrom([]float32{-inf, 0, float32(math.Copysign(0, -1)), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32}),
	)
}

// drawRow draws a row of up to maxLen logits. rapid's own lengths stay small, so long
// rows come from a seed; there are few distinct values in some and masked tokens in others.
func drawRow(t *rapid.T, maxLen int) []float32 {
	if rapid.Bool().Draw(t, "short") {
		return rapid.SliceOfN(logitGen(), 1, maxLen).Draw(t, "row")
	}
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "rowSeed"), 0))
	row := make([]float32, 1+rng.IntN(maxLen))
	grid, masked := rapid.SampledFrom([]float64{0, 1, 8}).Draw(t, "grid"), rapid.SampledFrom([]float64{0, 0.1, 0.9}).Draw(t, "masked")
	for i := range row {
		x := rng.NormFloat64() * 5
		if grid > 0 {
			x = math.Round(x*grid) / grid
		}
		if row[i] = float32(x); rng.Float64() < masked {
			row[i] = -inf
		}
	}
	if rapid.Bool().Draw(t, "ascending") {
		slices.Sort(row)
	}
	return row
}

// compareRank orders by logit descending, then id ascending.
func compareRank(xa float32, ia int32, xb float32, ib int32) int {
	if c := cmp.Compare(xb, xa); c != 0 && xa != xb {
		return c
	}
	return cmp.Compare(ia, ib)
}

func TestKeyOrdersLikeRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xa, xb := logitGen().Draw(t, "xa"), logitGen().Draw(t, "xb")
		ia, ib := rapid.Int32Range(0, 1<<24).Draw(t, "ia"), rapid.Int32Range(0, 1<<24).Draw(t, "ib")
		ka, kb := makeKey(xa, ia), makeKey(xb, ib)
		if got, want := cmp.Compare(ka, kb), compareRank(xa, ia, xb, ib); got != want {
			t.Fatalf("keys of (%v, %d) and (%v, %d) compare %d, want %d", xa, ia, xb, ib, got, want)
		}
		if x, id := splitKey(ka); x != xa || id != ia {
			t.Fatalf("(%v, %d) came back as (%v, %d)", xa, ia, x, id)
		}
	})
}

func TestPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := make([]uint64, 0, 300)
		for i, x := range drawRow(t, 300) {
			keys = append(keys, makeKey(x, int32(i)))
		}
		n := rapid.IntRange(1, len(keys)).Draw(t, "n")
		sorted := slices.Sorted(slices.Values(keys))
		partition(keys, n)
		if keys[n-1] != sorted[n-1] {
			t.Fatalf("keys[%d] = %d, want %d", n-1, keys[n-1], sorted[n-1])
		}
		if got := slices.Sorted(slices.Values(keys[:n])); !slices.Equal(got, sorted[:n]) {
			t.Fatalf("first %d are %v, want %v", n, got, sorted[:n])
		}
	})
}

// A run of bad pivots must end in the sort, with the right answer.
func TestPartitionWithoutBudget(t *testing.T) {
	// Organ pipes: the median of three is near an end again and again.
	keys := make([]uint64, 4096)
	for i := range keys {
		keys[i] = uint64(2*min(i, len(keys)-1-i) + i%2)
	}
	sorted := slices.Sorted(slices.Values(keys))
	for _, n := range []int{1, 2, 2048, 4095, 4096} {
		k := slices.Clone(keys)
		partition(k, n)
		require.Equal(t, sorted[n-1], k[n-1], "n=%d", n)
	}
}

// leaders must be the head of a full sort, dense and sparse, whatever the floor did.
func TestLeaders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := drawRow(t, 1500)
		n := rapid.IntRange(1, len(row)+3).Draw(t, "n")
		c := &Cand{Logits: row, best: -1}
		if rapid.Bool().Draw(t, "sparse") {
			c.IDs = make([]int32, len(row))
			for i := range c.IDs {
				c.IDs[i] = int32(len(row) - i)
			}
		}
		var want []int
		for i, x := range row {
			if x != -inf {
				want = append(want, i)
			}
		}
		slices.SortFunc(want, func(a, b int) int { return compareRank(row[a], c.id(a), row[b], c.id(b)) })
		want = want[:min(n, len(want))]
		got := c.leaders(n)
		ids := c.mem.ids[1-c.mem.current]
		if len(got) != len(want) {
			t.Fatalf("%d leaders, want %d", len(got), len(want))
		}
		for i, w := range want {
			if got[i] != row[w] || ids[i] != c.id(w) {
				t.Fatalf("leader %d is (%v, %d), want (%v, %d)", i, got[i], ids[i], row[w], c.id(w))
			}
		}
	})
}
