//go:build amd64 && !purego

package kernels

import "time"

// peakRounds makes a peak measurement last some 20 µs.
const peakRounds = 4000

// peakOf returns the best operations per second of a peak kernel whose step makes
// ops operations.
func peakOf(f func(a *peakArgs), ops float64) float64 {
	best := 0.0
	for range 300 {
		start := time.Now()
		f(&peakArgs{n: peakRounds})
		best = max(best, 12*peakRounds*ops/time.Since(start).Seconds())
	}
	return best
}

func dotPeak() float64 {
	switch {
	case useVNNI():
		return peakOf(func(a *peakArgs) { peakDotAVX512(a) }, 128)
	case level >= AVX2:
		return peakOf(func(a *peakArgs) { peakDotAVX2(a) }, 64)
	}
	return 0
}

func fmaPeak() float64 {
	switch {
	case level >= AVX512:
		return peakOf(func(a *peakArgs) { peakFMAAVX512(a) }, 32)
	case level >= AVX2:
		return peakOf(func(a *peakArgs) { peakFMAAVX2(a) }, 16)
	}
	return 0
}

// streams reads buf with wide loads, in pieces that a GEMV call would read.
func streams(buf []byte) bool {
	if level < AVX2 {
		return false
	}
	const piece = 1 << 16
	for i := 0; i < len(buf); i += piece {
		n := min(piece, len(buf)-i)
		panelOrAVX2(&panelOrArgs{p: &buf[i], n: n / chunkBytes})
	}
	return true
}
