//go:build (!amd64 && !arm64) || purego

package kernels

const assemblyCompiled = false

func eachZMM(f func()) { f() }
