//go:build (amd64 || arm64) && !purego

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
