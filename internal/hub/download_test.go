package hub_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/hub"
)

// cutAfter lets the first n answers of the file host break off after 60,000 bytes.
func cutAfter(n int) func(w http.ResponseWriter, i int) http.ResponseWriter {
	return func(w http.ResponseWriter, i int) http.ResponseWriter {
		if i <= n {
			return &cutter{w, 60_000}
		}
		return w
	}
}

func partFile(s *hub.Store) string {
	return filepath.Join(s.Dir(), "models", "o--r--x.Q4_1.gguf.part")
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	fi, err := os.Stat(path)
	require.NoError(t, err)
	return fi.Size()
}

func requireModel(t *testing.T, s *hub.Store, body []byte) {
	t.Helper()
	path, err := s.Path("o--r--x.Q4_1")
	require.NoError(t, err)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, sum(body), sum(got))
	leftovers(t, s, "o--r--x.Q4_1.gguf", "o--r--x.Q4_1.json")
}

// cdnRequests are the ranges asked of the file host.
func cdnRequests(h *hubServer) (got []string) {
	for _, line := range h.requests() {
		if rest, ok := strings.CutPrefix(line, "cdn /x.Q4_1.gguf"); ok {
			got = append(got, strings.TrimSpace(rest))
		}
	}
	return got
}

func TestCutConnectionGoesOn(t *testing.T) {
	h, body := oneFile(t)
	h.wrap = cutAfter(3)
	s := h.store()
	var status []string
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{Status: func(l string) { status = append(status, l) }})
	require.NoError(t, err)
	requireModel(t, s, body)
	require.Equal(t, []string{"", "bytes=60000-", "bytes=120000-", "bytes=180000-"}, cdnRequests(h))
	require.Contains(t, strings.Join(status, "\n"), "going on at byte 120000")
}

// A server that breaks off again and again without a new byte is given up;
// what is here stays for the next pull.
func TestGivesUpAndGoesOnLater(t *testing.T) {
	h, body := oneFile(t)
	h.wrap = func(w http.ResponseWriter, i int) http.ResponseWriter {
		if i == 1 {
			return &cutter{w, 60_000}
		}
		panic(http.ErrAbortHandler)
	}
	s := h.store()
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
	require.Error(t, err)
	require.Equal(t, int64(60_000), size(t, partFile(s)))
	require.Len(t, cdnRequests(h), 5)

	h.setWrap(nil)
	_, err = s.Resolve(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	requireModel(t, s, body)
	require.Equal(t, []string{"bytes=60000-"}, cdnRequests(h))
}

func TestCancelKeepsThePart(t *testing.T) {
	h, body := oneFile(t)
	h.wrap = cutAfter(1)
	s := h.store()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Resolve(ctx, loremRef, hub.Options{Progress: func(done, _ int64, _ string) {
		cancel()
	}})
	require.ErrorIs(t, err, context.Canceled)
	n := size(t, partFile(s))
	require.Positive(t, n)
	_, err = s.Path("o--r--x.Q4_1")
	require.ErrorIs(t, err, hub.ErrNotStored)

	h.requests()
	_, err = s.Resolve(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	requireModel(t, s, body)
	require.Equal(t, []string{fmt.Sprintf("bytes=%d-", n)}, cdnRequests(h))
}

// interrupted leaves 60,000 bytes of the file behind.
func interrupted(t *testing.T, h *hubServer, s *hub.Store) {
	t.Helper()
	h.wrap = func(w http.ResponseWriter, i int) http.ResponseWriter {
		if i == 1 {
			return &cutter{w, 60_000}
		}
		panic(http.ErrAbortHandler)
	}
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
	require.Error(t, err)
	require.Equal(t, int64(60_000), size(t, partFile(s)))
	h.setWrap(nil)
	h.requests()
}

// resumeCases are what can have happened between an interrupted download and
// the next, with the ranges that the next one asks for.
var resumeCases = map[string]struct {
	change func(t *testing.T, h *hubServer, s *hub.Store)
	want   []string
}{
	"server ignores ranges": {func(t *testing.T, h *hubServer, s *hub.Store) {
		h.onCDN = func(w http.ResponseWriter, r *http.Request) bool { r.Header.Del("Range"); return false }
	}, []string{"bytes=60000-"}},
	"file changed": {func(t *testing.T, h *hubServer, s *hub.Store) {
		h.files["x.Q4_1.gguf"] = model(220_000, 9)
	}, []string{"bytes=60000-", ""}},
	"file changed, unannounced": {func(t *testing.T, h *hubServer, s *hub.Store) {
		h.files["x.Q4_1.gguf"] = model(220_000, 9) // If-Range notices
		h.describe = clear2
	}, []string{"bytes=60000-"}},
	"file shrank": {func(t *testing.T, h *hubServer, s *hub.Store) {
		h.files["x.Q4_1.gguf"] = model(1_000, 9)
		h.describe = clear2
		h.onCDN = func(w http.ResponseWriter, r *http.Request) bool { r.Header.Del("If-Range"); return false }
	}, []string{"bytes=60000-", ""}},
	"damaged part": {func(t *testing.T, h *hubServer, s *hub.Store) {
		f, err := os.OpenFile(partFile(s), os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("xxxx"), 100)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}, []string{"bytes=60000-", ""}},
	"complete part": {func(t *testing.T, h *hubServer, s *hub.Store) {
		require.NoError(t, os.WriteFile(partFile(s), h.files["x.Q4_1.gguf"], 0o666))
	}, []string{"bytes=200000-"}},
	"part too long": {func(t *testing.T, h *hubServer, s *hub.Store) {
		require.NoError(t, os.WriteFile(partFile(s), make([]byte, 300_000), 0o666))
	}, []string{"bytes=300000-", ""}},
	"part of something else": {func(t *testing.T, h *hubServer, s *hub.Store) {
		require.NoError(t, os.WriteFile(partFile(s)+".json", []byte(`{"address":"http://elsewhere/x"}`), 0o666))
	}, []string{""}},
	"part without description": {func(t *testing.T, h *hubServer, s *hub.Store) {
		require.NoError(t, os.Remove(partFile(s)+".json"))
	}, []string{""}},
	"wrong range": {func(t *testing.T, h *hubServer, s *hub.Store) {
		h.onCDN = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=70000-")
			}
			return false
		}
	}, []string{"bytes=60000-", ""}},
	"weak tag, known sum": {func(t *testing.T, h *hubServer, s *hub.Store) {
		require.NoError(t, os.WriteFile(partFile(s)+".json",
			fmt.Appendf(nil, `{"address":"%s/o/r/resolve/main/x.Q4_1.gguf","etag":"W/\"1\"","sha256":%q}`, h.api.URL, sum(h.files["x.Q4_1.gguf"])), 0o666))
	}, []string{"bytes=60000-"}},
	"weak tag, no sum": {func(t *testing.T, h *hubServer, s *hub.Store) {
		require.NoError(t, os.WriteFile(partFile(s)+".json",
			fmt.Appendf(nil, `{"address":"%s/o/r/resolve/main/x.Q4_1.gguf","etag":"W/\"1\""}`, h.api.URL), 0o666))
	}, []string{""}},
}

