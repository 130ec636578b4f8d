package gguf

import "errors"

// What callers branch on. Every error of this package about a file's contents
// wraps exactly one of these.
var (
	// ErrNotGGUF: the file does not start with the magic bytes.
	ErrNotGGUF = errors.New("not a GGUF file")
	// ErrVersion: a GGUF file of a version that is not supported.
	ErrVersion = errors.New("unsupported GGUF version")
	// ErrTruncated: something would lie past the end of the file.
	ErrTruncated = errors.New("file is cut short")
	// ErrCorrupt: the contents contradict the format, each other, or a limit.
	ErrCorrupt = errors.New("file is damaged")
	// ErrMissing: no such key or tensor.
	ErrMissing = errors.New("not found")
	// ErrType: a value is of another type than asked for, or does not fit it.
	ErrType = errors.New("wrong type")
	// ErrShape: a tensor has other dimensions than asked for.
	ErrShape = errors.New("wrong shape")
	// ErrSplit: the parts of a split model do not make up a whole.
	ErrSplit = errors.New("split model does not fit together")
	// ErrByteOrder: tensor data is in the other byte order than this machine's.
	ErrByteOrder = errors.New("foreign byte order")
)
