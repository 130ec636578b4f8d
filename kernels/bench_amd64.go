//go:build amd64 && !purego

package kernels

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
