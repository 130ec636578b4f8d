package mmap_test

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"kvasir/internal/mmap"
)

// residentKB returns the resident size of the mappings whose line in the
// process's map contains match.
func residentKB(t *testing.T, match string) int {
	t.Helper()
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skipf("resident sizes cannot be read: %v", err)
	}
	defer smaps.Close()
	kb, inside := 0, false
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"):
			inside = strings.Contains(lines.Text(), match)
		case inside && fields[0] == "Rss:":
			n, err := strconv.Atoi(fields[1])
			require.NoError(t, err)
			kb += n
		}
	}
	require.NoError(t, lines.Err())
	return kb
}

// touch reads one byte of every page. It must not be inlined, or the compiler
// drops the reads where the sum is not used.
//
//go:noinline
func touch(mem []byte) (sum int) {
	for i := 0; i < len(mem); i += 4096 {
		sum += int(mem[i])
	}
	return sum
}

// TestDontNeedDropsPages checks the promise that memory accounting rests on: a
// released range of a mapped file is no longer resident, and reads back intact.
func TestDontNeedDropsPages(t *testing.T) {
	path, want := writeFile(t, 8<<20)
	f, err := mmap.Open(path)
	require.NoError(t, err)
	defer f.Close()

	sum := touch(f.Data)
	require.Equal(t, 8<<10, residentKB(t, path), "all pages were touched")
	require.NoError(t, f.Advise(4<<20, 4<<20, mmap.DontNeed))
	require.Equal(t, 4<<10, residentKB(t, path), "half was dropped")
	require.NoError(t, f.Advise(0, f.Size, mmap.DontNeed))
	require.Zero(t, residentKB(t, path))
	require.Equal(t, sum, touch(f.Data))
	require.Equal(t, want, f.Data)
}

func TestReadModeKeepsData(t *testing.T) {
	path, want := writeFile(t, 3<<20)
	f, err := mmap.OpenWith(path, mmap.Options{NoMmap: true})
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Truncate(path, 0), "later changes to the file must not matter")
	require.NoError(t, f.Advise(0, f.Size, mmap.DontNeed))
	require.Equal(t, want, f.Data)
	require.Zero(t, residentKB(t, path), "the file itself is not mapped")
}

func TestAllocAlignsLargeBlocks(t *testing.T) {
	for _, n := range []int{2 << 20, 2<<20 + 1, 9 << 20} {
		a, err := mmap.Alloc(n)
		require.NoError(t, err)
		require.Zero(t, uintptr(unsafe.Pointer(&a.Data[0]))%(2<<20), "%d bytes", n)
		require.NoError(t, a.Free())
	}
}

// TestGuardCatchesTruncation cuts a mapped file short and reads past its new end.
func TestGuardCatchesTruncation(t *testing.T) {
	path, _ := writeFile(t, 64<<10)
	f, err := mmap.Open(path)
	require.NoError(t, err)
	defer f.Close()
	other, err := mmap.Alloc(4096)
	require.NoError(t, err)
	defer other.Free()
	require.NoError(t, os.Truncate(path, 4096))

	read := func() error { touch(f.Data); return nil }
	err = mmap.Guard(read, nil, f)
	require.ErrorIs(t, err, mmap.ErrFault)
	require.ErrorContains(t, err, "byte 4096 of 65536")
	require.Panics(t, func() { _ = mmap.Guard(read) }, "a fault outside the guarded files is not ours to swallow")
}
