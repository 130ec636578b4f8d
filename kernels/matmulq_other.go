//go:build (!amd64 && !arm64) || purego

package kernels

func gemvQAsm(out []float32, l *Layout, codes []byte, ws, wm []float32, x []byte, nb, planes int) bool {
	return false
}

// zeroAt128 reports whether panels without minima have their zero at code 128.
func zeroAt128() bool { return false }

func gemmQAsm(out []float32, ldo int, p *Panel, x []byte, xStride, cols, planes int) bool {
	return false
}
