//go:build !amd64 || purego

package kernels

// These products have assembly on amd64 only; elsewhere they run their Go twins.

func quantStepsAsm(dst []byte, src []float32, nb, planes int) (sum float64, ok bool) {
	return 0, false
}

func quantXAsm(dst []byte, src []float32, nb, planes int, coarse int64) bool { return false }

func expandAsm(l *Layout, ws, wm []float32, src []byte, nb int) bool { return false }

func unpackQAsm(dst []byte, l *Layout, codes []byte, nb int) bool { return false }

func gemvPackedAsm(out []float32, l *Layout, codes, scales, x []byte, nb, planes int) int { return 0 }

func gemvFAsm(out []float32, f Float, w []byte, rowGroups, wStride int, x []float32) bool {
	return false
}

func unpackFAsm(dst []float32, f Float, w []byte, k int) bool { return false }

func gemmFAsm(out []float32, ldo int, panel []float32, rowGroups int, x []float32, xStride, k, cols int) bool {
	return false
}

const amdProcessor = false

func gemmBF16Asm(out []float32, ldo int, w []byte, rowGroups, wStride int, x []byte, xStride, pairs, cols int) bool {
	return false
}

func packedColumns() int { return 0 }

func gemmPackedAsm(acc []float32, l *Layout, codes, scales, x []byte, xStride, nb, cols, planes int) int {
	return 0
}

func pack16Asm(form PackForm, codes, scales, src []byte, stride, n int) bool { return false }
