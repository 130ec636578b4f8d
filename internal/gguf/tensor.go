package gguf

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// TensorInfo describes one tensor.
type TensorInfo struct {
	Name string
	// Dims holds 1 to 4 dimensions, the contiguous one first: a linear layer's
	// weight is [n_in, n_out]. Dimensions that are not there count as 1.
	Dims []uint64
	// Type is ggml's id of the number format; see TypeName and TypeSize.
	Type uint32
	// Shard is the part of a split model that holds the tensor, 0 otherwise.
	Shard int
	// Offset and Size are the place of the tensor's bytes, counted from the start
	// of the part's file.
	Offset, Size int64
}

// Dim returns dimension i, which is 1 beyond those given.
func (t *TensorInfo) Dim(i int) uint64 {
	if i < len(t.Dims) {
		return t.Dims[i]
	}
	return 1
}

// Elements returns the number of values in the tensor.
func (t *TensorInfo) Elements() uint64 {
	n := uint64(1)
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

func nameOf(t *TensorInfo) string { return t.Name }

// parseTensors reads the tensor directory and proves that each tensor has its
// own place in the file.
func (f *File) parseTensors(d *decoder, n uint64) error {
	if n*minTensorBytes > d.left() {
		return fmt.Errorf("%d tensors take %d bytes at least, %d are left: %w", n, n*minTensorBytes, d.left(), ErrTruncated)
	}
	f.Tensors = make([]TensorInfo, 0, n)
	for i := range n {
		name, err := d.name(maxNameBytes, "tensor name")
		if err != nil {
			return fmt.Errorf("tensor %d of %d: %w", i, n, err)
		}
		t, err := parseTensor(d, f.Alignment)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		t.Name = name
		f.Tensors = append(f.Tensors, t)
	}
	f.names = sortedIndex(f.Tensors, nameOf)
	if i, j, dup := repeated(f.Tensors, f.names, nameOf); dup {
		return fmt.Errorf("tensor %q: is both tensor %d and tensor %d: %w", f.Tensors[i].Name, i, j, ErrCorrupt)
	}
	return f.place(d.pos, d.size)
}

// parseTensor reads a directory entry after its name. Offset is still relative
// to the data section, and at most the size of the file.
func parseTensor(d *decoder, alignment uint64) (t TensorInfo, err error) {
	nDims, err := d.u32("dimension count")
	if err != nil {
		return t, err
	}
	if nDims < 1 || nDims > maxDims {
		return t, fmt.Errorf("%d dimensions, want 1 to %d: %w", nDims, maxDims, ErrCorrupt)
	}
	t.Dims = make([]uint64, nDims)
	for i := range t.Dims {
		if t.Dims[i], err = d.u64("dimension"); err != nil {
			return t, err
		}
	}
	if t.Type, err = d.u32("tensor type"); err != nil {
		return t, err
	}
	offset, err := d.u64("offset")
	if err != nil {
		return t, err
	}
	size, err := tensorBytes(t.Dims, t.Type)
	if err != nil {
		return t, err
	}
	if offset%alignment != 0 {
		return t, fmt.Errorf("offset %d is not a multiple of the alignment %d: %w", offset, alignment, ErrCorrupt)
	}
	if offset > d.size || size > d.size-offset {
		return t, fmt.Errorf("%s %d has %d bytes at data offset %d, the file has %d bytes: %w",
			TypeName(t.Type), t.Dims, size, offset, d.size, ErrTruncated)
	}
	t.Offset, t.Size = int64(offset), int64(size)
	return t, nil
}

// tensorBytes returns the size of a tensor in the file.
func tensorBytes(dims []uint64, typ uint32) (uint64, error) {
	if len(dims) < 1 || len(dims) > maxDims {
		return 0, fmt.Errorf("%d dimensions, want 1 to %d: %w", len(dims), maxDims, ErrCorrupt)
	}
	format, err := lookupType(typ)
	if err != nil {
		return 0, err
	}
	n := uint64(1)
	for i, d := range dims {
		if d == 0 {
			return 0, fmt.Errorf("dimension %d of %d is 0: %w", i, dims, ErrCorrupt)
		}
		hi, lo := bits.Mul64(n, d)
		if hi != 0 || lo > maxElements {
			return 0, fmt.Errorf("dimensions %d have more than %d values: %w", dims, uint64(maxElements), ErrCorrupt)
		}
		n = lo
	}
	if dims[0]%format.blockValues != 0 {
		return 0, fmt.Errorf("rows of %d values are not whole blocks of %s (%d values): %w",
			dims[0], format.name, format.blockValues, ErrCorrupt)
	}
	hi, size := bits.Mul64(n/format.blockValues, format.blockBytes)
	if hi != 0 {
		return 0, fmt.Errorf("dimensions %d as %s: size in bytes overflows: %w", dims, format.name, ErrCorrupt)
	}
	return size, nil
}

// padded rounds n up to a multiple of alignment, a power of two.
func padded(n, alignment uint64) (uint64, error) {
	sum := n + alignment - 1
	if sum < n {
		return 0, fmt.Errorf("%d bytes padded to %d overflow: %w", n, alignment, ErrCorrupt)
	}
	return sum &^ (alignment - 1), nil
}

// place turns the tensors' offsets into file offsets, given where the directory
// ends, and checks that they end inside the file and do not overlap. The padding
// behind the last tensor may be missing, and gaps are accepted.
func (f *File) place(dirEnd, size uint64) error {
	start, err := padded(dirEnd, f.Alignment)
	if err != nil {
		return err
	}
	for i := range f.Tensors {
		t := &f.Tensors[i]
		// Offset+Size <= size < 2^63 and start < 2^63 by now: no overflow.
		if end := start + uint64(t.Offset) + uint64(t.Size); end > size {
			return fmt.Errorf("tensor %q: %s %d ends at offset %d, the file has %d bytes: %w",
				t.Name, TypeName(t.Type), t.Dims, end, size, ErrTruncated)
		}
		t.Offset += int64(start)
	}
	order := make([]uint32, len(f.Tensors))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Compare(f.Tensors[a].Offset, f.Tensors[b].Offset)
	})
	for k := 1; k < len(order); k++ {
		a, b := &f.Tensors[order[k-1]], &f.Tensors[order[k]]
		if a.Offset+a.Size > b.Offset {
			return fmt.Errorf("tensor %q: starts at offset %d inside tensor %q, which ends at %d: %w",
				b.Name, b.Offset, a.Name, a.Offset+a.Size, ErrCorrupt)
		}
	}
	return nil
}
