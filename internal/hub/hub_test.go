package hub_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/hub"
)

const loremRef = "hf:o/r:x.Q4_1.gguf"

func oneFile(t *testing.T) (*hubServer, []byte) {
	body := model(200_000, 1)
	return newHub(t, map[string][]byte{"x.Q4_1.gguf": body}), body
}

func TestResolvePullsOnFirstUse(t *testing.T) {
	h, body := oneFile(t)
	s := h.store()
	var last [2]int64
	path, err := s.Resolve(t.Context(), loremRef, hub.Options{Progress: func(done, total int64, label string) {
		last = [2]int64{done, total}
		require.Equal(t, "x.Q4_1.gguf", label)
	}})
	require.NoError(t, err)
	require.Equal(t, [2]int64{int64(len(body)), int64(len(body))}, last)
	require.Equal(t, filepath.Join(s.Dir(), "models", "o--r--x.Q4_1.gguf"), path)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, body, got)
	require.Equal(t, []string{"api /o/r/resolve/main/x.Q4_1.gguf", "cdn /x.Q4_1.gguf", "api /api/models/o/r/revision/" + testCommit}, h.requests())

	h.api.Close()
	again, err := s.Resolve(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	require.Equal(t, path, again)

	list, err := s.List()
	require.NoError(t, err)
	require.Len(t, list, 1)
	in := list[0]
	require.Equal(t, "o--r--x.Q4_1", in.Name)
	require.Equal(t, loremRef, in.Ref)
	require.Equal(t, "hf:o/r@"+testCommit+":x.Q4_1.gguf", in.Source)
	require.Equal(t, "mit", in.Licence)
	require.Equal(t, int64(len(body)), in.Bytes)
	require.Equal(t, sum(body), in.Files[0].SHA256)
	require.WithinDuration(t, time.Now(), in.Pulled, time.Minute)
	leftovers(t, s, "o--r--x.Q4_1.gguf", "o--r--x.Q4_1.json")
}

// leftovers fails unless models/ holds exactly the named entries.
func leftovers(t *testing.T, s *hub.Store, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.Dir(), "models"))
	require.NoError(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	require.ElementsMatch(t, want, got)
}

// The token reaches the hub and never the host that it redirects to.
func TestTokenStaysWithTheHub(t *testing.T) {
	h, _ := oneFile(t)
	s := h.store(func(c *hub.Config) { c.Token = "hf_secret" })
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
	for _, v := range h.tokens["api"] {
		require.Equal(t, "Bearer hf_secret", v)
	}
	require.Equal(t, []string{""}, h.tokens["cdn"])
}

func TestRenamedRepository(t *testing.T) {
	h, _ := oneFile(t)
	h.onAPI = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/old/") {
			return false
		}
		w.Header().Set("Location", "/o/r/resolve/main/x.Q4_1.gguf") // relative, same origin
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
	s := h.store(func(c *hub.Config) { c.Token = "hf_secret" })
	in, err := s.Pull(t.Context(), "hf:old/name:x.Q4_1.gguf", hub.Options{})
	require.NoError(t, err)
	require.Equal(t, testCommit, in.Revision)
}

func TestRedirectsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ target, want string }{
		"other scheme": {"file:///etc/passwd", "not encrypted"},
		"endless":      {"", "redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := oneFile(t)
			h.location = func(file string) string {
				if tc.target != "" {
					return tc.target
				}
				return h.api.URL + "/o/r/resolve/main/" + file
			}
			_, err := h.store().Resolve(t.Context(), loremRef, hub.Options{})
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestRefusedAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		header map[string]string
		token  string
		is     error
		want   string
	}{
		"gated, no token":   {401, map[string]string{"X-Error-Code": "GatedRepo"}, "", hub.ErrAccess, "accept the model's terms on its page and set HF_TOKEN"},
		"gated, token":      {403, map[string]string{"X-Error-Code": "GatedRepo"}, "t", hub.ErrAccess, "has not accepted the model's terms"},
		"private":           {401, nil, "", hub.ErrAccess, "does not exist, or is private"},
		"bad token":         {401, nil, "t", hub.ErrAccess, "token is not valid"},
		"no revision":       {404, map[string]string{"X-Error-Code": "RevisionNotFound"}, "", hub.ErrNotFound, "revision not found"},
		"no repository":     {404, map[string]string{"X-Error-Code": "RepoNotFound"}, "", hub.ErrNotFound, "repository, revision or file not found"},
		"limited":           {429, map[string]string{"Retry-After": "3600"}, "", hub.ErrRateLimited, "try again in 1h0m0s, or set HF_TOKEN"},
		"limited, a moment": {429, nil, "t", hub.ErrRateLimited, "try again later"},
		"broken":            {500, nil, "", nil, "answered 500"},
		"words":             {503, map[string]string{"X-Error-Message": "down\u009b31m for repair"}, "", nil, "(down31m for repair)"},
		"teapot":            {418, nil, "", nil, "answered 418"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := oneFile(t)
			h.onAPI = func(w http.ResponseWriter, r *http.Request) bool {
				for k, v := range tc.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tc.status)
				return true
			}
			_, err := h.store(func(c *hub.Config) { c.Token = tc.token }).Resolve(t.Context(), loremRef, hub.Options{})
			var none *hub.NoSourceError
			require.ErrorAs(t, err, &none)
			require.Len(t, none.Attempts, 1)
			require.ErrorContains(t, err, tc.want)
			require.ErrorContains(t, err, "-m FILE.gguf")
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
		})
	}
}

// Nothing that is not what was promised gets a name, and nothing is left of it.
func TestWrongContent(t *testing.T) {
	body := model(50_000, 1)
	other := model(50_000, 2)
	for name, change := range map[string]func(h *hubServer){
		"announced sum":       func(h *hubServer) { h.files["x.gguf"] = other },
		"announced size":      func(h *hubServer) { h.files["x.gguf"] = body[:40_000] },
		"unannounced content": func(h *hubServer) { h.files["x.gguf"] = other; h.describe = clear2 },
		"unannounced size":    func(h *hubServer) { h.files["x.gguf"] = body[:40_000]; h.describe = clear2 },
		"cdn content": func(h *hubServer) {
			h.onCDN = func(w http.ResponseWriter, r *http.Request) bool { _, _ = w.Write(other); return true }
		},
		"endless": func(h *hubServer) {
			h.onCDN = func(w http.ResponseWriter, r *http.Request) bool {
				w.(http.Flusher).Flush() // no length
				_, _ = w.Write(append(body, other...))
				return true
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, map[string][]byte{"x.gguf": body})
			change(h)
			s := h.store(catalogue("m", entry(body, "hf:o/r:x.gguf")))
			_, err := s.Resolve(t.Context(), "m", hub.Options{})
			require.ErrorIs(t, err, hub.ErrChecksum)
			leftovers(t, s)
		})
	}
	t.Run("no gguf", func(t *testing.T) {
		h := newHub(t, map[string][]byte{"x.gguf": []byte("<html>please log in</html>")})
		s := h.store()
		_, err := s.Resolve(t.Context(), "hf:o/r:x.gguf", hub.Options{})
		require.ErrorContains(t, err, "does not start like a GGUF file")
		leftovers(t, s)
	})
}

func clear2(h http.Header, _ string) {
	h.Del("X-Linked-Etag")
	h.Del("X-Linked-Size")
}

func TestSlowConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, never says a word of TLS
	require.NoError(t, err)
	defer l.Close()
	s := openStore(t, func(c *hub.Config) {
		c.Endpoint = "https://" + l.Addr().String()
		c.ConnectTimeout = 100 * time.Millisecond
	})
	start := time.Now()
	_, err = s.Resolve(t.Context(), loremRef, hub.Options{})
	require.ErrorContains(t, err, "no connection to "+l.Addr().String()+" within 100ms")
	require.Less(t, time.Since(start), time.Second)
}

