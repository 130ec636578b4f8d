package kvcache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// errState: the stored state of a policy is not one.
var errState = errors.New("state of a cache policy is damaged")

// stateVersion is the first byte of every stored policy state.
const stateVersion = 1

// stateWriter builds the stored form of a policy's state: a version, unsigned
// varints, little-endian floats.
type stateWriter struct{ b []byte }

func newStateWriter() *stateWriter { return &stateWriter{b: []byte{stateVersion}} }

func (w *stateWriter) ints(xs ...int) {
	for _, x := range xs {
		w.b = binary.AppendUvarint(w.b, uint64(x))
	}
}

func (w *stateWriter) floats(xs []float32) {
	w.ints(len(xs))
	for _, x := range xs {
		w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(x))
	}
}

// stateReader reads it again. The first fault sticks.
type stateReader struct {
	b   []byte
	err error
}

func newStateReader(b []byte) *stateReader {
	r := &stateReader{b: b}
	if len(b) == 0 || b[0] != stateVersion {
		r.err = fmt.Errorf("%w: unknown version", errState)
		return r
	}
	r.b = b[1:]
	return r
}

func (r *stateReader) int() int {
	if r.err != nil {
		return 0
	}
	x, n := binary.Uvarint(r.b)
	if n <= 0 || x > math.MaxInt32 {
		r.err = fmt.Errorf("%w: bad number", errState)
		return 0
	}
	r.b = r.b[n:]
	return int(x)
}

func (r *stateReader) floats() []float32 {
	n := r.int()
	if r.err != nil || n > len(r.b)/4 {
		if r.err == nil {
			r.err = fmt.Errorf("%w: %d values in %d bytes", errState, n, len(r.b))
		}
		return nil
	}
	xs := make([]float32, n)
	for i := range xs {
		xs[i] = math.Float32frombits(binary.LittleEndian.Uint32(r.b[4*i:]))
	}
	r.b = r.b[4*n:]
	return xs
}

// done returns the first fault; bytes left over are one.
func (r *stateReader) done() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("%w: %d bytes left over", errState, len(r.b))
	}
	return r.err
}
