package mmap

import (
	"fmt"
	"unsafe"
)

// Scalar lists what raw bytes may be seen as: numbers of a fixed size, for which
// every bit pattern is a value.
type Scalar interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// View returns b seen as a slice of T in the machine's byte order, without
// copying: it aliases b and lives as long. It is an error if b does not start on
// a multiple of T's size or does not hold a whole number of T.
func View[T Scalar](b []byte) ([]T, error) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if len(b)%size != 0 {
		return nil, fmt.Errorf("view as %T: %d bytes are not a multiple of %d", zero, len(b), size)
	}
	if len(b) == 0 {
		return nil, nil
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if r := uintptr(p) % uintptr(size); r != 0 {
		return nil, fmt.Errorf("view as %T: address is %d bytes past a multiple of %d", zero, r, size)
	}
	return unsafe.Slice((*T)(p), len(b)/size), nil
}
