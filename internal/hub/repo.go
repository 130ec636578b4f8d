package hub

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	maxListPages = 100
	maxShards    = 1000
	maxListed    = 12 // candidates named in an error
)

var (
	sha256RE = regexp.MustCompile(`^[0-9a-f]{64}$`)
	commitRE = regexp.MustCompile(`^[0-9a-f]{40}$`)
	shardRE  = regexp.MustCompile(`^(.*)-([0-9]{5})-of-([0-9]{5})$`)
)

// repoFile is a file of a hub repository.
type repoFile struct {
	path   string
	bytes  int64  // 0: not known
	sha256 string // "": not known
}

// revision is the one to ask for.
func (r Ref) revision() string { return firstOf(r.Revision, "main") }

// hubName is the name under which a file of a repository is stored.
func hubName(r Ref, file string) string {
	stem := file[:len(file)-len(".gguf")]
	if m := shardRE.FindStringSubmatch(stem); m != nil {
		stem = m[1]
	}
	parts := []string{r.Owner, r.Repo, stem}
	if r.revision() != "main" {
		parts = append(parts, r.Revision)
	}
	return storeName(parts...)
}

// address is the URL of a hub path; its elements are escaped.
func (s *Store) address(elem ...string) string {
	u := s.cfg.Endpoint
	for _, e := range elem {
		u += "/" + url.PathEscape(e)
	}
	return u
}

// fileAddress is the download URL of a file at a revision.
func (s *Store) fileAddress(r Ref, revision, file string) string {
	elem := []string{r.Owner, r.Repo, "resolve", revision}
	return s.address(append(elem, strings.Split(file, "/")...)...)
}

// planHub finds the file, or all shards, that a hub reference means. With a
// file name it needs no network; otherwise the repository is listed, or, if the
// hub cannot be reached, what the hub client's cache holds of it.
func (s *Store) planHub(ctx context.Context, r Ref) (source, error) {
	if r.File != "" {
		files, err := shards(r.File)
		return source{r, files}, err
	}
	list, err := s.listRepo(ctx, r)
	if err != nil {
		if ctx.Err() != nil {
			return source{}, fmt.Errorf("list %s: %w", r, context.Cause(ctx))
		}
		if list = s.cachedFiles(r); len(list) == 0 || definite(err) {
			return source{}, &NoSourceError{r.String(), []Attempt{{"list of the repository's files", err}}}
		}
	}
	files, err := selectFile(list, r.Quant)
	if err != nil {
		return source{}, fmt.Errorf("%s: %w", r, err)
	}
	return source{r, files}, nil
}

// definite reports whether a hub's answer leaves no hope that its cache is
// still what the user wants.
func definite(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrAccess) || errors.Is(err, ErrChecksum)
}

// shards expands the name of a split file's first shard to all of them.
func shards(file string) ([]repoFile, error) {
	m := shardRE.FindStringSubmatch(file[:len(file)-len(".gguf")])
	if m == nil {
		return []repoFile{{path: file}}, nil
	}
	first, _ := strconv.Atoi(m[2])
	n, _ := strconv.Atoi(m[3])
	if first != 1 || n < 1 || n > maxShards {
		return nil, fmt.Errorf("%w: %q: a split model is named by its first shard, -00001-of-%s", ErrBadRef, file, m[3])
	}
	files := make([]repoFile, n)
	for i := range files {
		files[i].path = shardName(m[1], i+1, n)
	}
	return files, nil
}

func shardName(stem string, i, n int) string { return fmt.Sprintf("%s-%05d-of-%05d.gguf", stem, i, n) }

