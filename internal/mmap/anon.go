package mmap

import (
	"fmt"
	"unsafe"
)

// hugePage is the size and alignment of a large page on amd64 and arm64 (4 KiB
// granule).
const hugePage = 2 << 20

// Anon is a block of zeroed memory outside the Go heap. It must hold no Go
// pointers: the garbage collector does not look into it.
type Anon struct {
	// Data has the length asked for and no spare capacity. It starts on a page
	// boundary, and on a 2 MiB boundary if it is that long.
	Data []byte

	region []byte // what the system gave, including alignment slack
}

// Alloc returns n zeroed bytes. Pages become resident when they are first
// touched. For blocks of 2 MiB and more the kernel is asked for large pages,
// which a weight stream needs to stay clear of the TLB.
func Alloc(n int) (*Anon, error) {
	if n < 0 {
		return nil, fmt.Errorf("allocate %d bytes: negative size", n)
	}
	if n == 0 {
		return &Anon{}, nil
	}
	slack := 0
	if n >= hugePage && alignHuge {
		slack = hugePage // address space only: never touched, never resident
	}
	if n+slack < n {
		return nil, fmt.Errorf("allocate %d bytes: size overflows", n)
	}
	region, err := mapAnon(n + slack)
	if err != nil {
		return nil, fmt.Errorf("allocate %d bytes: %w", n, err)
	}
	lo := 0
	if slack > 0 {
		base := uintptr(unsafe.Pointer(unsafe.SliceData(region)))
		lo = int(-base & (hugePage - 1))
	}
	a := &Anon{Data: region[lo : lo+n : lo+n], region: region}
	if whole := n &^ (hugePage - 1); whole > 0 {
		// The last partial large page keeps small pages, so that what becomes
		// resident is what was asked for.
		adviseHuge(a.Data[:whole])
	}
	return a, nil
}

// Free gives the memory back; Data and every slice of it become invalid. Freeing
// twice is harmless.
func (a *Anon) Free() error {
	region := a.region
	a.Data, a.region = nil, nil
	if region == nil {
		return nil
	}
	return unmapAnon(region)
}
