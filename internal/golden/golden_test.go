package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/hub"
)

// recorder is a testing.TB that notes failures instead of passing them on.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, strings.TrimSpace(format))
}

// stop is what Fatalf and Skipf end a recorded test with.
type stop struct{}

func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); panic(stop{}) }

func record(t *testing.T, f func(tb testing.TB)) []string {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != (stop{}) {
				panic(p)
			}
		}()
		f(r)
	}()
	return r.errors
}

func TestCompare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "want.txt")
	require.Len(t, record(t, func(tb testing.TB) { Compare(tb, path, []byte("a\nb\n")) }), 1, "a missing file")

	*update = true
	Compare(t, path, []byte("a\nb\n"))
	*update = false
	require.False(t, Update())
	Compare(t, path, []byte("a\nb\n"))
	for _, other := range []string{"a\nc\n", "a\nb", "a\nb\n\n", ""} {
		require.Len(t, record(t, func(tb testing.TB) { Compare(tb, path, []byte(other)) }), 1, "%q", other)
	}
}

func TestFirstDifference(t *testing.T) {
	line, g, w := firstDifference([]byte("a\nb\nc"), []byte("a\nx\nc"))
	require.Equal(t, 2, line)
	require.Equal(t, "b x", string(g)+" "+string(w))
	line, _, _ = firstDifference([]byte("a\n"), []byte("a"))
	require.Equal(t, 1, line, "one of them ends")
}

func TestJSON(t *testing.T) {
	type record struct {
		Name string
		N    int
	}
	path := filepath.Join(t.TempDir(), "r.json")
	*update = true
	JSON(t, path, record{"x", 3})
	*update = false
	JSON(t, path, record{"x", 3})
	var back record
	Load(t, path, &back)
	require.Equal(t, record{"x", 3}, back)
	var other struct{ Name string }
	require.Len(t, recordErrors(t, path, &other), 1, "unknown key")
}

func recordErrors(t *testing.T, path string, dst any) []string {
	return record(t, func(tb testing.TB) { Load(tb, path, dst) })
}

// An unreachable source is asked once in retryAfter, unless the model is required.
func TestFailedPullIsRemembered(t *testing.T) {
	dir := t.TempDir()
	open := func(sources ...string) *hub.Store {
		s, err := hub.OpenConfig(hub.Config{
			Dir: dir, Offline: true, Pip: [][]string{},
			Catalogue: map[string]hub.Entry{"m": {Bytes: 4, SHA256: strings.Repeat("0", 64), Sources: sources}},
		})
		require.NoError(t, err)
		return s
	}
	s := open("hf:a/b:c.gguf")
	_, err := fetch(s, "m", false)
	var none *hub.NoSourceError
	require.ErrorAs(t, err, &none)

	_, err = fetch(s, "m", false)
	require.ErrorContains(t, err, "a pull failed 0s ago: model m: no source")
	require.NotErrorAs(t, err, &none)
	_, err = fetch(s, "m", true)
	require.ErrorAs(t, err, &none, "required: tried again")

	markers, err := filepath.Glob(filepath.Join(dir, "locks", "*.failed"))
	require.NoError(t, err)
	require.Len(t, markers, 1)
	old := time.Now().Add(-retryAfter - time.Second)
	require.NoError(t, os.Chtimes(markers[0], old, old))
	_, err = fetch(s, "m", false)
	require.ErrorAs(t, err, &none, "the memory has expired")
}

func TestModelSkipsOrFails(t *testing.T) {
	t.Setenv("KVASIR_HOME", t.TempDir())
	t.Setenv("HF_HUB_OFFLINE", "1")
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("KVASIR_REQUIRE_MODELS", "")
	skipped := false
	t.Run("skips", func(t *testing.T) {
		t.Cleanup(func() { skipped = t.Skipped() })
		Model(t, "hf:nobody/nothing:none.gguf")
	})
	require.True(t, skipped)
	t.Setenv("KVASIR_REQUIRE_MODELS", "1")
	errs := record(t, func(tb testing.TB) { Model(tb, "hf:nobody/nothing:other.gguf") })
	require.Len(t, errs, 1)
}

func TestModelReturnsStoredFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("KVASIR_HOME", dir)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "models"), 0o777))
	want := filepath.Join(dir, "models", "mine.gguf")
	require.NoError(t, os.WriteFile(want, []byte("GGUF"), 0o666))
	require.Equal(t, want, Model(t, "mine"))
	require.NoError(t, os.Remove(want))
	require.Equal(t, want, Model(t, "mine"), "one answer for the life of the process")
}
