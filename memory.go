package kvasir

import "runtime/metrics"

// Memory says where the process's memory is, in bytes.
type Memory struct {
	Weights int64 // packed weights
	Cache   int64 // cache blocks of all sessions
	// Other is the rest of Resident: buffers, vocabulary, Go runtime, program,
	// and pages of the model file.
	Other int64
	// Resident is what the operating system counts, where it tells; else the
	// sum of Weights, Cache and what the Go runtime holds.
	Resident int64
}

// Memory returns a snapshot.
func (e *Engine) Memory() Memory {
	m := Memory{Weights: e.model.PackedBytes(), Cache: e.cache.Stats().Bytes, Resident: residentBytes()}
	if m.Resident == 0 {
		m.Resident = m.Weights + m.Cache + goBytes()
	}
	m.Other = max(0, m.Resident-m.Weights-m.Cache)
	return m
}

// goBytes is the memory that the Go runtime holds.
func goBytes() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
