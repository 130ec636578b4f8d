package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// The answers are those published with the generator (Random123, philox 4x32-10).
func TestPhiloxKnownAnswers(t *testing.T) {
	const ones = math.MaxUint32
	for _, tc := range []struct {
		name string
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{"zero", [4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{"ones", [4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{"pi", [4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, philox(tc.ctr, tc.key))
		})
	}
}

// U is a contract: these numbers must never change, or saved seeds stop working.
func TestUniformIsPinned(t *testing.T) {
	r := NewRand(0x0123456789abcdef, 0xfedcba9876543210, 77)
	x := philox([4]uint32{77, 0x76543210, 0xfedcba98, 1<<24 | 5}, [2]uint32{0x89abcdef, 0x01234567})
	want := math.Ldexp(float64(x[0]), -32) + math.Ldexp(float64(x[1]>>11), -53)
	require.Equal(t, want, r.U(PurposeDist, 5))
}

// Every part of the address must matter.
func TestUniformAddress(t *testing.T) {
	base := NewRand(1, 2, 3)
	seen := map[float64]string{base.U(1, 4): "base"}
	for name, u := range map[string]float64{
		"seed low": NewRand(2, 2, 3).U(1, 4), "seed high": NewRand(1|1<<40, 2, 3).U(1, 4),
		"stream low": NewRand(1, 3, 3).U(1, 4), "stream high": NewRand(1, 2|1<<40, 3).U(1, 4),
		"position": NewRand(1, 2, 4).U(1, 4), "purpose": base.U(2, 4), "index": base.U(1, 5),
	} {
		require.Equal(t, "", seen[u], "%s gives the number of %s", name, seen[u])
		seen[u] = name
		require.True(t, u >= 0 && u < 1, "%s: %v", name, u)
	}
}

func TestUniformIndexTooLarge(t *testing.T) {
	require.Panics(t, func() { NewRand(1, 2, 3).U(PurposeDist, maxDraws) })
}
