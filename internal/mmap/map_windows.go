package mmap

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	canMap    = true
	alignHuge = false // slack would count against the commit limit, and there are no transparent large pages
)

func mapFile(f *os.File, size int) ([]byte, error) {
	n := uint64(size)
	h, err := windows.CreateFileMapping(windows.Handle(f.Fd()), nil, windows.PAGE_READONLY, uint32(n>>32), uint32(n), nil)
	if err != nil {
		return nil, os.NewSyscallError("CreateFileMapping", err)
	}
	defer windows.CloseHandle(h) // the view keeps the mapping alive
	addr, err := windows.MapViewOfFile(h, windows.FILE_MAP_READ, 0, 0, uintptr(size))
	if err != nil {
		return nil, os.NewSyscallError("MapViewOfFile", err)
	}
	return bytesAt(addr, size), nil
}

func unmapFile(mem []byte) error {
	return os.NewSyscallError("UnmapViewOfFile", windows.UnmapViewOfFile(addressOf(mem)))
}

// advise knows DontNeed only: unlocking pages that are not locked removes them
// from the working set, which Windows reports as ERROR_NOT_LOCKED.
func advise(mem []byte, a Advice) error {
	if a != DontNeed {
		return nil
	}
	err := windows.VirtualUnlock(addressOf(mem), uintptr(len(mem)))
	if err == nil || errors.Is(err, windows.ERROR_NOT_LOCKED) {
		return nil
	}
	return os.NewSyscallError("VirtualUnlock", err)
}

func mapAnon(n int) ([]byte, error) {
	addr, err := windows.VirtualAlloc(0, uintptr(n), windows.MEM_COMMIT|windows.MEM_RESERVE, windows.PAGE_READWRITE)
	if err != nil {
		return nil, os.NewSyscallError("VirtualAlloc", err)
	}
	return bytesAt(addr, n), nil
}

func unmapAnon(mem []byte) error {
	return os.NewSyscallError("VirtualFree", windows.VirtualFree(addressOf(mem), 0, windows.MEM_RELEASE))
}

// bytesAt makes a slice of memory the system returned as a number. The memory is
// not the Go heap's, so the usual rule against such conversions does not apply.
func bytesAt(addr uintptr, n int) []byte {
	p := *(*unsafe.Pointer)(unsafe.Pointer(&addr))
	return unsafe.Slice((*byte)(p), n)
}

func addressOf(mem []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(mem))) }
