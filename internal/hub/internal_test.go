package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestContentRange(t *testing.T) {
	for in, want := range map[string][3]int64{
		"bytes 5-9/10": {5, 10, 1}, "bytes */10": {0, 10, 1}, "bytes 0-0/1": {0, 1, 1},
		"": {}, "bytes": {}, "bytes 5-9": {}, "bytes 5-9/*": {}, "bytes 9-5/10": {}, "bytes 5-8/10": {}, "bytes -1-9/10": {}, "bytes x-9/10": {}, "items 5-9/10": {},
	} {
		start, total, ok := contentRange(in)
		require.Equal(t, want[2] == 1, ok, in)
		if ok {
			require.Equal(t, want[:2], []int64{start, total}, in)
		}
	}
}

func TestHasQuant(t *testing.T) {
	for _, tc := range []struct {
		stem, quant string
		want        bool
	}{
		{"M.Q4_K_M", "q4_k_m", true}, {"m-q4_k_m", "Q4_K_M", true}, {"M_Q8_0", "Q8_0", true}, {"Q8_0", "Q8_0", true}, {"d/M-Q6_K-of-00002", "Q6_K", true},
		{"M.Q4_K_M", "Q4_K", false}, {"M.BF16", "F16", false}, {"M.IQ4_NL", "Q4_NL", false}, {"Q8_0/M", "Q8_0", false}, {"M.Q4_K_M", "M.Q", false},
		{"MQ4_0-Q4_0", "Q4_0", true},
	} {
		require.Equal(t, tc.want, hasQuant(tc.stem, tc.quant), "%s in %s", tc.quant, tc.stem)
	}
}

func TestStoreName(t *testing.T) {
	require.Equal(t, "o--r--sub--a_b--refs--pr--3", storeName("o", "r", "sub/a b", "refs/pr/3"))
	for _, s := range []string{"..", "../../x", "-x", ".x.", "a\x00b", "ünï", strings.Repeat("y", 400)} {
		name := storeName("o", s)
		require.True(t, validName(name+"-00001-of-00002"), "%q → %q", s, name)
	}
	long := strings.Repeat("y", 300)
	require.NotEqual(t, storeName(long, "a"), storeName(long, "b"))
}

func TestRetryAfterHeader(t *testing.T) {
	require.Equal(t, 7*time.Second, retryAfter("7"))
	require.Zero(t, retryAfter("-7"))
	require.Zero(t, retryAfter("soon"))
	require.Zero(t, retryAfter("Mon, 02 Jan 2006 15:04:05 GMT"))
	in := retryAfter(time.Now().Add(time.Minute).UTC().Format(http.TimeFormat))
	require.InDelta(t, 60, in.Seconds(), 2)
}

func TestOnDisk(t *testing.T) {
	require.NoError(t, onDisk("x", nil))
	for _, tc := range []struct{ err, want error }{
		{syscall.ENOSPC, ErrDiskFull}, {errQuota, ErrDiskFull}, {errDiskFullOS, ErrDiskFull},
		{fs.ErrPermission, ErrNotWritable}, {syscall.EROFS, ErrNotWritable}, {syscall.ENOTDIR, ErrNotWritable}, {fs.ErrClosed, fs.ErrClosed},
	} {
		err := onDisk("path", fmt.Errorf("around: %w", &fs.PathError{Op: "write", Path: "path", Err: tc.err}))
		require.ErrorIs(t, err, tc.want)
		require.True(t, isLocal(fmt.Errorf("outer: %w", err)))
		require.Equal(t, 1, strings.Count(err.Error(), "path"))
	}
	require.False(t, isLocal(errors.New("x")))
}

func TestTail(t *testing.T) {
	out := &tail{max: 100}
	for i := range 1000 {
		_, _ = fmt.Fprintf(out, "line %d\n", i)
		require.LessOrEqual(t, out.Len(), 200)
	}
	require.True(t, strings.HasSuffix(out.String(), "line 998\nline 999\n"))
	_, _ = out.Write([]byte(strings.Repeat("x", 500) + "end"))
	require.LessOrEqual(t, out.Len(), 200)
	require.True(t, strings.HasSuffix(out.String(), "end"))
}

