package gguf

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Smallest encodings, with one-byte names: what a count promises at the least.
const (
	minKVBytes     = 8 + 1 + 4 + 1
	minTensorBytes = 8 + 1 + 4 + 8 + 4 + 8
)

const magic = "GGUF"

// parse reads everything in front of the tensor data into f and checks it.
func (f *File) parse(d *decoder) error {
	nTensors, nKV, err := f.parseHeader(d)
	if err != nil {
		return err
	}
	if err := f.parseKVs(d, nKV); err != nil {
		return err
	}
	if f.Alignment, err = f.alignment(); err != nil {
		return err
	}
	return f.parseTensors(d, nTensors)
}

func (f *File) parseHeader(d *decoder) (nTensors, nKV uint64, err error) {
	d.order = binary.LittleEndian
	head, err := d.take(int(min(d.left(), uint64(len(magic)))), "magic")
	if err != nil {
		return 0, 0, err
	}
	if string(head) != magic {
		return 0, 0, fmt.Errorf("starts with %q, want %q: %w", head, magic, ErrNotGGUF)
	}
	v, err := d.take(4, "version")
	if err != nil {
		return 0, 0, err
	}
	if f.Version, d.order, err = version(v); err != nil {
		return 0, 0, err
	}
	f.ByteOrder = d.order
	if nTensors, err = d.u64("tensor count"); err != nil {
		return 0, 0, err
	}
	if nKV, err = d.u64("metadata count"); err != nil {
		return 0, 0, err
	}
	if nTensors > maxEntries || nKV > maxEntries {
		return 0, 0, fmt.Errorf("%d tensors and %d metadata entries, limit %d each: %w", nTensors, nKV, maxEntries, ErrCorrupt)
	}
	if need := nKV*minKVBytes + nTensors*minTensorBytes; need > d.left() {
		return 0, 0, fmt.Errorf("%d tensors and %d metadata entries take %d bytes at least, %d are left: %w",
			nTensors, nKV, need, d.left(), ErrTruncated)
	}
	return nTensors, nKV, nil
}

// version decodes the version field. A version in the other byte order has its
// low half zero.
func version(b []byte) (uint32, binary.ByteOrder, error) {
	v := binary.LittleEndian.Uint32(b)
	switch {
	case v == 2, v == 3:
		return v, binary.LittleEndian, nil
	case v == 1:
		return 0, nil, fmt.Errorf("version 1 is no longer in use, convert the model again (versions 2 and 3 are read): %w", ErrVersion)
	case v != 0 && v&0xFFFF == 0:
		if big := binary.BigEndian.Uint32(b); big != 3 {
			return 0, nil, fmt.Errorf("version %d, big-endian: only version 3 exists in this byte order: %w", big, ErrVersion)
		}
		return 3, binary.BigEndian, nil
	}
	return 0, nil, fmt.Errorf("version %d, known are 2 and 3: %w", v, ErrVersion)
}

func (f *File) parseKVs(d *decoder, n uint64) error {
	f.KV = make([]KV, 0, n)
	for i := range n {
		key, err := d.name(maxKeyBytes, "key")
		if err != nil {
			return fmt.Errorf("metadata entry %d of %d: %w", i, n, err)
		}
		v, err := parseValue(d)
		if err != nil {
			return fmt.Errorf("key %.80q: %w", key, err)
		}
		f.KV = append(f.KV, KV{Key: key, Value: v})
	}
	f.keys = sortedIndex(f.KV, keyOf)
	if i, j, dup := repeated(f.KV, f.keys, keyOf); dup {
		return fmt.Errorf("key %.80q: is both entry %d and entry %d: %w", f.KV[i].Key, i, j, ErrCorrupt)
	}
	return nil
}

func parseValue(d *decoder) (Value, error) {
	id, err := d.u32("value type")
	if err != nil {
		return Value{}, err
	}
	if id >= valueTypes {
		return Value{}, fmt.Errorf("value type %d, limit %d: %w", id, valueTypes-1, ErrCorrupt)
	}
	v := Value{typ: ValueType(id), big: d.order == binary.BigEndian}
	switch v.typ {
	case TypeArray:
		return parseArray(d, v)
	case TypeString:
		n, err := d.length(maxStringBytes, "string")
		if err != nil {
			return Value{}, err
		}
		from := d.pos
		d.pos += n
		v.raw, err = d.span(from)
		return v, err
	}
	from := d.pos
	if err := d.skip(uint64(valueTypeInfo[v.typ].size), v.typ.String()); err != nil {
		return Value{}, err
	}
	v.raw, err = d.span(from)
	return v, err
}

func parseArray(d *decoder, v Value) (Value, error) {
	id, err := d.u32("element type")
	if err != nil {
		return Value{}, err
	}
	if id >= valueTypes || ValueType(id) == TypeArray {
		return Value{}, fmt.Errorf("array of %s (arrays hold scalars and strings only): %w", ValueType(min(id, 255)), ErrCorrupt)
	}
	v.elem = ValueType(id)
	n, err := d.u64("array length")
	if err != nil {
		return Value{}, err
	}
	size := uint64(valueTypeInfo[v.elem].size)
	if v.elem == TypeString {
		size = 8 // each has its length at least
	}
	if n > d.left()/size {
		return Value{}, fmt.Errorf("array of %d %s needs %d bytes each, %d bytes are left: %w", n, v.elem, size, d.left(), ErrTruncated)
	}
	if n > maxArrayLen {
		return Value{}, fmt.Errorf("array has %d elements, limit %d: %w", n, maxArrayLen, ErrCorrupt)
	}
	v.n = uint32(n)
	from := d.pos
	if v.elem != TypeString {
		d.pos += n * size
	} else if err := skipStrings(d, n); err != nil {
		return Value{}, err
	}
	v.raw, err = d.span(from)
	return v, err
}

func skipStrings(d *decoder, n uint64) error {
	from := d.pos
	for i := range n {
		size, err := d.length(maxStringBytes, "string")
		if err != nil {
			return fmt.Errorf("element %d of %d: %w", i, n, err)
		}
		d.pos += size
		if d.pos-from > maxArrayBytes {
			return fmt.Errorf("element %d of %d: array of strings exceeds %d bytes: %w", i, n, maxArrayBytes, ErrCorrupt)
		}
	}
	return nil
}

// sortedIndex returns the positions of items in order of their names.
func sortedIndex[T any](items []T, name func(*T) string) []uint32 {
	index := make([]uint32, len(items))
	for i := range index {
		index[i] = uint32(i)
	}
	slices.SortFunc(index, func(a, b uint32) int {
		return cmp.Or(strings.Compare(name(&items[a]), name(&items[b])), cmp.Compare(a, b))
	})
	return index
}

// repeated finds two items of one name.
func repeated[T any](items []T, index []uint32, name func(*T) string) (i, j int, dup bool) {
	for k := 1; k < len(index); k++ {
		if a, b := index[k-1], index[k]; name(&items[a]) == name(&items[b]) {
			return int(a), int(b), true
		}
	}
	return 0, 0, false
}

// find returns the position of the item of that name.
func find[T any](items []T, index []uint32, want string, name func(*T) string) (int, bool) {
	k, found := slices.BinarySearchFunc(index, want, func(i uint32, want string) int {
		return strings.Compare(name(&items[i]), want)
	})
	if !found {
		return 0, false
	}
	return int(index[k]), true
}
