//go:build arm64 && !purego

package kernels

func dotPeak() float64 {
	if !useDot() {
		return 0
	}
	return peakOf(func(a *peakArgs) { peakDotNEON(a) }, 32)
}

func fmaPeak() float64 {
	if level != NEON {
		return 0
	}
	return peakOf(func(a *peakArgs) { peakFMANEON(a) }, 8)
}

func streams([]byte) bool { return false }