func TestReason(t *testing.T) {
	require.Empty(t, reason(" \n"))
	require.Equal(t, ": b; c", reason("WARNING: a\nERROR: b\nmore\nERROR: c\n"))
	require.Equal(t, ": last", reason("first\nlast\n\n"))
	require.Less(t, len(reason(strings.Repeat("x", 5000))), 700)
}

func TestCalm(t *testing.T) {
	var calls []string
	o := Options{Progress: func(done, _ int64, label string) { calls = append(calls, fmt.Sprint(label, done)) }}.calm()
	for i := range 101 {
		o.Progress(int64(i), 100, "a")
	}
	o.Progress(1, 2, "b")
	require.Equal(t, []string{"a0", "a100", "b1"}, calls, "first, last and another label")
	Options{}.calm().Progress(1, 2, "x")
}

// The lock for systems without file locks: one holder at a time, a dead
// holder's file is taken over, a live one's is not.
func TestCreatedLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.lock")
	unlock, err := tryCreate(path)
	require.NoError(t, err)
	_, err = tryCreate(path)
	require.ErrorIs(t, err, errLocked)
	unlock()
	require.NoFileExists(t, path+".held")

	require.NoError(t, os.WriteFile(path+".held", []byte("1 1"), 0o666))
	_, err = tryCreate(path)
	require.ErrorIs(t, err, errLocked, "young: its holder may live")
	old := time.Now().Add(-lockStale - time.Second)
	require.NoError(t, os.Chtimes(path+".held", old, old))
	unlock, err = tryCreate(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path+".held", []byte("2 2"), 0o666))
	unlock()
	require.FileExists(t, path+".held", "it had been taken over: not ours to remove")
}

func TestCreatedLockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.lock")
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.WriteFile(path+".held", nil, 0o666))
	require.NoError(t, os.Chtimes(path+".held", old, old))
	var inside atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := 0; n < 20; {
				unlock, err := tryCreate(path)
				if err != nil {
					time.Sleep(100 * time.Microsecond)
					continue
				}
				if inside.Add(1) != 1 {
					t.Error("two holders")
				}
				n++
				inside.Add(-1)
				unlock()
			}
		})
	}
	wg.Wait()
}

func FuzzParseInfo(f *testing.F) {
	f.Add([]byte(`{"name":"m","files":[{"name":"m.gguf","bytes":4}]}`))
	f.Add([]byte(`{"name":"m","files":[{"name":"../m.gguf","bytes":4}]}`))
	f.Add([]byte(`{"name":"m"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := parseInfo("m", b)
		if err != nil {
			return
		}
		for _, file := range in.Files {
			require.True(t, filepath.IsLocal(file.Name), file.Name)
			require.Equal(t, filepath.Base(file.Name), file.Name)
		}
	})
}

// FuzzSelectFile: a choice is one complete model of the list, whatever the names.
func FuzzSelectFile(f *testing.F) {
	f.Add("a.Q4_0.gguf\nb.gguf", "Q4_0")
	f.Add("a-00001-of-00002.gguf\na-00002-of-00002.gguf", "")
	f.Add("a-00001-of-99999.gguf", "")
	f.Add(".gguf", "")
	f.Fuzz(func(t *testing.T, names, quant string) {
		var files []repoFile
		for name := range strings.SplitSeq(names, "\n") {
			if strings.HasSuffix(strings.ToLower(name), ".gguf") && validRepoFile(name) {
				files = append(files, repoFile{path: name})
			}
		}
		chosen, err := selectFile(files, quant)
		if err != nil {
			return
		}
		require.NotEmpty(t, chosen)
		for _, c := range chosen {
			require.Contains(t, files, c)
		}
		hubName(Ref{Owner: "o", Repo: "r"}, chosen[0].path)
	})
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 5-9/10")
	f.Add("bytes */10")
	f.Fuzz(func(t *testing.T, s string) {
		if start, total, ok := contentRange(s); ok {
			require.True(t, start >= 0 && start <= total)
		}
	})
}
