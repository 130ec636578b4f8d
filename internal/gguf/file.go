package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"kvasir/internal/mmap"
)

// File is an opened model: its metadata, its tensor directory and, unless it was
// parsed from a plain reader, the tensors' bytes. It is not changed after opening
// and may be used from several goroutines; Close must come last.
type File struct {
	Version   uint32
	ByteOrder binary.ByteOrder
	// Alignment of the tensor data, from general.alignment. Of a split model:
	// that of its first part, whose metadata this is.
	Alignment uint64
	// KV is the metadata in file order.
	KV []KV
	// Tensors is the directory in file order, part after part.
	Tensors []TensorInfo

	keys, names []uint32 // KV and Tensors sorted by name
	parts       []part
	// moved holds copies of the tensors whose bytes are not aligned well enough to
	// be used where they are; movedAt has the place of each tensor in it, or -1.
	// Both are nil for any file with a sane alignment.
	moved   []byte
	movedAt []int
}

// part is one file of a model.
type part struct {
	path string      // "" if parsed from memory or from a reader
	src  io.ReaderAt // nil if mem is the file
	mem  []byte      // the whole file; nil if only src can be read
	file *mmap.File  // owner of mem; nil if the caller owns it
}

var errClosed = errors.New("file is closed")

// dataAlign is what the widest views on tensor bytes need.
const dataAlign = 8

// Parse reads the metadata and the tensor directory from the first bytes of a
// file of the given size. Values are copied, so r is needed afterwards only by
// WriteData. The tensors' bytes are not held: Data returns nil. Split models are
// not put together: a part is read as the file it is.
func Parse(r io.ReaderAt, size int64) (*File, error) {
	if size < 0 {
		return nil, fmt.Errorf("size %d: %w", size, ErrCorrupt)
	}
	f := &File{parts: []part{{src: r}}}
	if err := f.parse(&decoder{src: r, size: uint64(size)}); err != nil {
		return nil, err
	}
	return f, nil
}

// ParseBytes is Parse for a file in memory. The result aliases data, which must
// not change while it is in use.
func ParseBytes(data []byte) (*File, error) {
	f, err := parseBytes(data)
	if err == nil {
		f.copyMisaligned()
	}
	return f, err
}

func parseBytes(data []byte) (*File, error) {
	f := &File{parts: []part{{mem: data}}}
	if err := f.parse(&decoder{buf: data, size: uint64(len(data))}); err != nil {
		return nil, err
	}
	return f, nil
}

// copyMisaligned makes aligned copies of the tensors that need one. Only a file
// with an alignment below dataAlign has any.
func (f *File) copyMisaligned() {
	total := 0
	for i := range f.Tensors {
		if data := f.Data(&f.Tensors[i]); !aligned(data) {
			total += (len(data) + dataAlign - 1) &^ (dataAlign - 1)
		}
	}
	if total == 0 {
		return
	}
	// From 16 bytes on, the allocator aligns to 8 at least.
	moved, movedAt, next := make([]byte, max(total, 16)), make([]int, len(f.Tensors)), 0
	for i := range f.Tensors {
		data := f.Data(&f.Tensors[i])
		if aligned(data) {
			movedAt[i] = -1
			continue
		}
		movedAt[i] = next
		copy(moved[next:], data)
		next += (len(data) + dataAlign - 1) &^ (dataAlign - 1)
	}
	f.moved, f.movedAt = moved, movedAt
}

func aligned(b []byte) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(b)))%dataAlign == 0
}

// Tensor finds a tensor by name. The result points into Tensors.
func (f *File) Tensor(name string) (*TensorInfo, bool) {
	i, ok := find(f.Tensors, f.names, name, nameOf)
	if !ok {
		return nil, false
	}
	return &f.Tensors[i], true
}

// Expect returns the tensor of that name if its dimensions are exactly dims,
// where missing dimensions count as 1. The error wraps ErrMissing or ErrShape.
func (f *File) Expect(name string, dims ...uint64) (*TensorInfo, error) {
	t, ok := f.Tensor(name)
	if !ok {
		return nil, f.inFile(fmt.Errorf("tensor %.80q: %w", name, ErrMissing))
	}
	want := TensorInfo{Dims: dims}
	for i := range max(len(dims), len(t.Dims)) {
		if t.Dim(i) != want.Dim(i) {
			return nil, f.inFile(fmt.Errorf("tensor %q: is %d, want %d: %w", name, t.Dims, dims, ErrShape))
		}
	}
	return t, nil
}

// Data returns the bytes of a tensor of this file: t.Size bytes without spare
// capacity, starting at a multiple of 8. They must not be written to and are
// valid until Close. It returns nil if there is no data to be had, for the reason
// that DataErr gives.
func (f *File) Data(t *TensorInfo) []byte {
	p, err := f.partOf(t)
	if err != nil || f.DataErr() != nil {
		return nil
	}
	mem := p.mem
	if t.Offset < 0 || t.Size < 0 || t.Offset > int64(len(mem)) || t.Size > int64(len(mem))-t.Offset {
		return nil // not a tensor of this file
	}
	if f.moved != nil {
		if i, ok := find(f.Tensors, f.names, t.Name, nameOf); ok && f.movedAt[i] >= 0 {
			at := f.movedAt[i]
			end := at + int(f.Tensors[i].Size)
			return f.moved[at:end:end]
		}
	}
	end := t.Offset + t.Size
	return mem[t.Offset:end:end]
}

