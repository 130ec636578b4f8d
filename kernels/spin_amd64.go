//go:build amd64 && !purego

package kernels

func spinPause(n int) { spinPauseAsm(n) }

//go:noescape
func spinPauseAsm(n int)
