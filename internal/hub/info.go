package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// File is one stored file: its base name inside models/, size and SHA-256
// (lower-case hex; empty for files put there by hand).
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256,omitempty"`
}

// Info is what the store knows about a model. It is the content of NAME.json.
type Info struct {
	Name     string    `json:"name"`
	Ref      string    `json:"ref"`                // what the user asked for
	Source   string    `json:"source"`             // what delivered it
	Revision string    `json:"revision,omitempty"` // commit of a hub repository
	Licence  string    `json:"licence,omitempty"`
	Pulled   time.Time `json:"pulled,omitzero"`
	Bytes    int64     `json:"bytes"` // of all files
	Files    []File    `json:"files"` // shards in order; the first is the one to open
}

// sourceLocal is the source of a file that someone put into models/ by hand.
const sourceLocal = "local file"

const maxInfoBytes = 1 << 20

// parseInfo reads NAME.json and refuses anything that would let a store file
// name something outside models/.
func parseInfo(name string, b []byte) (Info, error) {
	var in Info
	if err := json.Unmarshal(b, &in); err != nil {
		return Info{}, err
	}
	if in.Name != name {
		return Info{}, fmt.Errorf("names model %q", in.Name)
	}
	if len(in.Files) == 0 {
		return Info{}, errors.New("lists no file")
	}
	for _, f := range in.Files {
		stem, ok := strings.CutSuffix(f.Name, ".gguf")
		if !ok || !validName(stem) || f.Bytes <= 0 {
			return Info{}, fmt.Errorf("lists file %q of %d bytes", f.Name, f.Bytes)
		}
	}
	return in, nil
}

// models returns the path of an entry of the models folder.
func (s *Store) models(elem string) string {
	return filepath.Join(s.cfg.Dir, "models", elem)
}

// info reads a model's sidecar; an error that wraps fs.ErrNotExist means none.
func (s *Store) info(name string) (Info, error) {
	path := s.models(name + ".json")
	fi, err := os.Stat(path)
	if err != nil {
		return Info{}, err
	}
	if fi.Size() > maxInfoBytes {
		return Info{}, fmt.Errorf("%s: %d bytes are no model description", path, fi.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Info{}, err
	}
	in, err := parseInfo(name, b)
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", path, err)
	}
	return in, nil
}

func (s *Store) writeInfo(in Info) error {
	b, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		return fmt.Errorf("describe %s: %w", in.Name, err)
	}
	return writeFileAtomic(s.models(in.Name+".json"), append(b, '\n'))
}

// present checks every file of a model against its size.
func (s *Store) present(in Info) error {
	for _, f := range in.Files {
		fi, err := os.Stat(s.models(f.Name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%s: %w", f.Name, ErrNotStored)
		case err != nil:
			return fmt.Errorf("model %s: %w", in.Name, err)
		case fi.Size() != f.Bytes:
			return fmt.Errorf("%s: %w: has %d bytes, want %d", s.models(f.Name), ErrChecksum, fi.Size(), f.Bytes)
		}
	}
	return nil
}

// lookup returns a model that is stored under name and whose files have their
// sizes. For a catalogue name, the file must be the catalogue's.
func (s *Store) lookup(name string) (Info, error) {
	if !validName(name) {
		return Info{}, fmt.Errorf("%q: %w", name, ErrBadRef)
	}
	want, pinned := s.cfg.Catalogue[name]
	in, err := s.info(name)
	switch {
	case err == nil && pinned && (len(in.Files) != 1 || in.Files[0].SHA256 != want.SHA256):
		return Info{}, fmt.Errorf("model %s: the stored file is not the catalogue's: %w", name, ErrChecksum)
	case err == nil:
		return in, s.present(in)
	case !errors.Is(err, fs.ErrNotExist):
		return Info{}, err
	}
	return s.adopt(name)
}

// adopt describes a file that was put into models/ without a sidecar. A
// catalogue model must have the catalogue's size and SHA-256, which is
// computed once and then noted where the store can be written to.
func (s *Store) adopt(name string) (Info, error) {
	file := name + ".gguf"
	fi, err := os.Stat(s.models(file))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !fi.Mode().IsRegular() {
		return Info{}, fmt.Errorf("model %s: %w", name, ErrNotStored)
	}
	if err != nil {
		return Info{}, fmt.Errorf("model %s: %w", name, err)
	}
	in := Info{
		Name: name, Ref: name, Source: sourceLocal, Pulled: fi.ModTime().UTC().Truncate(time.Second),
		Bytes: fi.Size(), Files: []File{{Name: file, Bytes: fi.Size()}},
	}
	want, pinned := s.cfg.Catalogue[name]
	if !pinned {
		return in, nil
	}
	if err := checkFile(s.models(file), File{file, want.Bytes, want.SHA256}); err != nil {
		return Info{}, err
	}
	in.Licence = want.Licence
	in.Files[0].SHA256 = want.SHA256
	_ = s.writeInfo(in) // a read-only store only means that the sum is computed again
	return in, nil
}
