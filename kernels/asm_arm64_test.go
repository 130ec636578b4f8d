//go:build arm64 && !purego

package kernels

const assemblyCompiled = true

func eachZMM(f func()) { f() }
