package kernels

import (
	"errors"
	"fmt"
	"os"
)

// Level is a set of processor instructions that kernels are written for. On
// amd64 the levels are ordered, so kernels test `level >= AVX2`.
type Level uint8

// The levels. NEON belongs to arm64 alone and is never compared by order.
const (
	Generic Level = iota // plain Go
	AVX2                 // AVX2, FMA and F16C
	AVX512               // AVX-512 F, BW, DQ and VL
	NEON                 // arm64 Advanced SIMD
)

// levelNames are the words of KVASIR_CPU, indexed by Level.
var levelNames = [...]string{Generic: "generic", AVX2: "avx2", AVX512: "avx512", NEON: "neon"}

// String returns the level's word in KVASIR_CPU.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// LevelVariable is the environment variable that forces a level.
const LevelVariable = "KVASIR_CPU"

// ErrLevel is wrapped by every error that [LevelError] returns.
var ErrLevel = errors.New("unusable processor level")

// level is read by every dispatch and written at start only (tests switch it).
// hasVNNI and hasBF16 are attributes beside the level: VPDPBUSD and VDPBF16PS in
// their EVEX forms. They hold what the processor has, whatever level is forced,
// so kernels test them together with level >= AVX512.
var (
	level, levelError = chooseLevel(os.Getenv(LevelVariable), hostLevel())
	hasVNNI           = hostVNNI()
	hasBF16           = hostBF16()
)

// Current returns the level in use.
func Current() Level { return level }

// LevelError reports why the level that KVASIR_CPU asks for is not the one in
// use: the word is unknown or the processor lacks the level. It is nil when the
// variable is unset, empty or honoured. Callers should refuse to go on, since a
// measurement under the wrong level would mislead.
func LevelError() error { return levelError }

// chooseLevel resolves the word of KVASIR_CPU on a machine whose best level is
// best. On error it returns best along with the error.
func chooseLevel(word string, best Level) (Level, error) {
	if word == "" {
		return best, nil
	}
	for l, name := range levelNames {
		if name != word {
			continue
		}
		if !provides(best, Level(l)) {
			return best, fmt.Errorf("%s=%s: %w: this machine has %s", LevelVariable, word, ErrLevel, best)
		}
		return Level(l), nil
	}
	return best, fmt.Errorf("%s=%q: %w: want generic, avx2, avx512 or neon", LevelVariable, word, ErrLevel)
}

// provides reports whether a machine whose best level is best can run l.
func provides(best, l Level) bool {
	switch l {
	case Generic:
		return true
	case NEON:
		return best == NEON
	default:
		return best != NEON && best >= l
	}
}
