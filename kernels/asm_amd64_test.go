//go:build amd64 && !purego

package kernels

const assemblyCompiled = true

// eachZMM runs f for both kinds of 512-bit cores, whatever this one is.
func eachZMM(f func()) {
	old := splitZMM
	defer func() { splitZMM = old }()
	for _, splitZMM = range []bool{false, true} {
		f()
	}
}
