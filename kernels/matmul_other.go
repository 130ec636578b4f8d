//go:build (!amd64 && !arm64) || purego

package kernels

// Without assembly every product runs its Go twin.

func quantXAsm(dst []byte, src []float32, nb, planes int, coarse int64) bool { return false }

func expandAsm(l *Layout, ws, wm []float32, src []byte, nb int) bool { return false }

func unpackQAsm(dst []byte, l *Layout, codes []byte, nb int) bool { return false }

func gemvQAsm(out []float32, l *Layout, codes []byte, ws, wm []float32, x []byte, nb, planes int) bool {
	return false
}

func gemvPackedAsm(out []float32, l *Layout, codes, scales, x []byte, nb, planes int) int { return 0 }

func gemmQAsm(out []float32, ldo int, panel []byte, ws, wm []float32, rowGroups int, x []byte, xStride, nb, cols, group, planes int) bool {
	return false
}

func gemvFAsm(out []float32, f Float, w []byte, rowGroups, wStride int, x []float32) bool {
	return false
}

func unpackFAsm(dst []float32, f Float, w []byte, k int) bool { return false }

func gemmFAsm(out []float32, ldo int, panel []float32, rowGroups int, x []float32, xStride, k, cols int) bool {
	return false
}