func TestSilentServer(t *testing.T) {
	h, _ := oneFile(t)
	h.onAPI = func(http.ResponseWriter, *http.Request) bool { time.Sleep(300 * time.Millisecond); return true }
	s := h.store(func(c *hub.Config) { c.HeaderTimeout = 50 * time.Millisecond })
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
	require.ErrorContains(t, err, "timeout awaiting response headers")
}

// Each source that failed is listed with its reason, in order.
func TestNoSource(t *testing.T) {
	body := model(100, 1)
	s := openStore(t, catalogue("m", entry(body, "hf:o/r:x.gguf", "pip:p==1")), func(c *hub.Config) {
		c.Endpoint = "http://127.0.0.1:1"
		c.Pip = [][]string{{"kvasir-no-such-command"}}
	})
	_, err := s.Resolve(t.Context(), "m", hub.Options{})
	var none *hub.NoSourceError
	require.ErrorAs(t, err, &none)
	require.Equal(t, "m", none.Model)
	require.Len(t, none.Attempts, 2)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 4)
	require.Contains(t, lines[1], "hf:o/r:x.gguf: 127.0.0.1:1: dial tcp")
	require.Contains(t, lines[2], "pip:p==1: no pip client found (tried kvasir-no-such-command)")
	require.Contains(t, lines[3], "-m FILE.gguf")
}

func TestOffline(t *testing.T) {
	h, _ := oneFile(t)
	s := h.store(func(c *hub.Config) { c.Offline = true })
	for _, ref := range []string{loremRef, "hf:o/r:Q4_1"} {
		_, err := s.Resolve(t.Context(), ref, hub.Options{})
		require.ErrorIs(t, err, hub.ErrOffline)
	}
	require.Empty(t, h.requests())
}

func TestNotice(t *testing.T) {
	body := model(100, 1)
	h := newHub(t, map[string][]byte{"x.gguf": body})
	e := entry(body, "hf:o/r:x.gguf")
	e.Notice = "terms"
	s := h.store(catalogue("m", e))
	declined := errors.New("declined")
	_, err := s.Resolve(t.Context(), "m", hub.Options{Notice: func(string, string) error { return declined }})
	require.ErrorIs(t, err, declined)
	require.Empty(t, h.requests(), "nothing is asked before the notice was seen")
	var seen []string
	opt := hub.Options{Notice: func(m, text string) error { seen = append(seen, m+": "+text); return nil }}
	for range 2 {
		_, err = s.Resolve(t.Context(), "m", opt)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"m: terms"}, seen, "before the first download only")
}

// Proxies are read from the environment once a process: hence another process.
func TestProxy(t *testing.T) {
	h, _ := oneFile(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperPull$")
	cmd.Env = append(os.Environ(), "KVASIR_TEST_PULL="+t.TempDir(), "KVASIR_TEST_ENDPOINT=http://hub.invalid",
		"HTTP_PROXY="+h.api.URL, "http_proxy="+h.api.URL, "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, h.requests(), "api /o/r/resolve/main/x.Q4_1.gguf")
}

// TestHelperPull is a process of its own for other tests.
func TestHelperPull(t *testing.T) {
	dir := os.Getenv("KVASIR_TEST_PULL")
	if dir == "" {
		t.Skip("run by other tests")
	}
	s := openStore(t, func(c *hub.Config) { c.Dir, c.Endpoint = dir, os.Getenv("KVASIR_TEST_ENDPOINT") })
	_, err := s.Resolve(t.Context(), loremRef, hub.Options{})
	require.NoError(t, err)
}

func TestCancelledContext(t *testing.T) {
	h, _ := oneFile(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.store().Resolve(ctx, loremRef, hub.Options{})
	require.ErrorIs(t, err, context.Canceled)
	_, err = h.store().Resolve(ctx, "hf:o/r:Q4_1", hub.Options{})
	require.ErrorIs(t, err, context.Canceled)
}
