package sampler

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Selections that skip blocks must see what a plain walk sees, after any changes.
func TestBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := drawRow(t, 1500)
		row[0] = 1 // one is not masked
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var c Cand
		if err := c.load(row); err != nil {
			t.Fatal(err)
		}
		c.own()
		for range rng.IntN(30) {
			x := logitGen().Draw(t, "x")
			if rng.IntN(3) == 0 {
				x = row[rng.IntN(len(row))]
			}
			id := int32(rng.IntN(len(row)))
			if rng.IntN(3) == 0 {
				id = int32(c.bestIndex()) // the one that blocks are known by
			}
			c.set(id, x)
		}
		for b, top := range c.tops {
			if want := slices.Max(c.Logits[b*blockLen : min((b+1)*blockLen, len(row))]); top != want {
				t.Fatalf("block %d has %v, not %v", b, want, top)
			}
		}
		plain := Cand{Logits: c.Logits, best: -1}
		if got, want := c.bestIndex(), plain.bestIndex(); got != want {
			t.Fatalf("best is %d, want %d", got, want)
		}
		floor := row[rng.IntN(len(row))]
		n := 1 + rng.IntN(len(row))
		if rng.IntN(2) == 0 {
			n = min(n, 1+rng.IntN(4)) // few enough for the floor of blocks
		}
		if got, want := c.count(floor, len(row)), plain.count(floor, len(row)); got != want {
			t.Fatalf("%d logits of %v or more, want %d", got, floor, want)
		}
		if got, want := c.leaders(n), plain.leaders(n); !slices.Equal(got, want) {
			t.Fatalf("leaders %v, want %v", got, want)
		}
	})
}

// A long list is drawn from as its weights say, whatever is masked, and a token of no
// weight never.
func TestDrawLong(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	row := make([]float32, 3*longList+17)
	for i := range row {
		row[i] = float32(rng.NormFloat64() * 3)
		if i%5 == 0 || i/pieceLen == 2 {
			row[i] = negInf
		}
	}
	row[len(row)-1] = -300
	var c Cand
	require.NoError(t, c.load(row))
	w, sum := c.softmax()
	w = slices.Clone(w)
	run, cum := 0.0, make([]float64, len(w))
	for i, x := range w {
		run += x
		cum[i] = run / sum
	}
	for range 3000 {
		u := rng.Float64()
		tok := c.draw(u)
		require.Positive(t, w[tok])
		require.GreaterOrEqual(t, cum[tok], u-1e-6)
		require.LessOrEqual(t, cum[tok]-w[tok]/sum, u+1e-6)
	}
	require.Equal(t, int32(1), c.draw(0), "the first of any weight")
	last := c.draw(1 - 0x1p-53)
	require.Positive(t, w[last])
	require.Greater(t, cum[last], 1-1e-6)
	short := Cand{Logits: row[:longList-1], best: -1}
	exact, z := short.softmax()
	for i, x := range exact {
		require.InEpsilon(t, 1+x/z, 1+w[i]*exact[1]/w[1]/z, 1e-6, "the weights of both ways agree")
	}
}
