//go:build (!amd64 && !arm64) || purego

package kernels

func gemvQAsm(out []float32, l *Layout, codes []byte, ws, wm []float32, x []byte, nb, planes int) bool {
	return false
}

func gemmQAsm(out []float32, ldo int, panel []byte, ws, wm []float32, rowGroups int, x []byte, xStride, nb, cols, group, planes int) bool {
	return false
}
