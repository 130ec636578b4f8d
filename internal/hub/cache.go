package hub

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The hub's own client keeps what it downloads as
//
//	models--OWNER--REPO/refs/REVISION            a commit
//	models--OWNER--REPO/snapshots/COMMIT/FILE    link to a blob (a plain file where links are not to be had)
//	models--OWNER--REPO/blobs/SHA256             for large files
//
// A file found there is used only after its SHA-256 was computed and compared.

func (s *Store) repoCache(r Ref) string {
	if s.cfg.HubCache == "" {
		return ""
	}
	return filepath.Join(s.cfg.HubCache, "models--"+r.Owner+"--"+r.Repo)
}

// snapshot is the cached folder of the reference's revision, "" if none.
func (s *Store) snapshot(r Ref) string {
	repo := s.repoCache(r)
	if repo == "" {
		return ""
	}
	commit := r.revision()
	if !commitRE.MatchString(commit) {
		b, err := os.ReadFile(filepath.Join(repo, "refs", filepath.FromSlash(commit)))
		if err != nil {
			return ""
		}
		if commit = strings.TrimSpace(string(b)); !commitRE.MatchString(commit) {
			return ""
		}
	}
	return filepath.Join(repo, "snapshots", commit)
}

// cachedFiles lists the .gguf files of the cached snapshot.
func (s *Store) cachedFiles(r Ref) []repoFile {
	dir := s.snapshot(r)
	if dir == "" {
		return nil
	}
	var files []repoFile
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(strings.ToLower(p), ".gguf") {
			return nil
		}
		if rel, err := filepath.Rel(dir, p); err == nil && validRepoFile(filepath.ToSlash(rel)) {
			files = append(files, repoFile{path: filepath.ToSlash(rel)})
		}
		return nil
	})
	return files
}

// fromCache stores a file of the hub client's cache as final, if it is there
// and right. Without a wanted SHA-256 the blob's name says what it must be.
func (s *Store) fromCache(ctx context.Context, r Ref, file, final string, want File) (File, bool) {
	repo := s.repoCache(r)
	if repo == "" {
		return File{}, false
	}
	var places []string
	if want.SHA256 != "" {
		places = append(places, filepath.Join(repo, "blobs", want.SHA256))
	}
	if dir := s.snapshot(r); dir != "" {
		places = append(places, filepath.Join(dir, filepath.FromSlash(file)))
	}
	for _, place := range places {
		blob, err := filepath.EvalSymlinks(place)
		if err != nil {
			continue
		}
		w := want
		if w.SHA256 == "" {
			w.SHA256 = filepath.Base(blob)
		}
		if !isSHA256(w.SHA256) || checkFileContext(ctx, blob, w) != nil {
			continue
		}
		if got, err := adoptFile(ctx, blob, final, w); err == nil {
			return got, true
		}
	}
	return File{}, false
}

// adoptFile makes final a second name of the verified file at path, or a copy
// of it where that cannot be.
func adoptFile(ctx context.Context, path, final string, want File) (File, error) {
	if err := os.Link(path, final); err == nil {
		return describeFile(final, want.SHA256)
	}
	src, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("hub cache: %w", err)
	}
	defer src.Close()
	p, err := openPart(ctx, final, false)
	if err != nil {
		return File{}, err
	}
	if _, err := copyContext(ctx, p, src); err != nil {
		p.discard()
		return File{}, err
	}
	return p.publish(want)
}