func TestResume(t *testing.T) {
	for name, tc := range resumeCases {
		t.Run(name, func(t *testing.T) {
			h, _ := oneFile(t)
			s := h.store()
			interrupted(t, h, s)
			tc.change(t, h, s)
			_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
			require.NoError(t, err)
			requireModel(t, s, h.files["x.Q4_1.gguf"])
			require.Equal(t, tc.want, cdnRequests(h))
		})
	}
}

func TestStalledDownload(t *testing.T) {
	h, body := oneFile(t)
	stalled := false
	h.onCDN = func(w http.ResponseWriter, r *http.Request) bool {
		if stalled {
			return false
		}
		stalled = true
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Header().Set("Etag", `"cdn-`+sum(body)[:8]+`"`)
		_, _ = w.Write(body[:70_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	s := h.store(func(c *hub.Config) { c.StallTimeout = 100 * time.Millisecond })
	var status []string
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{Status: func(l string) { status = append(status, l) }})
	require.NoError(t, err)
	requireModel(t, s, body)
	require.Contains(t, strings.Join(status, "\n"), "connection stalled: going on at byte 70000")
}

// A short Retry-After is honoured, an error that passes is tried again.
func TestPassingErrors(t *testing.T) {
	for _, status := range []int{429, 500, 503} {
		h, body := oneFile(t)
		n := 0
		h.onAPI = func(w http.ResponseWriter, r *http.Request) bool {
			if n++; n > 2 {
				return false
			}
			w.WriteHeader(status)
			return true
		}
		s := h.store()
		_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
		require.NoError(t, err, status)
		requireModel(t, s, body)
	}
}

// A second source serves when the first breaks off for good.
func TestFallsToTheNextSource(t *testing.T) {
	body := model(100_000, 1)
	h := newHub(t, map[string][]byte{"x.gguf": body, "y.gguf": body})
	h.onCDN = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/x.gguf" {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	s := h.store(catalogue("m", entry(body, "hf:o/r:x.gguf", "hf:o/r:y.gguf")))
	in, err := s.Pull(t.Context(), "m", hub.Options{})
	require.NoError(t, err)
	require.Equal(t, "hf:o/r@"+testCommit+":y.gguf", in.Source)
	require.Equal(t, "test", in.Licence, "the catalogue's")
	leftovers(t, s, "m.gguf", "m.json")
}
