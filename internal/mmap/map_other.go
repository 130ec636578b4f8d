//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package mmap

import (
	"errors"
	"os"
)

// No mappings here: files are read, and blocks come from the Go heap (which
// does not scan them either, as they hold no pointers).
const (
	canMap    = false
	alignHuge = false
)

func mapFile(*os.File, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmapFile([]byte) error { return nil }

func advise([]byte, Advice) error { return nil }

func mapAnon(n int) ([]byte, error) { return make([]byte, n), nil }

func unmapAnon([]byte) error { return nil }
