package hub_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/hub"
)

// The kernel's own full disk: every write to it says so.
func TestDiskFull(t *testing.T) {
	h, _ := oneFile(t)
	s := h.store()
	models := filepath.Join(s.Dir(), "models")
	require.NoError(t, os.MkdirAll(models, 0o777))
	require.NoError(t, os.Symlink("/dev/full", partFile(s)))
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
	require.ErrorIs(t, err, hub.ErrDiskFull)
	require.ErrorContains(t, err, "free some space, or set KVASIR_HOME")
	var none *hub.NoSourceError
	require.NotErrorAs(t, err, &none, "another source would not help")
}

// tmpfs mounts a small file system, or skips where that is not allowed.
func tmpfs(t *testing.T, dir, options string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o777))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// A disk that fills up in the middle: the rest comes when there is room.
func TestDiskFillsUp(t *testing.T) {
	h, body := oneFile(t)
	dir := filepath.Join(t.TempDir(), "store")
	tmpfs(t, dir, "size=160k")
	s := h.store(func(c *hub.Config) { c.Dir = dir })
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
	require.ErrorIs(t, err, hub.ErrDiskFull)
	n := size(t, partFile(s))
	require.Positive(t, n)
	_, err = s.Path("o--r--x.Q4_1")
	require.ErrorIs(t, err, hub.ErrNotStored)

	require.NoError(t, syscall.Mount("", dir, "tmpfs", syscall.MS_REMOUNT, "size=1m"))
	h.requests()
	_, err = s.Resolve(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	requireModel(t, s, body)
	require.NotEqual(t, []string{""}, cdnRequests(h), "went on where it stopped")
}

func TestReadOnlyDisk(t *testing.T) {
	h, body := oneFile(t)
	dir := filepath.Join(t.TempDir(), "store")
	tmpfs(t, dir, "size=1m")
	s := h.store(func(c *hub.Config) { c.Dir = dir })
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	require.NoError(t, syscall.Mount("", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err = s.Resolve(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	requireModel(t, s, body)
	_, err = s.Resolve(t.Context(), "hf:o/r@other:x.Q4_1.gguf", hub.Options{})
	require.ErrorIs(t, err, hub.ErrNotWritable)
	require.ErrorIs(t, s.Remove("o--r--x.Q4_1"), hub.ErrNotWritable)
}
