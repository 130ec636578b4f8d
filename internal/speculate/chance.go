package speculate

import "kvasir/sampler"

// Chance makes the random decisions of drafts and rules. It is an interface so
// that a test can go through all outcomes with their probabilities.
type Chance interface {
	// Coin is true with probability prob, which may lie outside [0, 1]; i numbers
	// the coins of a position.
	Coin(i int, prob float64) bool
	// Draw returns a token of d, whose probabilities need not sum to 1; i numbers
	// the draws of a position.
	Draw(i int, d *sampler.Dist) int32
}

// Seeded makes decisions from the random numbers of one position: coins for the
// tests of acceptance, and draws for Purpose. Every decision is a pure function of
// (seed, stream, position, purpose, index): what was drafted for a position and
// thrown away leaves no trace in what is drawn there later.
type Seeded struct {
	Rand    sampler.Rand
	Purpose sampler.Purpose // of Draw
}

// Coin implements Chance.
func (s Seeded) Coin(i int, prob float64) bool {
	return s.Rand.U(sampler.PurposeAccept, uint32(i)) < prob
}

// Draw implements Chance.
func (s Seeded) Draw(i int, d *sampler.Dist) int32 {
	return d.Draw(s.Rand.U(s.Purpose, uint32(i)))
}
