package mmap

import (
	"fmt"
	"runtime/debug"
	"unsafe"
)

// Guard runs fn and turns a memory fault inside the given files into an error
// that wraps ErrFault. Such a fault (SIGBUS on Unix) happens when a mapped file
// is truncated by another process, and would otherwise end this one. Faults at
// any other address, and all other panics, go through unchanged.
//
// It covers the calling goroutine only: goroutines that fn starts need a Guard of
// their own.
func Guard(fn func() error, files ...*File) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		fault, ok := r.(interface {
			error
			Addr() uintptr // documented for panics caused by SetPanicOnFault
		})
		if !ok {
			panic(r)
		}
		for _, f := range files {
			if f != nil && f.contains(fault.Addr()) {
				off := fault.Addr() - uintptr(unsafe.Pointer(unsafe.SliceData(f.Data)))
				err = fmt.Errorf("byte %d of %d: %w", off, f.Size, ErrFault)
				return
			}
		}
		panic(r)
	}()
	return fn()
}

func (f *File) contains(addr uintptr) bool {
	base := uintptr(unsafe.Pointer(unsafe.SliceData(f.Data)))
	return addr >= base && addr-base < uintptr(len(f.Data))
}
