package gguf

import (
	"fmt"
	"path/filepath"
	"strings"

	"kvasir/internal/mmap"
)

// Options say how files are opened. The zero value maps them.
type Options struct {
	// NoMmap reads the files into memory instead of mapping them.
	NoMmap bool
}

// Keys of split models.
const (
	keySplitNo      = "split.no"
	keySplitCount   = "split.count"
	keySplitTensors = "split.tensors.count"

	maxParts = 999
)

// Open opens a model file. Given the first part of a split model, named
// PREFIX-00001-of-00003.gguf, it opens all parts; given another part, the error
// names the first. Part names are made from the first one's name, never from
// metadata.
func Open(path string, opts Options) (*File, error) {
	f, err := openPart(path, opts)
	if err != nil {
		return nil, err
	}
	if err = f.openRest(opts); err == nil {
		err = f.Guard(func() error { f.copyMisaligned(); return nil })
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// openPart opens one file.
func openPart(path string, opts Options) (*File, error) {
	m, err := mmap.OpenWith(path, mmap.Options{NoMmap: opts.NoMmap})
	if err != nil {
		return nil, err
	}
	var f *File
	err = mmap.Guard(func() (err error) {
		f, err = parseBytes(m.Data)
		return err
	}, m)
	if err != nil {
		_ = m.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.parts[0].path, f.parts[0].file = path, m
	return f, nil
}

// openRest completes f, a first part, with the parts that follow it. A file that
// is not split is complete.
func (f *File) openRest(opts Options) error {
	var count uint64
	if f.Has(keySplitCount) {
		var err error
		if count, err = f.Uint(keySplitCount); err != nil {
			return err
		}
	}
	if count > maxParts {
		return f.splitError("key %q: is %d, limit %d", keySplitCount, count, maxParts)
	}
	prefix, no, of, named := splitName(f.parts[0].path)
	if count <= 1 { // gguf-split writes 0 into a merged file
		if named && count == 1 && of != 1 {
			return f.splitError("key %q: is 1, the file name says %d", keySplitCount, of)
		}
		return nil
	}
	if !named || of != int(count) {
		return f.splitError("is one of %d parts: its name must end in -%05d-of-%05d.gguf", count, 1, count)
	}
	have, err := f.Uint(keySplitNo)
	if err != nil {
		return err
	}
	if have != 0 {
		return f.splitError("is part %d of %d, open the first, %q", have+1, count, partName(prefix, 1, of))
	}
	if no != 1 {
		return f.splitError("key %q: is 0, the file name says part %d", keySplitNo, no)
	}
	total, err := f.Uint(keySplitTensors)
	if err != nil {
		return err
	}
	for i := 1; i < of; i++ {
		if err := f.addPart(partName(prefix, i+1, of), i, count, opts); err != nil {
			return err
		}
	}
	return f.joined(total)
}

// addPart opens part i (from 0) of count and takes over its tensors.
func (f *File) addPart(path string, i int, count uint64, opts Options) error {
	p, err := openPart(path, opts)
	if err != nil {
		return fmt.Errorf("part %d of %d: %w", i+1, count, err)
	}
	f.parts = append(f.parts, p.parts[0]) // closed with f from here on
	for _, want := range []struct {
		key string
		n   uint64
	}{{keySplitCount, count}, {keySplitNo, uint64(i)}} {
		n, err := p.Uint(want.key)
		if err != nil {
			return err
		}
		if n != want.n {
			return p.splitError("key %q: is %d, want %d", want.key, n, want.n)
		}
	}
	if p.ByteOrder != f.ByteOrder {
		return p.splitError("is %s, the first part is %s", p.ByteOrder, f.ByteOrder)
	}
	if n := len(f.Tensors) + len(p.Tensors); n > maxEntries {
		return p.splitError("brings the model to %d tensors, limit %d", n, maxEntries)
	}
	for _, t := range p.Tensors {
		t.Shard = i
		f.Tensors = append(f.Tensors, t)
	}
	return nil
}

// joined checks and indexes the tensors of all parts.
func (f *File) joined(total uint64) error {
	if uint64(len(f.Tensors)) != total {
		return f.splitError("key %q: is %d, the %d parts have %d", keySplitTensors, total, len(f.parts), len(f.Tensors))
	}
	f.names = sortedIndex(f.Tensors, nameOf)
	if i, j, dup := repeated(f.Tensors, f.names, nameOf); dup {
		a, b := &f.Tensors[i], &f.Tensors[j]
		return f.splitError("tensor %q: is in part %d and in part %d", a.Name, a.Shard+1, b.Shard+1)
	}
	return nil
}

// splitError says what is wrong with this part of a split model.
func (f *File) splitError(format string, args ...any) error {
	return f.inFile(fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrSplit))
}

// splitName takes the name of a part to pieces: PREFIX-NO-of-OF.gguf, where both
// numbers have five digits and count from 1.
func splitName(path string) (prefix string, no, of int, ok bool) {
	dir, base := filepath.Split(path)
	stem, isGGUF := strings.CutSuffix(base, ".gguf")
	const tail = len("-00001-of-00003")
	if !isGGUF || len(stem) <= tail {
		return "", 0, 0, false
	}
	prefix, digits := stem[:len(stem)-tail], stem[len(stem)-tail:]
	if _, err := fmt.Sscanf(digits, "-%05d-of-%05d", &no, &of); err != nil {
		return "", 0, 0, false
	}
	prefix = filepath.Join(dir, prefix)
	return prefix, no, of, filepath.Clean(path) == partName(prefix, no, of)
}

func partName(prefix string, no, of int) string {
	return fmt.Sprintf("%s-%05d-of-%05d.gguf", prefix, no, of)
}
