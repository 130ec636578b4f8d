package kvasir

import (
	"bytes"
	"os"
	"strconv"
)

// residentBytes returns the process's resident set, 0 when unknown.
func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm") // size resident shared …, in pages
	if err != nil {
		return 0
	}
	f := bytes.Fields(b)
	if len(f) < 2 {
		return 0
	}
	n, err := strconv.ParseInt(string(f[1]), 10, 64)
	if err != nil {
		return 0
	}
	return n * int64(os.Getpagesize())
}
