//go:build (!amd64 && !arm64) || purego

package kernels

// hostLevel is Generic where no assembly is compiled.
func hostLevel() Level { return Generic }

func hostVNNI() bool { return false }

func hostBF16() bool { return false }
