package kernels

import (
	"syscall"
	"unsafe"
)

// adviseHuge asks for huge pages, which packed weights get too.
func adviseHuge(b []byte) {
	const page, hugePage = 4096, 14
	if off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (page - 1)); off < len(b) {
		_ = syscall.Madvise(b[off:off+(len(b)-off)&^(page-1)], hugePage) // a wish, not a need
	}
}
