package gguf_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
)

func save(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

func TestOpen(t *testing.T) {
	path := save(t, t.TempDir(), "m.gguf", sample().bytes())
	for _, opts := range []gguf.Options{{}, {NoMmap: true}} {
		f, err := gguf.Open(path, opts)
		require.NoError(t, err)
		require.NoError(t, f.DataErr())
		for i := range f.Tensors {
			tensor := &f.Tensors[i]
			before := bytes.Clone(f.Data(tensor))
			require.Len(t, before, int(tensor.Size))
			require.NoError(t, f.Release(tensor))
			require.Equal(t, before, f.Data(tensor), "data after Release")
		}
		require.Nil(t, f.Data(&gguf.TensorInfo{Name: "x", Size: 1 << 40}), "not a tensor of this file")
		stranger := &gguf.TensorInfo{Name: "x", Shard: 1}
		require.Nil(t, f.Data(stranger))
		require.ErrorIs(t, f.WriteData(io.Discard, stranger), gguf.ErrMissing)
		require.ErrorIs(t, f.Release(stranger), gguf.ErrMissing)
		_, err = f.Uint("absent")
		require.ErrorContains(t, err, path, "errors name the file")
		_, err = f.Expect("absent")
		require.ErrorContains(t, err, path)

		require.NoError(t, f.Close())
		require.NoError(t, f.Close())
		require.ErrorContains(t, f.DataErr(), "closed")
		require.Nil(t, f.Data(stranger))
		require.Error(t, f.WriteData(io.Discard, stranger))
		require.Error(t, f.Release(stranger))
		require.False(t, f.Has("u8"), "nothing can be reached after Close")
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := gguf.Open(filepath.Join(dir, "absent.gguf"), gguf.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	for name, data := range map[string][]byte{
		"empty.gguf": nil,
		"html.gguf":  []byte("<!DOCTYPE html>"),
	} {
		path := save(t, dir, name, data)
		_, err := gguf.Open(path, gguf.Options{})
		require.ErrorIs(t, err, gguf.ErrNotGGUF)
		require.ErrorContains(t, err, path)
	}
	cut := save(t, dir, "cut.gguf", sample().bytes()[:400])
	_, err = gguf.Open(cut, gguf.Options{})
	require.ErrorIs(t, err, gguf.ErrTruncated)
	require.ErrorContains(t, err, cut)
}

// TestMisaligned opens files whose alignment is too small for views on the
// tensors: their bytes are served from aligned copies.
func TestMisaligned(t *testing.T) {
	for _, align := range []int{1, 2, 4} {
		data := alignedSample(align).bytes()
		f, err := gguf.Open(save(t, t.TempDir(), "m.gguf", data), gguf.Options{})
		require.NoError(t, err)
		moved := 0
		for i := range f.Tensors {
			tensor := &f.Tensors[i]
			got := f.Data(tensor)
			require.Equal(t, data[tensor.Offset:tensor.Offset+tensor.Size], got)
			require.Equal(t, len(got), cap(got))
			require.Zero(t, uintptr(unsafe.Pointer(&got[0]))%8, "%s at offset %d", tensor.Name, tensor.Offset)
			if tensor.Offset%8 != 0 {
				moved++
			}
			require.NoError(t, f.Release(tensor))
		}
		require.NotZero(t, moved, "alignment %d: the file tests nothing", align)
		require.NoError(t, f.Close())
	}
}

// splitSample makes part no of count with one tensor, or more, by name.
func splitSample(no, count, total int, names ...string) craft {
	c := craft{kv: []rawKV{
		{key: "split.no", typ: 2, payload: le(uint16(no))},
		{key: "split.count", typ: 2, payload: le(uint16(count))},
		{key: "split.tensors.count", typ: 5, payload: le(int32(total))},
	}, dataLen: 32 * len(names)}
	if no == 0 {
		c.kv = append(c.kv, textKV("general.architecture", "test"))
	}
	for i, n := range names {
		c.tensors = append(c.tensors, rawTensor{name: n, dims: []uint64{2, uint64(no + 1)}, typ: 0, offset: uint64(32 * i)})
	}
	return c
}

func splitFiles() map[string]craft {
	return map[string]craft{
		"m-00001-of-00003.gguf": splitSample(0, 3, 4, "a", "b"),
		"m-00002-of-00003.gguf": splitSample(1, 3, 4, "c"),
		"m-00003-of-00003.gguf": splitSample(2, 3, 4, "d"),
	}
}

func saveAll(t testing.TB, files map[string]craft) (dir string) {
	dir = t.TempDir()
	for name, c := range files {
		save(t, dir, name, c.bytes())
	}
	return dir
}

func TestSplit(t *testing.T) {
	dir := saveAll(t, splitFiles())
	t.Chdir(dir)
	for _, path := range []string{filepath.Join(dir, "m-00001-of-00003.gguf"), "m-00001-of-00003.gguf", "./m-00001-of-00003.gguf"} {
		f, err := gguf.Open(path, gguf.Options{})
		require.NoError(t, err)
		require.Len(t, f.Tensors, 4)
		for i, want := range []string{"a", "b", "c", "d"} {
			tensor, ok := f.Tensor(want)
			require.True(t, ok)
			require.Same(t, &f.Tensors[i], tensor)
			require.Equal(t, max(i-1, 0), tensor.Shard)
			data := f.Data(tensor)
			require.Len(t, data, 8*(tensor.Shard+1))
			require.EqualValues(t, []int{0, 32, 0, 0}[i], data[0])
			require.NoError(t, f.Release(tensor))
		}
		require.True(t, f.Has("general.architecture"))
		require.NoError(t, f.Guard(func() error { return nil }))

		merged := gguf.SetKV(f.KV, "split.count", gguf.Scalar(uint16(0)))
		var out bytes.Buffer
		require.NoError(t, gguf.Write(&out, merged, f.Tensors, f.WriteData))
		g, err := gguf.Open(save(t, t.TempDir(), "merged.gguf", out.Bytes()), gguf.Options{NoMmap: true})
		require.NoError(t, err)
		require.Equal(t, f.Data(&f.Tensors[3]), g.Data(&g.Tensors[3]))
		require.NoError(t, g.Close())
		require.NoError(t, f.Close())
	}
}

func TestSplitMisaligned(t *testing.T) {
	files := splitFiles()
	for name, c := range files {
		c.kv = append(c.kv, rawKV{key: "general.alignment", typ: 4, payload: le(uint32(1))})
		c.align = 1
		c.kv = append(c.kv, textKV("pad", ""))
		for n := 0; len(c.head())%8 != 4; n++ { // no tensor of any part is aligned
			c.kv[len(c.kv)-1] = textKV("pad", strings.Repeat("x", n))
		}
		files[name] = c
	}
	dir := saveAll(t, files)
	f, err := gguf.Open(filepath.Join(dir, "m-00001-of-00003.gguf"), gguf.Options{})
	require.NoError(t, err)
	defer f.Close()
	for i := range f.Tensors {
		data := f.Data(&f.Tensors[i])
		require.NotZero(t, f.Tensors[i].Offset%8)
		require.Zero(t, uintptr(unsafe.Pointer(&data[0]))%8)
		require.EqualValues(t, []int{0, 32, 0, 0}[i], data[0])
	}
}

func TestSplitRefuses(t *testing.T) {
	const first = "m-00001-of-00003.gguf"
	for _, c := range []struct {
		name, open string
		change     func(files map[string]craft)
		err        error
		want       []string
	}{
		{"not the first", "m-00002-of-00003.gguf", nil, gguf.ErrSplit, []string{"part 2 of 3", first}},
		{"missing part", first, func(f map[string]craft) { delete(f, "m-00003-of-00003.gguf") }, os.ErrNotExist, []string{"part 3 of 3", "m-00003-of-00003.gguf"}},
		{"renamed", "model.gguf", func(f map[string]craft) { f["model.gguf"] = f[first] }, gguf.ErrSplit, []string{"3 parts", "-00001-of-00003.gguf"}},
		{"name of other count", "m-00001-of-00002.gguf", func(f map[string]craft) { f["m-00001-of-00002.gguf"] = f[first] }, gguf.ErrSplit, []string{"3 parts"}},
		{"first under another number", "m-00002-of-00003.gguf", func(f map[string]craft) { f["m-00002-of-00003.gguf"] = f[first] }, gguf.ErrSplit, []string{"split.no", "is 0", "part 2"}},
		{"one of one of three", first, func(f map[string]craft) { f[first] = splitSample(0, 1, 4, "a") }, gguf.ErrSplit, []string{"split.count", "is 1", "3"}},
		{"count limit", first, func(f map[string]craft) { f[first] = splitSample(0, 1000, 4, "a") }, gguf.ErrSplit, []string{"1000", "999"}},
		{"parts swapped", first, func(f map[string]craft) {
			f["m-00002-of-00003.gguf"], f["m-00003-of-00003.gguf"] = f["m-00003-of-00003.gguf"], f["m-00002-of-00003.gguf"]
		}, gguf.ErrSplit, []string{"m-00002-of-00003.gguf", "split.no", "is 2", "want 1"}},
		{"other count in part", first, func(f map[string]craft) { f["m-00002-of-00003.gguf"] = splitSample(1, 4, 4, "c") }, gguf.ErrSplit, []string{"m-00002-of-00003.gguf", "is 4", "want 3"}},
		{"part without keys", first, func(f map[string]craft) { f["m-00002-of-00003.gguf"] = sample() }, gguf.ErrMissing, []string{"m-00002-of-00003.gguf", "split.count"}},
		{"damaged part", first, func(f map[string]craft) { f["m-00002-of-00003.gguf"] = craft{version: 9} }, gguf.ErrVersion, []string{"m-00002-of-00003.gguf"}},
		{"total", first, func(f map[string]craft) { f[first] = splitSample(0, 3, 5, "a", "b") }, gguf.ErrSplit, []string{"split.tensors.count", "is 5", "have 4"}},
		{"same name", first, func(f map[string]craft) { f["m-00003-of-00003.gguf"] = splitSample(2, 3, 4, "b") }, gguf.ErrSplit, []string{`"b"`, "part 1", "part 3"}},
		{"count as text", first, func(f map[string]craft) {
			f[first] = craft{kv: []rawKV{textKV("split.count", "3")}}
		}, gguf.ErrType, []string{"split.count"}},
		{"negative total", first, func(f map[string]craft) { f[first] = splitSample(0, 3, -4, "a", "b") }, gguf.ErrType, []string{"is -4"}},
		{"no number", first, func(f map[string]craft) {
			c := splitSample(0, 3, 4, "a", "b")
			c.kv = c.kv[1:]
			f[first] = c
		}, gguf.ErrMissing, []string{"split.no"}},
		{"other byte order", first, func(f map[string]craft) {
			f["m-00002-of-00003.gguf"] = craft{big: true, kv: []rawKV{
				{key: "split.no", typ: 2, payload: be(uint16(1))}, {key: "split.count", typ: 2, payload: be(uint16(3))},
			}}
		}, gguf.ErrSplit, []string{binary.BigEndian.String()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := splitFiles()
			if c.change != nil {
				c.change(files)
			}
			dir := saveAll(t, files)
			_, err := gguf.Open(filepath.Join(dir, c.open), gguf.Options{})
			require.ErrorIs(t, err, c.err)
			for _, w := range append(c.want, dir) {
				require.ErrorContains(t, err, w)
			}
			require.LessOrEqual(t, strings.Count(err.Error(), c.open), 2, "the path is repeated: %v", err)
		})
	}
}

// TestSingleSplit: merged files and models of one part are complete.
func TestSingleSplit(t *testing.T) {
	for name, c := range map[string]craft{
		"merged.gguf":           splitSample(0, 0, 2, "a", "b"),
		"m-00001-of-00001.gguf": splitSample(0, 1, 2, "a", "b"),
		"plain.gguf":            splitSample(0, 1, 2, "a", "b"),
		"x-00001-of-00005.gguf": sample(), // a name alone does not make a part
	} {
		f, err := gguf.Open(save(t, t.TempDir(), name, c.bytes()), gguf.Options{})
		require.NoError(t, err, name)
		require.NoError(t, f.Close())
	}
}

func ExampleOpen() {
	f, err := gguf.Open("model.gguf", gguf.Options{})
	if err != nil {
		fmt.Println("no model here")
		return
	}
	defer f.Close()
	arch, _ := f.String("general.architecture")
	fmt.Println(arch, len(f.Tensors))
	// Output: no model here
}
