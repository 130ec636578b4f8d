// Package tinymodel makes small model files with random weights: every
// architecture, weight format and rotation that the engine knows, in a few
// hundred kilobytes and without a download. It is imported by tests only.
//
// The same [Spec] gives the same bytes on every machine, so that results of
// another implementation can be kept for them (see [Variants]). What a file of
// an architecture holds is written down here a second time, on purpose: a
// mistake in the engine's own table does not find its twin.
package tinymodel
