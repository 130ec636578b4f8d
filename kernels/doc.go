// Package kernels holds the arithmetic that a transformer spends its time in:
// products with packed weights, the two products of attention, and the small
// vector operations between them. Everything is single-threaded; callers split
// work and own the threads.
//
// # Levels
//
// Each operation exists as plain Go ("the twin", compiled everywhere) and, on
// amd64, as assembly for AVX2+FMA+F16C and for AVX-512 (F, BW, DQ, VL). On arm64
// the level neon has assembly for [GemvQ] on processors with SDOT so far, which
// [GemmQ] calls column by column (tested under emulation only); its other
// operations are the twins. The
// best level that the processor and the operating system support is chosen once
// at start; KVASIR_CPU=generic|avx2|avx512|neon forces one, and [LevelError]
// reports a word that cannot be honoured. The build tag purego compiles no
// assembly.
//
// # Determinism
//
// For one level, each output element is reduced in one fixed order that depends
// on the length of its own reduction only: not on the number of rows, columns or
// threads processed together, nor on where a slice starts in memory. A product
// of one column and of many give bit-identical results. Results of different
// levels agree within rounding, not bit for bit.
//
// # Conventions
//
// Functions take slices and check lengths once per call; a slice that is too
// short panics, since lengths are the caller's invariant and never user input.
// Longer slices are allowed where a doc comment says "at least". Destination and
// source may be the same slice only where a doc comment says so; they never may
// overlap partly. No function allocates, keeps a reference, or starts a
// goroutine, and all of them may be called concurrently on disjoint
// destinations. Assembly cannot be preempted, so long inputs are cut into pieces
// of bounded work.
package kernels
