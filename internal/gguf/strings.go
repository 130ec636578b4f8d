package gguf

import "fmt"

// StringArray is an array of strings that stay where they are in the file: a
// vocabulary of 262 144 tokens costs one table of offsets, not as many strings.
// It may be read from several goroutines, and from a mapped file it is valid
// until that file is closed.
type StringArray struct {
	raw []byte
	// off has one entry more than there are strings; string i with its length in
	// front is raw[off[i]:off[i+1]].
	off []uint32
}

// Len returns the number of strings.
func (a StringArray) Len() int { return max(len(a.off)-1, 0) }

// At returns string i without copying. It aliases the file, must not be written
// to, and has no spare capacity. Like an index into a slice, i must be less than
// Len.
func (a StringArray) At(i int) []byte {
	lo, hi := a.off[i]+8, a.off[i+1]
	return a.raw[lo:hi:hi]
}

// Strings returns an array of strings.
func (f *File) Strings(key string) (StringArray, error) {
	v, err := f.typed(key, "an array of strings", func(v Value) bool {
		return v.typ == TypeArray && v.elem == TypeString
	})
	if err != nil {
		return StringArray{}, err
	}
	off, err := v.stringOffsets()
	if err != nil {
		return StringArray{}, f.keyError(key, err)
	}
	return StringArray{raw: v.raw, off: off}, nil
}

// stringOffsets walks an array of strings. Parsing did so before, but the file
// may have changed under its mapping since, and values can be made by hand.
func (v Value) stringOffsets() ([]uint32, error) {
	if uint64(v.n)*8 > uint64(len(v.raw)) || len(v.raw) > maxArrayBytes+8 {
		return nil, fmt.Errorf("array of %d strings in %d bytes: %w", v.n, len(v.raw), ErrCorrupt)
	}
	order, off := v.order(), make([]uint32, 1, v.n+1)
	pos := uint64(0)
	for i := range v.n {
		if left := uint64(len(v.raw)) - pos; left < 8 {
			return nil, fmt.Errorf("element %d of %d: length needs 8 bytes, %d are left: %w", i, v.n, left, ErrCorrupt)
		}
		n, left := order.Uint64(v.raw[pos:]), uint64(len(v.raw))-pos-8
		if n > left || n > maxStringBytes {
			return nil, fmt.Errorf("element %d of %d: string has %d bytes, %d are left, limit %d: %w",
				i, v.n, n, left, maxStringBytes, ErrCorrupt)
		}
		pos += 8 + n
		off = append(off, uint32(pos))
	}
	if pos != uint64(len(v.raw)) {
		return nil, fmt.Errorf("array of %d strings ends after %d of %d bytes: %w", v.n, pos, len(v.raw), ErrCorrupt)
	}
	return off, nil
}
