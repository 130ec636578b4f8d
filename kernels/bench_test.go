package kernels

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLevels(t *testing.T) {
	levels := Levels()
	require.Equal(t, Generic, levels[0])
	require.Contains(t, levels, hostLevel())
	require.Equal(t, hostLevel(), levels[len(levels)-1], "the best is last")
	for _, l := range levels {
		before := Current()
		require.NoError(t, AtLevel(l, func() { require.Equal(t, l, Current()) }))
		require.Equal(t, before, Current())
	}
	for _, l := range []Level{Generic, AVX2, AVX512, NEON} {
		if !provides(hostLevel(), l) {
			require.ErrorIs(t, AtLevel(l, func() { t.Error("ran") }), ErrLevel)
		}
	}
	require.PanicsWithValue(t, "x", func() { _ = AtLevel(Generic, func() { panic("x") }) })
	require.Equal(t, level, Current(), "a panic restores the level, too")
}

// Peaks are positive exactly where there is assembly; a stream takes any length.
func TestPeaksAndStream(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		if level == Generic {
			require.Zero(t, PeakDot())
			require.Zero(t, PeakFMA())
		} else {
			if level != NEON { // its integer product is optional
				require.Positive(t, PeakDot())
			}
			require.Positive(t, PeakFMA())
		}
		buf := make([]byte, 70000)
		for _, n := range []int{0, 1, 63, 64, 65, 1 << 16, 1<<16 + 64, len(buf)} {
			Stream(buf[:n])
		}
	})
}

func TestReadWords(t *testing.T) {
	buf := make([]byte, 96)
	for i := range buf {
		clear(buf)
		buf[i] = 1
		require.NotZero(t, readWords(buf), "byte %d", i)
	}
	require.Zero(t, readWords(buf[:31]))
}
