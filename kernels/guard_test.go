package kernels

import (
	"testing"
	"unsafe"
)

// guardBytes is the width of the guard bands that surround guarded buffers.
const guardBytes = 256

// guardByte fills guard bands. As f32 it is -1.2e-15: finite, so that a kernel
// that reads a band by mistake gives a wrong figure instead of a NaN that a
// maximum would swallow.
const guardByte = 0xa7

// guarded returns n zeroed elements that start offset elements after a 64-byte
// boundary. The bytes around them hold a pattern; a kernel that writes there
// fails the test when it ends.
func guarded[T float32 | byte | int8 | uint16 | int32](tb testing.TB, n, offset int) []T {
	tb.Helper()
	var zero T
	size := int(unsafe.Sizeof(zero))
	raw := make([]byte, 64+2*guardBytes+(offset+n)*size)
	for i := range raw {
		raw[i] = guardByte
	}
	start := int(-uintptr(unsafe.Pointer(&raw[0]))&63) + guardBytes + offset*size
	end := start + n*size
	clear(raw[start:end])
	tb.Cleanup(func() {
		for i, b := range raw {
			if (i < start || i >= end) && b != guardByte {
				tb.Errorf("guard band broken: byte %d outside [0,%d)", i-start, end-start)
				return
			}
		}
	})
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(raw[start:]))), n)
}

// guardedCopy is guarded with the contents of src; the test fails at its end if
// a kernel changed them.
func guardedCopy[T float32 | byte | int8 | uint16 | int32](tb testing.TB, src []T, offset int) []T {
	tb.Helper()
	dst := guarded[T](tb, len(src), offset)
	copy(dst, src)
	want := append([]byte(nil), rawBytes(dst)...)
	tb.Cleanup(func() {
		if string(rawBytes(dst)) != string(want) {
			tb.Error("a kernel changed its input")
		}
	})
	return dst
}

// rawBytes views a slice's memory.
func rawBytes[T any](s []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(zero)))
}
