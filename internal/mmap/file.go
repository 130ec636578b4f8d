package mmap

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Advice tells the kernel how a range of a mapping is going to be read.
type Advice int

const (
	// Normal undoes Random and Sequential.
	Normal Advice = iota
	// WillNeed asks for the range to be read ahead.
	WillNeed
	// Random turns read-ahead off.
	Random
	// Sequential asks for aggressive read-ahead.
	Sequential
	// DontNeed drops the resident pages of the range; a later access reads them
	// from the file again.
	DontNeed
)

// ErrRange reports a range outside the file.
var ErrRange = errors.New("range outside the mapping")

// ErrFault reports that mapped memory could not be read, in practice because the
// file was cut short by someone else while it was mapped.
var ErrFault = errors.New("mapped file cannot be read any more (was it truncated?)")

// File is a file's contents as read-only memory. Its methods may be called from
// several goroutines, except Close, which must come last: it invalidates Data
// and every slice taken from it.
type File struct {
	// Data is the whole file; len(Data) == cap(Data) == Size. Writing to it is a
	// fault where the file is mapped. It starts on a page boundary where mapped,
	// and is at least 8-byte aligned where read.
	Data []byte
	// Size is the length of the file in bytes when it was opened.
	Size int64

	mapped bool
	anon   *Anon // contents in read mode
}

// Options say how a file becomes memory. The zero value maps it.
type Options struct {
	// NoMmap reads the whole file into memory of its own instead of mapping it:
	// for file systems that cannot map, and for files that others may truncate.
	NoMmap bool
}

// Open maps a regular file for reading. The size is that of the file that was
// opened, not of whatever the path names later.
func Open(path string) (*File, error) { return OpenWith(path, Options{}) }

// OpenWith is Open with options.
func OpenWith(path string, opts Options) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err // names operation and path already
	}
	defer f.Close() // a mapping outlives its descriptor
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open %s: not a regular file (%s)", path, info.Mode().Type())
	}
	size := info.Size()
	if size < 0 || uint64(size) > math.MaxInt {
		return nil, fmt.Errorf("open %s: %d bytes do not fit this machine's address space", path, size)
	}
	m := &File{Size: size}
	if size == 0 {
		return m, nil
	}
	if canMap && !opts.NoMmap {
		if m.Data, err = mapFile(f, int(size)); err != nil {
			return nil, fmt.Errorf("map %s (%d bytes): %w", path, size, err)
		}
		m.mapped = true
		return m, nil
	}
	if m.anon, err = readFile(f, int(size)); err != nil {
		return nil, fmt.Errorf("read %s (%d bytes): %w", path, size, err)
	}
	m.Data = m.anon.Data
	return m, nil
}

func readFile(f *os.File, size int) (*Anon, error) {
	a, err := Alloc(size)
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(f, a.Data); err != nil {
		return nil, errors.Join(err, a.Free())
	}
	return a, nil
}

// Mapped reports whether Data is backed by the file, so that the kernel can drop
// and reload its pages; false in read mode.
func (f *File) Mapped() bool { return f.mapped }

// Close gives the memory back. Closing twice is harmless.
func (f *File) Close() error {
	data, anon := f.Data, f.anon
	f.Data, f.anon = nil, nil
	switch {
	case anon != nil:
		return anon.Free()
	case data != nil && f.mapped:
		return unmapFile(data)
	}
	return nil
}

// Advise gives advice on the bytes [off, off+n). The range is widened to whole
// pages: DontNeed may therefore drop a page that a neighbour shares, which costs
// that neighbour a reload from the page cache and nothing else. In read mode
// there is no file behind the memory and Advise does nothing. An error means
// that the range is outside the file or that the kernel declined.
func (f *File) Advise(off, n int64, a Advice) error {
	size := int64(len(f.Data))
	if off < 0 || n < 0 || off > size || n > size-off {
		return fmt.Errorf("advise [%d,+%d) of %d bytes: %w", off, n, size, ErrRange)
	}
	if !f.mapped || n == 0 {
		return nil
	}
	page := int64(os.Getpagesize())
	lo := off &^ (page - 1)
	if err := advise(f.Data[lo:off+n], a); err != nil {
		return fmt.Errorf("advise [%d,+%d): %w", off, n, err)
	}
	return nil
}
