package kernels

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireVariable makes a level that this build has code for but this machine
// cannot run a failure instead of a skip; the strongest CI machine sets it.
const requireVariable = "KVASIR_REQUIRE_LEVELS"

// compiledLevels lists the levels that this build has code for.
func compiledLevels() []Level {
	if runtime.GOARCH == "amd64" && assemblyCompiled {
		return []Level{Generic, AVX2, AVX512}
	}
	if runtime.GOARCH == "arm64" && assemblyCompiled {
		return []Level{Generic, NEON}
	}
	return []Level{Generic}
}

// eachLevel runs f once per compiled level as a subtest, with level switched.
// Such tests must not call t.Parallel.
func eachLevel(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	for _, l := range compiledLevels() {
		t.Run(l.String(), func(t *testing.T) {
			if !provides(hostLevel(), l) {
				if os.Getenv(requireVariable) != "" {
					t.Fatalf("level %s is required by %s, but this machine has %s only", l, requireVariable, hostLevel())
				}
				t.Skipf("level %s: this machine has %s only", l, hostLevel())
			}
			useLevel(t, l)
			f(t)
		})
	}
}

// eachLevelB is eachLevel for benchmarks; missing levels are skipped.
func eachLevelB(b *testing.B, f func(b *testing.B)) {
	b.Helper()
	for _, l := range compiledLevels() {
		b.Run(l.String(), func(b *testing.B) {
			if !provides(hostLevel(), l) {
				b.Skipf("level %s: this machine has %s only", l, hostLevel())
			}
			useLevel(b, l)
			f(b)
		})
	}
}

// useLevel switches the level until the test ends.
func useLevel(tb testing.TB, l Level) {
	old := level
	level = l
	tb.Cleanup(func() { level = old })
}

func TestChooseLevel(t *testing.T) {
	for _, tc := range []struct {
		word string
		best Level
		want Level
		bad  bool
	}{
		{"", AVX512, AVX512, false},
		{"generic", AVX512, Generic, false},
		{"avx2", AVX512, AVX2, false},
		{"avx512", AVX512, AVX512, false},
		{"avx512", AVX2, AVX2, true},
		{"avx2", Generic, Generic, true},
		{"avx2", NEON, NEON, true},
		{"neon", AVX512, AVX512, true},
		{"neon", NEON, NEON, false},
		{"generic", NEON, Generic, false},
		{"AVX2", AVX512, AVX512, true},
		{"sse", AVX2, AVX2, true},
	} {
		got, err := chooseLevel(tc.word, tc.best)
		require.Equal(t, tc.want, got, "%q on %s", tc.word, tc.best)
		if tc.bad {
			require.ErrorIs(t, err, ErrLevel, "%q on %s", tc.word, tc.best)
		} else {
			require.NoError(t, err, "%q on %s", tc.word, tc.best)
		}
	}
}

func TestLevelString(t *testing.T) {
	require.Equal(t, "avx512", AVX512.String())
	require.Equal(t, "level(9)", Level(9).String())
}

// TestCurrent names the level in the test log, so that a CI run shows it.
func TestCurrent(t *testing.T) {
	t.Logf("level %s, host %s, vnni %v, bf16 %v", Current(), hostLevel(), hasVNNI, hasBF16)
	if os.Getenv(LevelVariable) == "" {
		require.NoError(t, LevelError())
		require.Equal(t, hostLevel(), Current())
	}
}
