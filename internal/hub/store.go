package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Store is a folder of model files. It holds no open files and needs no Close;
// nothing is created before the first pull.
type Store struct {
	cfg  Config
	http *http.Client
}

// Options are a caller's ears during a pull. Any field may be nil. The
// callbacks run on the pulling goroutine or one of its helpers, never two at once.
type Options struct {
	// Progress reports bytes done of total (0: unknown) for what label names.
	Progress func(done, total int64, label string)
	// Notice shows a licence notice before the first download. An error
	// declines: the pull ends with it.
	Notice func(model, text string) error
	// Status tells in one line what is going on: sources tried, waiting for
	// another process.
	Status func(line string)
}

// Open returns the store in dir ([DefaultDir] if empty), configured from the environment.
func Open(dir string) (*Store, error) {
	cfg := hubFromEnv()
	if cfg.Dir = dir; dir == "" {
		var err error
		if cfg.Dir, err = DefaultDir(); err != nil {
			return nil, err
		}
	}
	return OpenConfig(cfg)
}

// OpenConfig returns the store described by cfg.
func OpenConfig(cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Store{cfg: cfg, http: newHTTPClient(cfg)}, nil
}

// Dir is the store's absolute folder.
func (s *Store) Dir() string { return s.cfg.Dir }

// Resolve returns the path of the model file that ref names, pulling it on
// first use. A split model's path is that of its first shard.
func (s *Store) Resolve(ctx context.Context, ref string, opt Options) (string, error) {
	r, err := ParseRef(ref)
	if err != nil {
		return "", err
	}
	if r.Kind == KindFile {
		return r.Path, checkLocal(r.Path)
	}
	in, err := s.find(r)
	if err != nil {
		if in, err = s.pull(ctx, r, opt); err != nil {
			return "", err
		}
	}
	return s.models(in.Files[0].Name), nil
}

// Pull makes sure that the model is stored and whole: a stored one is read and
// its SHA-256 compared; a missing or damaged one is fetched.
func (s *Store) Pull(ctx context.Context, ref string, opt Options) (Info, error) {
	r, err := ParseRef(ref)
	if err != nil {
		return Info{}, err
	}
	if r.Kind == KindFile {
		return Info{}, fmt.Errorf("%w: %q is a file already; pull takes a name, hf:… or pip:…", ErrBadRef, ref)
	}
	if in, err := s.find(r); err == nil {
		err := s.verify(ctx, in)
		if err == nil || !errors.Is(err, ErrChecksum) {
			return in, err
		}
		opt.status("%v: fetching it again", err)
		if err := s.Remove(in.Name); err != nil {
			return Info{}, err
		}
	}
	return s.pull(ctx, r, opt)
}

// Path returns the file of a stored model without fetching anything; the error
// wraps [ErrNotStored] when it is missing, [ErrChecksum] when its size is wrong.
func (s *Store) Path(name string) (string, error) {
	in, err := s.lookup(name)
	if err != nil {
		return "", err
	}
	return s.models(in.Files[0].Name), nil
}

// Verify reads every file of a stored model and compares its SHA-256. A file
// put there by hand has none to compare and only needs to start like a GGUF.
func (s *Store) Verify(ctx context.Context, name string) error {
	in, err := s.lookup(name)
	if err != nil {
		return err
	}
	return s.verify(ctx, in)
}

func (s *Store) verify(ctx context.Context, in Info) error {
	for _, f := range in.Files {
		if err := checkFileContext(ctx, s.models(f.Name), f); err != nil {
			return err
		}
	}
	return nil
}

// List returns every stored model in order of name, including damaged ones
// (their files are missing or have a wrong size; [Store.Path] tells).
func (s *Store) List() ([]Info, error) {
	entries, err := os.ReadDir(s.models(""))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	var list []Info
	described := map[string]bool{} // files that belong to a sidecar
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && validName(name) {
			if in, err := s.info(name); err == nil {
				list = append(list, in)
				for _, f := range in.Files {
					described[f.Name] = true
				}
			}
		}
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".gguf")
		if ok && validName(name) && !described[e.Name()] {
			if fi, err := os.Stat(s.models(e.Name())); err == nil && fi.Mode().IsRegular() {
				list = append(list, Info{
					Name: name, Ref: name, Source: sourceLocal, Pulled: fi.ModTime().UTC(),
					Bytes: fi.Size(), Files: []File{{Name: e.Name(), Bytes: fi.Size()}},
				})
			}
		}
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// removeWait is how long Remove waits for a pull of the same model.
const removeWait = 2 * time.Second

var errBusy = errors.New("another process is fetching it")

// Remove deletes a stored model with all that belongs to it, interrupted
// downloads included. It takes a name, never a path, and follows no link out
// of the store.
func (s *Store) Remove(name string) error {
	if !validName(name) {
		return fmt.Errorf("remove %q: want the name of a stored model: %w", name, ErrBadRef)
	}
	root, err := os.OpenRoot(s.models(""))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, ErrNotStored)
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	defer root.Close()
	ctx, cancel := context.WithTimeoutCause(context.Background(), removeWait, errBusy)
	defer cancel()
	unlock, err := s.Lock(ctx, name, nil)
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	defer unlock()
	return s.removeFiles(root, name)
}

// removeFiles deletes what belongs to a model; root is the models folder.
func (s *Store) removeFiles(root *os.Root, name string) error {
	files := []string{name + ".gguf"}
	if in, err := s.info(name); err == nil {
		for _, f := range in.Files {
			files = append(files, f.Name)
		}
	}
	slices.Sort(files)
	files = append(slices.Compact(files), name+".json") // the description goes last
	removed := 0
	for _, f := range files {
		for _, f := range []string{f, f + partSuffix, f + partSuffix + ".json"} {
			switch err := root.Remove(f); {
			case err == nil:
				removed++
			case !errors.Is(err, fs.ErrNotExist):
				return fmt.Errorf("remove %s: %w (is the model in use?)", name, onDisk(s.models(f), err))
			}
		}
	}
	if _, err := root.Lstat(name + wheelsSuffix); err == nil {
		removed++
		if err := root.RemoveAll(name + wheelsSuffix); err != nil {
			return fmt.Errorf("remove %s: %w", name, onDisk(s.models(name+wheelsSuffix), err))
		}
	}
	if removed == 0 {
		return fmt.Errorf("remove %s: %w", name, ErrNotStored)
	}
	return nil
}

// find returns the stored model that serves a reference.
func (s *Store) find(r Ref) (Info, error) {
	switch r.Kind {
	case KindName:
		return s.lookup(r.Name)
	case KindPip:
		return s.lookup(pipName(r))
	}
	if r.File != "" {
		return s.lookup(hubName(r, r.File))
	}
	want := r.String()
	list, err := s.List()
	if err != nil {
		return Info{}, err
	}
	for _, in := range list {
		if strings.EqualFold(in.Ref, want) {
			return in, s.present(in)
		}
	}
	return Info{}, fmt.Errorf("%s: %w", want, ErrNotStored)
}

// checkLocal gives a clear error for a user's file that cannot be a model.
func checkLocal(path string) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("model file %s: %w", path, fs.ErrNotExist)
	case err != nil:
		return fmt.Errorf("model file: %w", err)
	case fi.IsDir():
		return fmt.Errorf("model file %s: %w: it is a folder", path, ErrBadRef)
	}
	return nil
}

// ensureModels creates the models folder.
func (s *Store) ensureModels() error {
	dir := filepath.Join(s.cfg.Dir, "models")
	return onDisk(dir, os.MkdirAll(dir, 0o777))
}
