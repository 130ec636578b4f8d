package kernels

// SpinPause executes n pause instructions, the polite body of a short spin loop
// (10 to 60 ns each on amd64). n should stay below a hundred: the loop cannot be
// preempted. Where there is no such instruction it counts to n.
func SpinPause(n int) {
	if n > 0 {
		spinPause(n)
	}
}
