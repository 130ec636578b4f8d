package mmap

import "golang.org/x/sys/unix"

// adviseHuge is a hint: a kernel without large pages declines, and the memory
// works all the same.
func adviseHuge(mem []byte) { _ = unix.Madvise(mem, unix.MADV_HUGEPAGE) }
