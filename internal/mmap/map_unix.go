//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package mmap

import (
	"os"

	"golang.org/x/sys/unix"
)

const (
	canMap    = true
	alignHuge = true
)

func mapFile(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
}

func unmapFile(mem []byte) error { return unix.Munmap(mem) }

var adviceUnix = map[Advice]int{
	Normal:     unix.MADV_NORMAL,
	WillNeed:   unix.MADV_WILLNEED,
	Random:     unix.MADV_RANDOM,
	Sequential: unix.MADV_SEQUENTIAL,
	DontNeed:   unix.MADV_DONTNEED,
}

// advise expects mem to start on a page boundary; the kernel rounds its end up.
func advise(mem []byte, a Advice) error {
	code, ok := adviceUnix[a]
	if !ok {
		return unix.EINVAL
	}
	return unix.Madvise(mem, code)
}

func mapAnon(n int) ([]byte, error) {
	return unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
}

func unmapAnon(mem []byte) error { return unix.Munmap(mem) }