// partOf returns the part that holds a tensor of this file.
func (f *File) partOf(t *TensorInfo) (*part, error) {
	switch {
	case len(f.parts) == 0:
		return nil, errClosed
	case t.Shard < 0 || t.Shard >= len(f.parts):
		return nil, f.inFile(fmt.Errorf("tensor %.80q: part %d of %d: %w", t.Name, t.Shard+1, len(f.parts), ErrMissing))
	}
	return &f.parts[t.Shard], nil
}

// DataErr says why Data returns nil: the tensors are in the other byte order
// than this machine's (ErrByteOrder; converting every block format is a task for
// a conversion tool), or the file was parsed from a reader, or is closed.
func (f *File) DataErr() error {
	if len(f.parts) == 0 {
		return errClosed
	}
	if err := f.orderErr(); err != nil {
		return err
	}
	if f.parts[0].mem == nil {
		return f.inFile(errors.New("tensor data is not in memory"))
	}
	return nil
}

func (f *File) orderErr() error {
	if probe := []byte{1, 0}; f.ByteOrder.Uint16(probe) != binary.NativeEndian.Uint16(probe) {
		return f.inFile(fmt.Errorf("tensors are %s: %w", f.ByteOrder, ErrByteOrder))
	}
	return nil
}

// WriteData writes the bytes of a tensor of this file to w, from wherever they
// are. It has the form that [Write] asks for.
func (f *File) WriteData(w io.Writer, t *TensorInfo) error {
	p, err := f.partOf(t)
	if err == nil {
		err = f.orderErr()
	}
	if err != nil {
		return err
	}
	src := p.src
	if src == nil {
		src = bytes.NewReader(p.mem)
	}
	n, err := io.Copy(w, io.NewSectionReader(src, t.Offset, t.Size))
	if err == nil && n != t.Size {
		err = fmt.Errorf("%d of %d bytes: %w", n, t.Size, ErrTruncated)
	}
	if err != nil {
		return f.inFile(fmt.Errorf("tensor %q: %w", t.Name, err))
	}
	return nil
}

// Release lets the kernel drop the resident pages of a tensor's bytes, for
// weights that have been repacked into memory of their own. Data stays valid: a
// later access reads from the file again.
func (f *File) Release(t *TensorInfo) error {
	p, err := f.partOf(t)
	if err != nil || p.file == nil {
		return err
	}
	if err := p.file.Advise(t.Offset, t.Size, mmap.DontNeed); err != nil {
		return fmt.Errorf("%s: tensor %q: %w", p.path, t.Name, err)
	}
	return nil
}

// Guard runs fn, which reads this file's memory, and returns an error that wraps
// mmap.ErrFault instead of crashing if the file was truncated by someone else
// meanwhile. It covers the calling goroutine only.
func (f *File) Guard(fn func() error) error {
	files := make([]*mmap.File, 0, len(f.parts))
	for _, p := range f.parts {
		files = append(files, p.file)
	}
	return mmap.Guard(fn, files...)
}

// Close gives the memory back. Everything that aliases it becomes invalid; the
// File itself is empty afterwards. Closing twice is harmless.
func (f *File) Close() error {
	var errs []error
	for _, p := range f.parts {
		if p.file != nil {
			errs = append(errs, p.file.Close())
		}
	}
	f.KV, f.keys, f.Tensors, f.names = nil, nil, nil, nil
	f.parts, f.moved, f.movedAt = nil, nil, nil
	return errors.Join(errs...)
}

// inFile puts the path in front of an error, if there is one.
func (f *File) inFile(err error) error {
	if len(f.parts) == 0 || f.parts[0].path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", f.parts[0].path, err)
}

const keyAlignment = "general.alignment"

// alignment returns general.alignment or its default.
func (f *File) alignment() (uint64, error) {
	v, ok := f.Get(keyAlignment)
	if !ok {
		return defaultAlignment, nil
	}
	n, err := v.alignment()
	if err != nil {
		return 0, fmt.Errorf("key %q: %w", keyAlignment, err)
	}
	return n, nil
}

func (v Value) alignment() (uint64, error) {
	if v.typ != TypeUint32 || !v.valid() {
		return 0, fmt.Errorf("is %s, want u32: %w", v.describe(), ErrType)
	}
	n, _ := v.integer(v.typ, v.raw)
	if n == 0 || n&(n-1) != 0 || n > maxAlignment {
		return 0, fmt.Errorf("is %d, want a power of two up to %d: %w", n, maxAlignment, ErrCorrupt)
	}
	return n, nil
}
