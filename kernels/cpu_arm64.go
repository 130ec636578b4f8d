//go:build arm64 && !purego

package kernels

import "golang.org/x/sys/cpu"

// hostLevel: every arm64 processor has Advanced SIMD.
func hostLevel() Level { return NEON }

func hostVNNI() bool { return false }

func hostBF16() bool { return false }

// hasDot is the processor's own bit for SDOT; the integer products need it.
var hasDot = cpu.ARM64.HasASIMDDP
