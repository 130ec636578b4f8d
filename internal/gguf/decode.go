package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits of our own, all far above what real models need.
const (
	maxEntries     = 65536    // metadata entries, and tensors
	maxKeyBytes    = 64 << 10 // of a key
	maxStringBytes = 64 << 20 // of a string value
	maxArrayLen    = 1 << 24  // elements of an array
	maxArrayBytes  = 1 << 30  // of an array of strings
	maxNameBytes   = 63       // of a tensor's name
	maxDims        = 4
	maxElements    = 1 << 62 // of a tensor
	maxAlignment   = 1 << 20
	maxFileBytes   = 1 << 62 // of a data section to be written

	defaultAlignment = 32
)

// windowBytes is how much of a file the decoder holds when it reads from an
// io.ReaderAt: enough for the longest key.
const windowBytes = maxKeyBytes

// decoder walks the front of a file. It holds either the whole file or a window
// on it that follows pos; pos never exceeds size.
type decoder struct {
	src  io.ReaderAt // nil if buf is the whole file
	size uint64
	pos  uint64

	buf   []byte
	base  uint64 // position of buf[0] in the file
	order binary.ByteOrder
}

func (d *decoder) left() uint64 { return d.size - d.pos }

// need returns an error unless n more bytes are left; what names them.
func (d *decoder) need(n uint64, what string) error {
	if n > d.left() {
		return fmt.Errorf("%s needs %d bytes at offset %d, %d are left: %w", what, n, d.pos, d.left(), ErrTruncated)
	}
	return nil
}

// take returns the next n bytes, n <= windowBytes, and moves past them. They are
// valid until the next call.
func (d *decoder) take(n int, what string) ([]byte, error) {
	if err := d.need(uint64(n), what); err != nil {
		return nil, err
	}
	lo := d.pos - d.base
	if lo+uint64(n) > uint64(len(d.buf)) {
		if err := d.fill(); err != nil {
			return nil, err
		}
		lo = 0
	}
	d.pos += uint64(n)
	return d.buf[lo : lo+uint64(n)], nil
}

// fill moves the window to pos.
func (d *decoder) fill() error {
	n := min(d.left(), windowBytes)
	if uint64(cap(d.buf)) < n {
		d.buf = make([]byte, n)
	}
	d.base, d.buf = d.pos, d.buf[:n]
	return readAt(d.src, d.buf, d.pos)
}

// readAt fills dst from src.
func readAt(src io.ReaderAt, dst []byte, off uint64) error {
	n, err := src.ReadAt(dst, int64(off))
	switch {
	case n == len(dst):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("%d bytes at offset %d: got %d: %w", len(dst), off, n, ErrTruncated)
	}
	return fmt.Errorf("%d bytes at offset %d: %w", len(dst), off, err)
}

// span returns the bytes [from, pos), which take and skip have proven to exist:
// a part of buf if that is the whole file, else a copy.
func (d *decoder) span(from uint64) ([]byte, error) {
	n := d.pos - from
	if d.src == nil {
		return d.buf[from:d.pos:d.pos], nil
	}
	out := make([]byte, n)
	if from >= d.base && d.pos <= d.base+uint64(len(d.buf)) {
		copy(out, d.buf[from-d.base:])
		return out, nil
	}
	return out, readAt(d.src, out, from)
}

// skip moves past n bytes.
func (d *decoder) skip(n uint64, what string) error {
	if err := d.need(n, what); err != nil {
		return err
	}
	d.pos += n
	return nil
}

func (d *decoder) u32(what string) (uint32, error) {
	b, err := d.take(4, what)
	if err != nil {
		return 0, err
	}
	return d.order.Uint32(b), nil
}

func (d *decoder) u64(what string) (uint64, error) {
	b, err := d.take(8, what)
	if err != nil {
		return 0, err
	}
	return d.order.Uint64(b), nil
}

// length reads a u64 length in bytes and checks it against what is left and
// against limit.
func (d *decoder) length(limit uint64, what string) (uint64, error) {
	n, err := d.u64(what)
	if err != nil {
		return 0, err
	}
	if err := d.need(n, what); err != nil {
		return 0, err
	}
	if n > limit {
		return 0, fmt.Errorf("%s has %d bytes, limit %d: %w", what, n, limit, ErrCorrupt)
	}
	return n, nil
}

// name reads a key or a tensor's name of at most limit <= windowBytes bytes.
func (d *decoder) name(limit uint64, what string) (string, error) {
	n, err := d.length(limit, what)
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "", fmt.Errorf("%s is empty: %w", what, ErrCorrupt)
	}
	b, err := d.take(int(n), what)
	return string(b), err
}