// listRepo returns the .gguf files of a repository at the reference's revision.
func (s *Store) listRepo(ctx context.Context, r Ref) ([]repoFile, error) {
	next := s.address("api", "models", r.Owner, r.Repo, "tree", r.revision()) + "?recursive=true"
	var files []repoFile
	for range maxListPages {
		var page []struct {
			Type, Path string
			Size       int64
			LFS        *struct {
				OID  string
				Size int64
			}
		}
		header, err := s.getJSON(ctx, next, &page)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.Type != "file" || !strings.HasSuffix(strings.ToLower(e.Path), ".gguf") || !validRepoFile(e.Path) {
				continue
			}
			f := repoFile{path: e.Path, bytes: max(0, e.Size)}
			if e.LFS != nil && isSHA256(e.LFS.OID) {
				f.bytes, f.sha256 = max(0, e.LFS.Size), e.LFS.OID
			}
			files = append(files, f)
		}
		if next = s.nextPage(next, header.Get("Link")); next == "" {
			return files, nil
		}
	}
	return nil, fmt.Errorf("repository lists more than %d pages of files", maxListPages)
}

var nextRE = regexp.MustCompile(`<([^<>]*)>\s*;[^<]*rel="?next"?`)

// nextPage is the address in a Link header's rel="next", if it is on the hub.
func (s *Store) nextPage(current, link string) string {
	m := nextRE.FindStringSubmatch(link)
	base, err := url.Parse(current)
	if m == nil || err != nil {
		return ""
	}
	u, err := base.Parse(m[1])
	if err != nil || !s.isHub(u) {
		return ""
	}
	return u.String()
}

// candidate is one model of a repository: a file, or a split file's shards.
type candidate struct {
	stem  string // path without shard number and .gguf
	files []repoFile
}

// selectFile picks the repository's one model of a quantization, or its only
// model if quant is empty. An error lists what there is.
func selectFile(files []repoFile, quant string) ([]repoFile, error) {
	all := candidates(files)
	var match []candidate
	for _, c := range all {
		if quant == "" || hasQuant(c.stem, quant) {
			match = append(match, c)
		}
	}
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("no .gguf model in this repository: %w", ErrNotFound)
	case len(match) == 0:
		return nil, fmt.Errorf("no file of quantization %s: %w; there are %s", quant, ErrNotFound, listed(all))
	case len(match) > 1:
		return nil, fmt.Errorf("%w: add one of these after a colon: %s", ErrAmbiguous, listed(match))
	}
	c := match[0]
	if want, err := shards(c.files[0].path); err != nil || len(want) != len(c.files) {
		return nil, fmt.Errorf("%s: %w: the repository holds %d of its shards", c.files[0].path, ErrNotFound, len(c.files))
	}
	return c.files, nil
}

// candidates groups shards and leaves out what is no language model of its own:
// image projectors and importance matrices.
func candidates(files []repoFile) []candidate {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b repoFile) int { return strings.Compare(a.path, b.path) })
	var all []candidate
	for _, f := range files {
		base := strings.ToLower(path.Base(f.path))
		if strings.HasPrefix(base, "mmproj") || strings.Contains(base, "imatrix") {
			continue
		}
		stem := f.path[:len(f.path)-len(".gguf")]
		if m := shardRE.FindStringSubmatch(stem); m != nil {
			stem = m[1] + "-of-" + m[3]
		}
		if n := len(all); n > 0 && all[n-1].stem == stem {
			all[n-1].files = append(all[n-1].files, f)
			continue
		}
		all = append(all, candidate{stem, []repoFile{f}})
	}
	return all
}

// hasQuant reports whether a file's stem names the quantization as a word of
// its own, in any case: q4_k is not found in Q4_K_M, nor F16 in BF16.
func hasQuant(stem, quant string) bool {
	stem, quant = strings.ToLower(path.Base(stem)), strings.ToLower(quant)
	for from := 0; ; {
		i := strings.Index(stem[from:], quant)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(quant)
		if (i == 0 || strings.IndexByte(".-_", stem[i-1]) >= 0) && (end == len(stem) || strings.IndexByte(".-", stem[end]) >= 0) {
			return true
		}
		from = i + 1
	}
}

func listed(all []candidate) string {
	names := make([]string, 0, maxListed+1)
	for i, c := range all {
		if i == maxListed {
			names = append(names, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		names = append(names, c.files[0].path)
	}
	return strings.Join(names, ", ")
}
