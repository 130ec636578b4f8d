package hub_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/hub"
)

// put writes a file below models/.
func put(t *testing.T, s *hub.Store, name string, body []byte) string {
	t.Helper()
	path := filepath.Join(s.Dir(), "models", name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	require.NoError(t, os.WriteFile(path, body, 0o666))
	return path
}

func TestLocalFile(t *testing.T) {
	s := openStore(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "x.gguf")
	require.NoError(t, os.WriteFile(path, []byte("GGUF"), 0o666))
	got, err := s.Resolve(t.Context(), path, hub.Options{})
	require.NoError(t, err)
	require.Equal(t, path, got)

	_, err = s.Resolve(t.Context(), filepath.Join(dir, "y.gguf"), hub.Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = s.Resolve(t.Context(), dir+"/", hub.Options{})
	require.ErrorContains(t, err, "it is a folder")
	_, err = s.Pull(t.Context(), path, hub.Options{})
	require.ErrorIs(t, err, hub.ErrBadRef)
	_, err = os.Stat(filepath.Join(s.Dir(), "models"))
	require.ErrorIs(t, err, fs.ErrNotExist, "nothing is created for a local file")
}

func TestUnknownName(t *testing.T) {
	s := openStore(t, catalogue("known", entry([]byte("GGUF"), "pip:p==1")))
	put(t, s, "dropped.gguf", []byte("GGUF"))
	_, err := s.Resolve(t.Context(), "unknwn", hub.Options{})
	require.ErrorIs(t, err, hub.ErrUnknownModel)
	require.ErrorContains(t, err, "known names are dropped, known;")
}

func TestDroppedFile(t *testing.T) {
	s := openStore(t)
	path := put(t, s, "mine.gguf", []byte("GGUF...."))
	got, err := s.Resolve(t.Context(), "mine", hub.Options{})
	require.NoError(t, err)
	require.Equal(t, path, got)
	require.NoError(t, s.Verify(t.Context(), "mine"))
	put(t, s, "bad.gguf", []byte("<html>"))
	require.ErrorIs(t, s.Verify(t.Context(), "bad"), hub.ErrChecksum)
	list, err := s.List()
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "local file", list[1].Source)
}

// A catalogue model copied in by hand is taken if it is the right one.
func TestDroppedCatalogueFile(t *testing.T) {
	body := model(5000, 1)
	s := openStore(t, catalogue("m", entry(body, "hf:o/r:x.gguf")), func(c *hub.Config) { c.Offline = true })
	path := put(t, s, "m.gguf", model(5000, 2))
	_, err := s.Path("m")
	require.ErrorIs(t, err, hub.ErrChecksum)
	_, err = s.Resolve(t.Context(), "m", hub.Options{})
	require.ErrorIs(t, err, hub.ErrOffline, "it would be fetched anew")

	put(t, s, "m.gguf", body)
	got, err := s.Path("m")
	require.NoError(t, err)
	require.Equal(t, path, got)
	leftovers(t, s, "m.gguf", "m.json")
	list, err := s.List()
	require.NoError(t, err)
	require.Equal(t, "test", list[0].Licence)
}

func TestVerifyAndRepair(t *testing.T) {
	h, body := oneFile(t)
	s := h.store()
	_, err := s.Pull(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Verify(t.Context(), "o--r--x.Q4_1"))

	h.requests()
	_, err = s.Pull(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	require.Empty(t, h.requests(), "a whole model is not fetched again")

	bad := append([]byte(nil), body...)
	bad[len(bad)-1] ^= 1
	put(t, s, "o--r--x.Q4_1.gguf", bad)
	require.ErrorIs(t, s.Verify(t.Context(), "o--r--x.Q4_1"), hub.ErrChecksum)
	_, err = s.Path("o--r--x.Q4_1")
	require.NoError(t, err, "the quick check is by size")
	_, err = s.Pull(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	requireModel(t, s, body)

	put(t, s, "o--r--x.Q4_1.gguf", body[:1000])
	_, err = s.Path("o--r--x.Q4_1")
	require.ErrorIs(t, err, hub.ErrChecksum)
	_, err = s.Resolve(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err, "a cut file is replaced on use")
	requireModel(t, s, body)
}

// The catalogue moves on: a stored file of the old entry no longer serves.
func TestCatalogueChanged(t *testing.T) {
	oldBody, newBody := model(3000, 1), model(3000, 2)
	h := newHub(t, map[string][]byte{"x.gguf": oldBody})
	dir := t.TempDir()
	in := func(c *hub.Config) { c.Dir = dir }
	_, err := h.store(in, catalogue("m", entry(oldBody, "hf:o/r:x.gguf"))).Resolve(t.Context(), "m", hub.Options{})
	require.NoError(t, err)
	h.files["x.gguf"] = newBody
	s := h.store(in, catalogue("m", entry(newBody, "hf:o/r:x.gguf")))
	_, err = s.Path("m")
	require.ErrorContains(t, err, "not the catalogue's")
	path, err := s.Resolve(t.Context(), "m", hub.Options{})
	require.NoError(t, err)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, newBody, got)
}

func TestRemove(t *testing.T) {
	h, _ := oneFile(t)
	s := h.store()
	require.ErrorIs(t, s.Remove("x"), hub.ErrNotStored, "no store yet")
	_, err := s.Pull(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	put(t, s, "o--r--x.Q4_1.gguf.part", []byte("1"))
	put(t, s, "o--r--x.Q4_1.wheels/tmp/x", []byte("1"))
	keep := put(t, s, "other.gguf", []byte("GGUF"))
	unlock, err := s.Lock(t.Context(), "o--r--x.Q4_1", nil)
	require.NoError(t, err)
	require.ErrorContains(t, s.Remove("o--r--x.Q4_1"), "another process is fetching it")
	unlock()
	require.NoError(t, s.Remove("o--r--x.Q4_1"))
	leftovers(t, s, "other.gguf")
	require.ErrorIs(t, s.Remove("o--r--x.Q4_1"), hub.ErrNotStored)
	for _, bad := range []string{"", ".", "..", "../models/other", "/etc/passwd", keep, "a/b", `a\b`, "x\x00", "other.gguf/"} {
		require.ErrorIs(t, s.Remove(bad), hub.ErrBadRef, "%q", bad)
	}
	require.FileExists(t, keep)
}

// A tampered description cannot make the store touch a file outside of it.
func TestRemoveStaysInside(t *testing.T) {
	s := openStore(t)
	outside := filepath.Join(s.Dir(), "outside.gguf")
	put(t, s, "m.gguf", []byte("GGUF"))
	require.NoError(t, os.WriteFile(outside, []byte("GGUF"), 0o666))
	for _, file := range []string{"../outside.gguf", outside, "..\\outside.gguf"} {
		b, err := json.Marshal(hub.Info{Name: "m", Files: []hub.File{{Name: file, Bytes: 4}}})
		require.NoError(t, err)
		put(t, s, "m.json", b)
		_, err = s.Path("m")
		require.ErrorContains(t, err, "lists file")
		_ = s.Remove("m")
		require.FileExists(t, outside)
	}
	if os.Symlink(outside, filepath.Join(s.Dir(), "models", "link.gguf")) == nil {
		require.NoError(t, s.Remove("link"))
		require.FileExists(t, outside)
	}
}

func TestListSkipsNonsense(t *testing.T) {
	s := openStore(t)
	list, err := s.List()
	require.NoError(t, err)
	require.Empty(t, list)
	put(t, s, "a.json", []byte("{"))
	put(t, s, "b.json", []byte(`{"name":"other","files":[{"name":"b.gguf","bytes":1}]}`))
	put(t, s, "c.txt", nil)
	put(t, s, "d.gguf.part", nil)
	put(t, s, "e.gguf/x", nil)
	put(t, s, "huge.json", make([]byte, 2<<20))
	put(t, s, "z.gguf", []byte("GGUF"))
	list, err = s.List()
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "z", list[0].Name)
	for _, name := range []string{"a", "b", "huge"} {
		_, err := s.Path(name)
		require.Error(t, err)
		require.NotErrorIs(t, err, hub.ErrNotStored)
	}
}

// Several goroutines and processes that want one model fetch it once.
func TestConcurrentPulls(t *testing.T) {
	h, body := oneFile(t)
	dir := t.TempDir()
	in := func(c *hub.Config) { c.Dir = dir }
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := h.store(in).Resolve(t.Context(), loremRef, hub.Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 3 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestHelperPull$")
			cmd.Env = append(os.Environ(), "KVASIR_TEST_PULL="+dir, "KVASIR_TEST_ENDPOINT="+h.api.URL)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	requireModel(t, h.store(in), body)
	require.Equal(t, []string{""}, cdnRequests(h))
}

func TestLock(t *testing.T) {
	s := openStore(t)
	unlock, err := s.Lock(t.Context(), "m", nil)
	require.NoError(t, err)
	waited := make(chan struct{})
	got := make(chan error, 1)
	go func() {
		unlock, err := s.Lock(t.Context(), "m", func() { close(waited) })
		if err == nil {
			unlock()
		}
		got <- err
	}()
	select {
	case <-waited:
	case err := <-got:
		t.Fatal("two holders", err)
	}
	other, err := s.Lock(t.Context(), "other", nil)
	require.NoError(t, err, "locks are per name")
	other()
	select {
	case <-got:
		t.Fatal("two holders")
	case <-time.After(50 * time.Millisecond):
	}
	unlock()
	require.NoError(t, <-got)
	_, err = s.Lock(t.Context(), "../x", nil)
	require.ErrorIs(t, err, hub.ErrBadRef)
}

// A store inside a file: the plainest folder that nobody, not even root, can create.
func TestNotWritable(t *testing.T) {
	h, _ := oneFile(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	s := h.store(func(c *hub.Config) { c.Dir = filepath.Join(file, "kvasir") })
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
	require.ErrorIs(t, err, hub.ErrNotWritable)
	require.ErrorContains(t, err, "set KVASIR_HOME")
	var none *hub.NoSourceError
	require.False(t, errors.As(err, &none), "no source is to blame")
	require.Empty(t, h.requests())
}

func TestReadOnlyFolder(t *testing.T) {
	h, body := oneFile(t)
	s := h.store()
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	models := filepath.Join(s.Dir(), "models")
	require.NoError(t, os.Chmod(models, 0o555))
	t.Cleanup(func() { _ = os.Chmod(models, 0o755) })
	if os.WriteFile(filepath.Join(models, "probe"), nil, 0o666) == nil {
		t.Skip("this user may write anywhere")
	}
	requireModel(t, s, body)
	_, err = s.Resolve(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err, "using a model writes nothing")
	err = s.Remove("o--r--x.Q4_1")
	require.ErrorIs(t, err, hub.ErrNotWritable)
	require.True(t, strings.Contains(err.Error(), "in use?"), err)
}
