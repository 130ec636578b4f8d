package sampler

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
)

// Seed is a fixed 64-bit seed, or (the zero value) the wish for a random one. It
// reads and writes as a number in JSON and on the command line, where -1, null and
// llama.cpp's 4294967295 mean random.
type Seed struct {
	value uint64
	fixed bool
}

// llamaRandom is the seed that llama.cpp reads as "random".
const llamaRandom = 0xFFFFFFFF

// FixedSeed returns the seed v; 4294967295 means random here as everywhere.
func FixedSeed(v uint64) Seed {
	if v == llamaRandom {
		return Seed{}
	}
	return Seed{value: v, fixed: true}
}

// Value returns the seed, and false when it is random.
func (s Seed) Value() (v uint64, fixed bool) { return s.value, s.fixed }

// Resolve returns s when it is fixed, else a new random seed. Random seeds stay
// below 2^53, so that a client which keeps JSON numbers as doubles can send the
// reported one back unharmed.
func (s Seed) Resolve() Seed {
	for !s.fixed {
		var b [8]byte
		rand.Read(b[:]) // never fails, by its contract
		s = FixedSeed(binary.LittleEndian.Uint64(b[:]) >> 11)
	}
	return s
}

// String is the number, or -1 when random.
func (s Seed) String() string {
	if !s.fixed {
		return "-1"
	}
	return strconv.FormatUint(s.value, 10)
}

// UnmarshalText parses a number from 0 to 2^64-1, or -1.
func (s *Seed) UnmarshalText(text []byte) error {
	if string(text) == "-1" {
		*s = Seed{}
		return nil
	}
	v, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return fmt.Errorf("seed %q: want -1 or a number from 0 to 2^64-1", text)
	}
	*s = FixedSeed(v)
	return nil
}

// MarshalJSON writes the number, -1 when random.
func (s Seed) MarshalJSON() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads a number or null.
func (s *Seed) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		*s = Seed{}
		return nil
	}
	return s.UnmarshalText(data)
}
