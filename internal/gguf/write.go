package gguf

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Write writes a version 3, little-endian file: the entries of kv and the
// tensors in the order given, aligned to general.alignment if kv has it and to 32
// otherwise. Of a tensor it uses Name, Dims and Type; data is then called once
// for each in turn and must write exactly the bytes that its type and dimensions
// make. Every tensor is padded with zeros, the last one too.
//
// All names, values and sizes are checked as in reading before the first byte is
// written, so that what Write accepts, Parse reads. For a version 3 little-endian
// file f without gaps between its tensors, Write(w, f.KV, f.Tensors, f.WriteData)
// reproduces it byte for byte.
func Write(w io.Writer, kv []KV, tensors []TensorInfo, data func(w io.Writer, t *TensorInfo) error) error {
	alignment, err := checkKVs(kv)
	if err != nil {
		return err
	}
	plan, err := planTensors(tensors, alignment)
	if err != nil {
		return err
	}
	out := &countingWriter{w: bufio.NewWriterSize(w, 1<<20)}
	if err := writeHead(out, kv, plan); err != nil {
		return err
	}
	if len(tensors) == 0 {
		return out.w.Flush() // vocabulary-only files end with their metadata
	}
	if err := out.pad(alignment); err != nil {
		return err
	}
	for i := range tensors {
		before := out.n
		if err := data(out, &tensors[i]); err != nil {
			return fmt.Errorf("tensor %q: %w", tensors[i].Name, err)
		}
		if got := out.n - before; got != uint64(plan[i].Size) {
			return fmt.Errorf("tensor %q: %d bytes were supplied, %s %d has %d",
				tensors[i].Name, got, TypeName(plan[i].Type), plan[i].Dims, plan[i].Size)
		}
		if err := out.pad(alignment); err != nil {
			return err
		}
	}
	return out.w.Flush()
}

