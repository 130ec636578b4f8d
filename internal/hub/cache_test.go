package hub_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/hub"
)

// hubCache makes the folder that the hub's own client would have made of body.
func hubCache(t *testing.T, file string, body []byte) string {
	t.Helper()
	dir := t.TempDir()
	repo := filepath.Join(dir, "models--o--r")
	blob := filepath.Join(repo, "blobs", sum(body))
	link := filepath.Join(repo, "snapshots", testCommit, filepath.FromSlash(file))
	for path, b := range map[string][]byte{blob: body, filepath.Join(repo, "refs", "main"): []byte(testCommit)} {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, b, 0o666))
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o777))
	if err := os.Symlink(blob, link); err != nil {
		t.Skipf("no links here: %v", err)
	}
	return dir
}

func TestHubCacheServesCatalogue(t *testing.T) {
	body := model(9000, 1)
	cache := hubCache(t, "x.gguf", body)
	h := newHub(t, nil)
	s := h.store(catalogue("m", entry(body, "hf:o/r:x.gguf")), func(c *hub.Config) { c.HubCache = cache })
	in, err := s.Pull(t.Context(), "m", hub.Options{})
	require.NoError(t, err)
	require.Empty(t, h.requests())
	require.Equal(t, "hf:o/r:x.gguf (hub cache)", in.Source)
	require.NoError(t, s.Verify(t.Context(), "m"))
	require.NoError(t, s.Remove("m"))
	require.FileExists(t, filepath.Join(cache, "models--o--r", "blobs", sum(body)), "the cache is not ours to empty")
}

// Where links are not to be had the snapshot holds the file itself.
func TestHubCacheWithoutLinks(t *testing.T) {
	body := model(9000, 1)
	cache := hubCache(t, "x.gguf", nil)
	path := filepath.Join(cache, "models--o--r", "snapshots", testCommit, "x.gguf")
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, body, 0o666))
	h := newHub(t, map[string][]byte{"x.gguf": body})
	with := func(c *hub.Config) { c.HubCache = cache }
	_, err := h.store(with, catalogue("m", entry(body, "hf:o/r:x.gguf"))).Pull(t.Context(), "m", hub.Options{})
	require.NoError(t, err)
	require.Empty(t, h.requests(), "a known sum says what it must be")

	in, err := h.store(with).Pull(t.Context(), "hf:o/r:x.gguf", hub.Options{})
	require.NoError(t, err)
	require.Contains(t, in.Source, "(hub cache)", "the hub says what it must be")
	require.Len(t, h.requests(), 2)
}

// A damaged or outdated cached file is passed over.
func TestHubCachePassedOver(t *testing.T) {
	body := model(9000, 1)
	for name, change := range map[string]func(cache string){
		"damaged": func(cache string) {
			require.NoError(t, os.WriteFile(filepath.Join(cache, "models--o--r", "blobs", sum(body)), model(9000, 2), 0o666))
		},
		"dangling": func(cache string) {
			require.NoError(t, os.Remove(filepath.Join(cache, "models--o--r", "blobs", sum(body))))
		},
		"no ref": func(cache string) {
			require.NoError(t, os.WriteFile(filepath.Join(cache, "models--o--r", "refs", "main"), []byte("../../x"), 0o666))
			require.NoError(t, os.Remove(filepath.Join(cache, "models--o--r", "blobs", sum(body))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cache := hubCache(t, "x.gguf", body)
			change(cache)
			h := newHub(t, map[string][]byte{"x.gguf": body})
			s := h.store(func(c *hub.Config) { c.HubCache = cache })
			in, err := s.Pull(t.Context(), "hf:o/r:x.gguf", hub.Options{})
			require.NoError(t, err)
			require.NotContains(t, in.Source, "cache")
			require.NoError(t, s.Verify(t.Context(), in.Name))
		})
	}
}

// A damaged model is replaced by a copy of the cached file.
func TestHubCacheRepairs(t *testing.T) {
	body := model(9000, 1)
	cache := hubCache(t, "x.gguf", body)
	s := openStore(t, catalogue("m", entry(body, "hf:o/r:x.gguf")), func(c *hub.Config) { c.HubCache, c.Offline = cache, true })
	put(t, s, "m.gguf", body[:10])
	_, err := s.Resolve(t.Context(), "m", hub.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Verify(t.Context(), "m"))
	leftovers(t, s, "m.gguf", "m.json")
}

// A moving branch is looked up; without the hub the cached state of it serves.
func TestHubCacheWithoutHub(t *testing.T) {
	body := model(9000, 1)
	cache := hubCache(t, "sub/x.Q4_1.gguf", body)
	with := func(c *hub.Config) { c.HubCache, c.Offline = cache, true }
	for _, ref := range []string{"hf:o/r:sub/x.Q4_1.gguf", "hf:o/r:q4_1", "hf:o/r", "hf:o/r@" + testCommit + ":Q4_1"} {
		s := openStore(t, with)
		path, err := s.Resolve(t.Context(), ref, hub.Options{})
		require.NoError(t, err, ref)
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, body, got)
	}
	_, err := openStore(t, with).Resolve(t.Context(), "hf:o/r@v2", hub.Options{})
	require.ErrorIs(t, err, hub.ErrOffline)
}

// What the hub refuses is refused, whatever is in the cache.
func TestHubCacheDoesNotOverrideTheHub(t *testing.T) {
	cache := hubCache(t, "x.gguf", model(9000, 1))
	h := newHub(t, nil)
	s := h.store(func(c *hub.Config) { c.HubCache = cache })
	_, err := s.Resolve(t.Context(), "hf:o/r:x.gguf", hub.Options{})
	require.ErrorIs(t, err, hub.ErrNotFound)
}
