// Package bench measures the speed of the engine in the terms of llama-bench:
// prefill of n tokens on an empty cache or at a depth (pp), decoding of n tokens
// (tg), and both in a row (pg), with the same names for what is reported. Beside
// each figure stands the roof of the machine, measured in the same process: the
// bandwidth at which memory can be read, and the rate of the integer product.
//
// It also measures single kernels, checked against their Go twins in the same run.
package bench