// WriteFile is Write to a file. The file appears under its name when it is
// complete and on disk, replacing one that was there; after an error nothing has
// changed.
func WriteFile(path string, kv []KV, tensors []TensorInfo, data func(w io.Writer, t *TensorInfo) error) (err error) {
	tmp := fmt.Sprintf("%s.%s.tmp", path, rand.Text()[:8])
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp))
		}
	}()
	err = Write(f, kv, tensors, data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

// syncDir makes a rename durable where directories can be synced; elsewhere the
// system sees to it in its own time.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// checkKVs validates metadata to be written and returns its alignment.
func checkKVs(kv []KV) (alignment uint64, err error) {
	if len(kv) > maxEntries {
		return 0, fmt.Errorf("%d metadata entries, limit %d: %w", len(kv), maxEntries, ErrCorrupt)
	}
	alignment = defaultAlignment
	for i := range kv {
		if err := checkKV(&kv[i]); err != nil {
			return 0, fmt.Errorf("key %.80q: %w", kv[i].Key, err)
		}
		if kv[i].Key == keyAlignment {
			if alignment, err = kv[i].Value.alignment(); err != nil {
				return 0, fmt.Errorf("key %q: %w", keyAlignment, err)
			}
		}
	}
	if i, j, dup := repeated(kv, sortedIndex(kv, keyOf), keyOf); dup {
		return 0, fmt.Errorf("key %.80q: is both entry %d and entry %d: %w", kv[i].Key, i, j, ErrCorrupt)
	}
	return alignment, nil
}

func checkKV(kv *KV) error {
	v := kv.Value
	switch {
	case kv.Key == "":
		return fmt.Errorf("key is empty: %w", ErrCorrupt)
	case len(kv.Key) > maxKeyBytes:
		return fmt.Errorf("key has %d bytes, limit %d: %w", len(kv.Key), maxKeyBytes, ErrCorrupt)
	case !v.valid():
		return fmt.Errorf("has no value: %w", ErrCorrupt)
	case v.big:
		return fmt.Errorf("value is big-endian: %w", ErrByteOrder)
	case v.typ == TypeString && len(v.raw) > maxStringBytes:
		return fmt.Errorf("string has %d bytes, limit %d: %w", len(v.raw), maxStringBytes, ErrCorrupt)
	case v.typ == TypeArray && v.n > maxArrayLen:
		return fmt.Errorf("array has %d elements, limit %d: %w", v.n, maxArrayLen, ErrCorrupt)
	case v.typ == TypeArray && v.elem == TypeString:
		_, err := v.stringOffsets()
		return err
	}
	return nil
}

// planTensors validates tensors to be written and returns copies with Size and
// the Offset into the data section set.
func planTensors(tensors []TensorInfo, alignment uint64) ([]TensorInfo, error) {
	if len(tensors) > maxEntries {
		return nil, fmt.Errorf("%d tensors, limit %d: %w", len(tensors), maxEntries, ErrCorrupt)
	}
	plan := make([]TensorInfo, len(tensors))
	offset := uint64(0)
	for i, t := range tensors {
		if t.Name == "" || len(t.Name) > maxNameBytes {
			return nil, fmt.Errorf("tensor %.80q: name has %d bytes, want 1 to %d: %w", t.Name, len(t.Name), maxNameBytes, ErrCorrupt)
		}
		size, err := tensorBytes(t.Dims, t.Type)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		end, err := padded(size, alignment)
		if err == nil && end > maxFileBytes-offset {
			err = fmt.Errorf("%d bytes at data offset %d, limit %d: %w", size, offset, uint64(maxFileBytes), ErrCorrupt)
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		plan[i] = TensorInfo{Name: t.Name, Dims: t.Dims, Type: t.Type, Offset: int64(offset), Size: int64(size)}
		offset += end
	}
	if i, j, dup := repeated(plan, sortedIndex(plan, nameOf), nameOf); dup {
		return nil, fmt.Errorf("tensor %q: is both tensor %d and tensor %d: %w", plan[i].Name, i, j, ErrCorrupt)
	}
	return plan, nil
}

// writeHead writes everything in front of the data section.
func writeHead(out *countingWriter, kv []KV, plan []TensorInfo) error {
	le := binary.LittleEndian
	b := append([]byte(nil), magic...)
	b = le.AppendUint32(b, 3)
	b = le.AppendUint64(b, uint64(len(plan)))
	b = le.AppendUint64(b, uint64(len(kv)))
	for i := range kv {
		k, v := kv[i].Key, kv[i].Value
		b = appendString(b, k)
		b = le.AppendUint32(b, uint32(v.typ))
		switch v.typ {
		case TypeString:
			b = le.AppendUint64(b, uint64(len(v.raw)))
		case TypeArray:
			b = le.AppendUint32(b, uint32(v.elem))
			b = le.AppendUint64(b, uint64(v.n))
		}
		if _, err := out.Write(b); err != nil {
			return err
		}
		if _, err := out.Write(v.raw); err != nil { // may be large: not copied
			return err
		}
		b = b[:0]
	}
	for i := range plan {
		t := &plan[i]
		b = appendString(b, t.Name)
		b = le.AppendUint32(b, uint32(len(t.Dims)))
		for _, d := range t.Dims {
			b = le.AppendUint64(b, d)
		}
		b = le.AppendUint32(b, t.Type)
		b = le.AppendUint64(b, uint64(t.Offset))
	}
	_, err := out.Write(b)
	return err
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// countingWriter knows how many bytes went through it.
type countingWriter struct {
	w *bufio.Writer
	n uint64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += uint64(n)
	return n, err
}

// pad writes zeros up to the next multiple of alignment, a power of two.
func (c *countingWriter) pad(alignment uint64) error {
	var zeros [4096]byte
	for n := -c.n & (alignment - 1); n > 0; {
		k, err := c.Write(zeros[:min(n, uint64(len(zeros)))])
		if err != nil {
			return err
		}
		n -= uint64(k)
	}
	return nil
}
