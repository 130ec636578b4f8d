package hub_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/hub"
)

const testCommit = "0123456789abcdef0123456789abcdef01234567"

// hubServer speaks the hub's protocol for one repository, o/r: listings and
// redirects to a second server that has the bytes and knows no token.
type hubServer struct {
	t        *testing.T
	api, cdn *httptest.Server

	mu       sync.Mutex
	files    map[string][]byte
	seen     []string                                               // "api|cdn PATH range=…"
	tokens   map[string][]string                                    // "api", "cdn" → Authorization values
	onAPI    func(w http.ResponseWriter, r *http.Request) bool      // true: answered
	onCDN    func(w http.ResponseWriter, r *http.Request) bool      // true: answered
	describe func(h http.Header, file string)                       // changes the redirect's headers
	location func(file string) string                               // changes the redirect's target
	pageSize int                                                    // files a listing page, 0: all
	wrap     func(w http.ResponseWriter, n int) http.ResponseWriter // for the n-th CDN answer
	answers  int
}

func newHub(t *testing.T, files map[string][]byte) *hubServer {
	h := &hubServer{t: t, files: files, tokens: map[string][]string{}}
	h.mu.Lock() // another process may ask: no order but the lock's
	h.api = httptest.NewServer(http.HandlerFunc(h.serveAPI))
	h.cdn = httptest.NewServer(http.HandlerFunc(h.serveCDN))
	h.mu.Unlock()
	t.Cleanup(h.api.Close)
	t.Cleanup(h.cdn.Close)
	return h
}

func (h *hubServer) note(where string, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	line := where + " " + r.URL.Path
	if v := r.Header.Get("Range"); v != "" {
		line += " " + v
	}
	h.seen = append(h.seen, line)
	h.tokens[where] = append(h.tokens[where], r.Header.Get("Authorization"))
}

// requests returns what was asked so far and forgets it.
func (h *hubServer) requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := h.seen
	h.seen = nil
	return seen
}

func (h *hubServer) serveAPI(w http.ResponseWriter, r *http.Request) {
	h.note("api", r)
	if h.onAPI != nil && h.onAPI(w, r) {
		return
	}
	switch p := r.URL.EscapedPath(); {
	case strings.HasPrefix(p, "/api/models/o/r/tree/"):
		h.serveTree(w, r)
	case strings.HasPrefix(p, "/api/models/o/r/revision/"):
		_, _ = fmt.Fprint(w, `{"sha":"`+testCommit+`","tags":["gguf","license:mit"]}`)
	case strings.HasPrefix(p, "/o/r/resolve/"):
		h.serveResolve(w, r)
	default:
		w.Header().Set("X-Error-Code", "RepoNotFound")
		w.WriteHeader(http.StatusNotFound)
	}
}

func (h *hubServer) serveTree(w http.ResponseWriter, r *http.Request) {
	var names []string
	for name := range h.files {
		names = append(names, name)
	}
	slices.Sort(names)
	from := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &from)
	to := len(names)
	if h.pageSize > 0 && from+h.pageSize < to {
		to = from + h.pageSize
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=true&cursor=%d>; rel="next"`, h.api.URL, r.URL.EscapedPath(), to))
	}
	list := []map[string]any{{"type": "directory", "path": "sub", "size": 0}}
	for _, name := range names[from:to] {
		list = append(list, map[string]any{
			"type": "file", "path": name, "size": len(h.files[name]), "oid": "00",
			"lfs": map[string]any{"oid": sum(h.files[name]), "size": len(h.files[name]), "pointerSize": 130},
		})
	}
	_ = json.NewEncoder(w).Encode(list)
}

func (h *hubServer) serveResolve(w http.ResponseWriter, r *http.Request) {
	_, rest, _ := strings.Cut(r.URL.Path, "/resolve/")
	_, file, _ := strings.Cut(rest, "/")
	body, ok := h.files[file]
	if !ok {
		w.Header().Set("X-Error-Code", "EntryNotFound")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("X-Repo-Commit", testCommit)
	w.Header().Set("X-Linked-Etag", `"`+sum(body)+`"`)
	w.Header().Set("X-Linked-Size", fmt.Sprint(len(body)))
	if h.describe != nil {
		h.describe(w.Header(), file)
	}
	target := h.cdn.URL + "/" + file + "?Signature=secret"
	if h.location != nil {
		target = h.location(file)
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
}

func (h *hubServer) serveCDN(w http.ResponseWriter, r *http.Request) {
	h.note("cdn", r)
	if h.onCDN != nil && h.onCDN(w, r) {
		return
	}
	body, ok := h.files[r.URL.Path[1:]]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if w.Header().Get("Etag") == "" {
		w.Header().Set("Etag", `"cdn-`+sum(body)[:8]+`"`)
	}
	h.mu.Lock()
	h.answers++
	n, wrap := h.answers, h.wrap
	h.mu.Unlock()
	if wrap != nil {
		w = wrap(w, n)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// cutter passes left bytes on and then breaks the connection.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b[:min(len(b), c.left)])
	if c.left -= n; c.left == 0 {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// setWrap changes wrap between requests: a handler that broke off leaves no
// other order between the two.
func (h *hubServer) setWrap(wrap func(w http.ResponseWriter, n int) http.ResponseWriter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wrap = wrap
}

// store returns a store that knows this hub and no other source.
func (h *hubServer) store(change ...func(*hub.Config)) *hub.Store {
	h.t.Helper()
	return openStore(h.t, append([]func(*hub.Config){func(c *hub.Config) { c.Endpoint = h.api.URL }}, change...)...)
}

func openStore(t *testing.T, change ...func(*hub.Config)) *hub.Store {
	t.Helper()
	cfg := hub.Config{
		Catalogue: map[string]hub.Entry{}, Pip: [][]string{},
		ConnectTimeout: 2 * time.Second, HeaderTimeout: 2 * time.Second, StallTimeout: 2 * time.Second, RetryDelay: time.Millisecond,
	}
	for _, f := range change {
		f(&cfg)
	}
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	s, err := hub.OpenConfig(cfg)
	require.NoError(t, err)
	return s
}

// model returns n bytes that begin like a GGUF file and differ by seed.
func model(n int, seed byte) []byte {
	b := make([]byte, n)
	x := uint32(seed)*2654435761 + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	copy(b, "GGUF")
	return b
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// entry is a catalogue entry for body.
func entry(body []byte, sources ...string) hub.Entry {
	return hub.Entry{SHA256: sum(body), Bytes: int64(len(body)), Licence: "test", Sources: sources}
}

func catalogue(name string, e hub.Entry) func(*hub.Config) {
	return func(c *hub.Config) { c.Catalogue = map[string]hub.Entry{name: e} }
}
