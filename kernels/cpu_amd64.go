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

// splitZMM reports a core that executes each 512-bit operation in two halves. The
// wide form then wins only where it saves instructions, and loses where it needs
// a conversion of 16 half floats, which such a core breaks up further. Kernels
// whose results do not depend on the vector width may test it.
var splitZMM = hostSplitZMM()

// hostSplitZMM knows Zen 4: AMD, family 19h. (Zen 3 shares the family, without
// AVX-512.)
func hostSplitZMM() bool {
	if !hostAMD() {
		return false
	}
	a, _, _, _ := cpuid(1)
	return a>>8&0xf == 0xf && a>>20&0xff == 0x19-0xf
}

// hostAMD reports whether AMD made the processor.
func hostAMD() bool {
	_, b, c, d := cpuid(0)
	return b == 0x68747541 && d == 0x69746e65 && c == 0x444d4163 // "Auth" "enti" "cAMD"
}

// cpuid returns the registers of a CPUID leaf, subleaf 0.
//
//go:noescape
func cpuid(leaf uint32) (a, b, c, d uint32)
