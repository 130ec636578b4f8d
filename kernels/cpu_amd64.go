//go:build amd64 && !purego

package kernels

import "golang.org/x/sys/cpu"

// hostLevel returns the best level that the processor and the operating system
// (saved register state) support.
func hostLevel() Level {
	x := &cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasFMA || !x.HasF16C:
		return Generic
	case !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL:
		return AVX2
	default:
		return AVX512
	}
}

func hostVNNI() bool { return cpu.X86.HasAVX512VNNI }

func hostBF16() bool { return cpu.X86.HasAVX512BF16 }
