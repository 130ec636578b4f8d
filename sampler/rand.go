package sampler

import (
	"fmt"
	"math/bits"
)

// Purpose separates the uses of randomness at one position, so that no use moves
// the numbers of another. The values are part of the reproducibility contract and
// never change; new uses get new values.
type Purpose uint8

const (
	// PurposeDist is the draw of the token itself.
	PurposeDist Purpose = 1
	// PurposeXTC is the coin of the xtc stage.
	PurposeXTC Purpose = 2
	// PurposeAccept is the coin that accepts or rejects a drafted token.
	PurposeAccept Purpose = 3
	// PurposeResidual is the draw that follows the rejection of all drafted tokens.
	PurposeResidual Purpose = 4
	// PurposeDraft is the draw of a drafted token.
	PurposeDraft Purpose = 5
)

// maxDraws bounds the index of a draw: 24 bits of the counter.
const maxDraws = 1 << 24

// Rand gives the random numbers of one position: draw i for a purpose is a pure
// function of (seed, stream, position, purpose, i). It has no state, may be copied
// freely and used from any goroutine.
//
// The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random
// numbers: as easy as 1, 2, 3", 2011). Key = seed, low word first; counter =
// (position, stream low, stream high, purpose<<24 | i).
type Rand struct {
	seed, stream uint64
	pos          uint32
}

// NewRand returns the numbers of position pos in the given stream of a seed.
func NewRand(seed, stream uint64, pos uint32) Rand {
	return Rand{seed: seed, stream: stream, pos: pos}
}

// U returns draw i for p, uniform in [0, 1) with 53 bits: the first output word is
// the high half. i must be below 2^24.
func (r Rand) U(p Purpose, i uint32) float64 {
	if i >= maxDraws {
		panic(fmt.Sprintf("sampler: draw %d of purpose %d: index needs more than 24 bits", i, p))
	}
	x := philox([4]uint32{r.pos, uint32(r.stream), uint32(r.stream >> 32), uint32(p)<<24 | i},
		[2]uint32{uint32(r.seed), uint32(r.seed >> 32)})
	return float64((uint64(x[0])<<32|uint64(x[1]))>>11) * 0x1p-53
}

// philox runs the ten rounds of Philox4x32 on counter c with key k.
func philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		hi0, lo0 := bits.Mul32(0xD2511F53, c[0])
		hi1, lo1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0}
		k[0] += 0x9E3779B9
		k[1] += 0xBB67AE85
	}
	return c
}
