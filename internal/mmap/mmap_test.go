package mmap_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"kvasir/internal/mmap"
)

// writeFile makes a file of n reproducible random bytes.
func writeFile(t testing.TB, n int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, n)
	src := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = src.Read(content)
	path = filepath.Join(t.TempDir(), "data.bin")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path, content
}

func TestOpen(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 4097, 3<<20 + 5} {
		path, want := writeFile(t, size)
		for _, opts := range []mmap.Options{{}, {NoMmap: true}} {
			f, err := mmap.OpenWith(path, opts)
			require.NoError(t, err)
			require.Equal(t, int64(size), f.Size)
			require.True(t, bytes.Equal(want, f.Data), "size %d, options %+v: contents differ", size, opts)
			require.Equal(t, len(f.Data), cap(f.Data))
			if opts.NoMmap {
				require.False(t, f.Mapped())
			}
			for _, a := range []mmap.Advice{mmap.Normal, mmap.WillNeed, mmap.Random, mmap.Sequential, mmap.DontNeed} {
				require.NoError(t, f.Advise(0, f.Size, a))
			}
			if size > 1 {
				require.NoError(t, f.Advise(1, f.Size-1, mmap.DontNeed), "start inside a page")
			}
			require.True(t, bytes.Equal(want, f.Data), "contents differ after DontNeed")
			require.NoError(t, f.Close())
			require.NoError(t, f.Close(), "closing twice")
			require.Nil(t, f.Data)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	_, err := mmap.Open(filepath.Join(t.TempDir(), "absent.bin"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "absent.bin")

	dir := t.TempDir()
	_, err = mmap.Open(dir)
	require.Error(t, err)
	require.ErrorContains(t, err, dir)
}

func TestAdviseRange(t *testing.T) {
	path, _ := writeFile(t, 10000)
	f, err := mmap.Open(path)
	require.NoError(t, err)
	defer f.Close()
	const maxInt64 = 1<<63 - 1
	for _, r := range [][2]int64{{-1, 1}, {0, -1}, {0, 10001}, {10001, 0}, {9999, 2}, {1, maxInt64}, {maxInt64, 1}} {
		require.ErrorIs(t, f.Advise(r[0], r[1], mmap.WillNeed), mmap.ErrRange, "range %v", r)
	}
	require.NoError(t, f.Advise(10000, 0, mmap.WillNeed))
	if f.Mapped() {
		require.Error(t, f.Advise(0, 1, mmap.Advice(99)), "unknown advice")
	}
}

func TestAlloc(t *testing.T) {
	for _, n := range []int{0, 1, 4096, 2<<20 - 1, 2 << 20, 5<<20 + 123} {
		a, err := mmap.Alloc(n)
		require.NoError(t, err)
		require.Len(t, a.Data, n)
		require.Equal(t, n, cap(a.Data), "no spare capacity")
		for i := 0; i < n; i += 509 {
			require.Zero(t, a.Data[i])
		}
		if n > 0 {
			a.Data[0], a.Data[n-1] = 1, 2 // both ends are ours
			require.Zero(t, uintptr(unsafe.Pointer(&a.Data[0]))%64, "alignment of %d bytes", n)
		}
		require.NoError(t, a.Free())
		require.NoError(t, a.Free(), "freeing twice")
		require.Nil(t, a.Data)
	}
	_, err := mmap.Alloc(-1)
	require.Error(t, err)
	_, err = mmap.Alloc(math.MaxInt)
	require.Error(t, err)
}

func TestView(t *testing.T) {
	a, err := mmap.Alloc(64)
	require.NoError(t, err)
	defer a.Free()

	f32, err := mmap.View[float32](a.Data[4:20])
	require.NoError(t, err)
	require.Len(t, f32, 4)
	f32[0] = 1
	require.NotEqual(t, make([]byte, 4), a.Data[4:8], "the view must alias the bytes")

	_, err = mmap.View[float32](a.Data[2:6])
	require.ErrorContains(t, err, "2 bytes past")
	_, err = mmap.View[uint64](a.Data[4:12])
	require.ErrorContains(t, err, "4 bytes past")
	_, err = mmap.View[uint16](a.Data[:3])
	require.ErrorContains(t, err, "multiple of 2")
	none, err := mmap.View[float64](nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestGuardPassesThrough(t *testing.T) {
	require.NoError(t, mmap.Guard(func() error { return nil }))
	require.ErrorIs(t, mmap.Guard(func() error { return os.ErrClosed }), os.ErrClosed)
	require.PanicsWithValue(t, "mine", func() {
		_ = mmap.Guard(func() error { panic("mine") })
	})
	require.Panics(t, func() {
		_ = mmap.Guard(func() error { var p *int; return os.NewSyscallError("x", errOf(*p)) })
	}, "a nil dereference is a bug, not a fault in a file")
}

func errOf(int) error { return nil }

func BenchmarkOpen(b *testing.B) {
	path, content := writeFile(b, 8<<20)
	for _, mode := range []struct {
		name string
		opts mmap.Options
	}{{"map", mmap.Options{}}, {"read", mmap.Options{NoMmap: true}}} {
		b.Run(mode.name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				f, err := mmap.OpenWith(path, mode.opts)
				if err != nil {
					b.Fatal(err)
				}
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
