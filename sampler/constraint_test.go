package sampler

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// only allows a fixed set.
type only struct {
	set    *Bitset
	forced []int32
}

func (o *only) Name() string           { return "only" }
func (o *only) Mask(dst *Bitset) error { dst.CopyFrom(o.set); return nil }
func (o *only) Forced(n int) []int32   { return o.forced[:min(n, len(o.forced))] }
func (o *only) Accept(tok int32) error {
	if !o.set.Has(tok) {
		return ErrConstraint
	}
	return nil
}
func (o *only) Complete() bool     { return true }
func (o *only) Done() bool         { return false }
func (o *only) Rollback(int) error { return nil }
func (o *only) Clone() Constraint  { return &only{o.set, o.forced} }

// A constrained chain draws as one whose other logits are -Inf, whether few or most
// tokens are allowed.
func TestConstraintIsAMask(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const size = 1000
	for _, share := range []float64{0.004, 0.02, 0.3, 0.98} {
		for range 20 {
			logits, masked := make([]float32, size), make([]float32, size)
			set := NewBitset(size)
			for i := range logits {
				logits[i] = float32(rng.NormFloat64() * 3)
				masked[i] = negInf
				if i == 77 || rng.Float64() < share {
					set.Set(int32(i))
					masked[i] = logits[i]
				}
			}
			p := DefaultParams()
			p.Seed, p.RepeatPenalty = FixedSeed(5), 1.2
			chain, err := NewChain(p, Vocab{Size: size})
			require.NoError(t, err)
			require.NoError(t, chain.Accept(77))
			plain := chain.Clone()
			chain.Constrain(&only{set: set})
			var got, want Dist
			require.NoError(t, plain.Dist(&want, masked, 3))
			require.NoError(t, chain.Dist(&got, logits, 3))
			require.Equal(t, want.IDs, got.IDs)
			require.InDeltaSlice(t, want.P, got.P, 1e-9)
			require.NoError(t, chain.Clone().Accept(got.IDs[0]))
		}
	}
}

func TestConstraintErrorsAndForced(t *testing.T) {
	logits := make([]float32, 100)
	p := DefaultParams()
	p.LogitBias = map[int32]float32{3: negInf}
	chain, err := NewChain(p, Vocab{Size: 100})
	require.NoError(t, err)
	none := &only{set: NewBitset(100)}
	chain.Constrain(none)
	_, err = chain.Next(logits, 0, nil)
	require.ErrorIs(t, err, ErrNoCandidates)
	require.ErrorContains(t, err, "only")
	require.ErrorIs(t, chain.Accept(5), ErrConstraint)
	none.set.Set(3) // banned by the bias
	_, err = chain.Next(logits, 0, nil)
	require.ErrorIs(t, err, ErrNoCandidates)
	none.set.Set(5)
	none.set.Set(6)
	none.forced = []int32{6, 3}
	require.Equal(t, []int32{6}, chain.Forced(2))
	id, err := chain.Next(logits, 0, nil)
	require.NoError(t, err)
	require.EqualValues(t, 6, id)
	two := NewBitset(100)
	two.Set(5)
	chain.Constrain(none, &only{set: two})
	id, err = chain.Next(logits, 0, nil)
	require.NoError(t, err)
	require.EqualValues(t, 5, id)
}

func TestBitset(t *testing.T) {
	b := NewBitset(130)
	for _, id := range []int32{0, 64, 129, 130, -1} {
		b.Set(id)
	}
	require.Equal(t, []int32{0, 64, 129}, b.AppendTo(nil))
	require.Equal(t, 3, b.Count())
	b.Clear(0)
	require.EqualValues(t, 64, b.First())
	require.False(t, b.Has(0))
	require.EqualValues(t, -1, NewBitset(10).First())
}
