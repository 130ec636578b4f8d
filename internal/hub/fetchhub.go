package hub

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
)

// fetchHub fetches a model's file or shards. All shards come from the commit
// that the first one came from.
func (s *Store) fetchHub(ctx context.Context, j *job, src source) (Info, error) {
	in := j.info
	ref := src.ref
	cached := 0
	for i, rf := range src.files {
		final := s.models(in.Name + ".gguf")
		if n := len(src.files); n > 1 {
			final = s.models(shardName(in.Name, i+1, n))
		}
		ref.File, ref.Quant = rf.path, ""
		want := File{Bytes: rf.bytes, SHA256: rf.sha256}
		if j.want.SHA256 != "" {
			want = j.want
		}
		file, commit, hit, err := s.fetchFile(ctx, j, ref, final, want)
		if err != nil {
			return Info{}, s.suggest(ctx, j, ref, err)
		}
		if hit {
			cached++
		}
		if in.Revision = firstOf(in.Revision, commit); in.Revision != "" {
			ref.Revision = in.Revision
		}
		in.Files = append(in.Files, file)
	}
	ref.File = src.files[0].path
	in.Source = ref.String()
	if cached == len(src.files) {
		in.Source += " (hub cache)"
	}
	if in.Licence == "" && cached < len(src.files) {
		in.Licence = s.licence(ctx, ref)
	}
	return in, nil
}

// fetchFile brings one file from where it is nearest: the store itself after an
// interrupted pull of several shards, the hub client's cache, the hub.
func (s *Store) fetchFile(ctx context.Context, j *job, ref Ref, final string, want File) (f File, commit string, cached bool, err error) {
	if want.SHA256 != "" && checkFileContext(ctx, final, want) == nil {
		f, err = describeFile(final, want.SHA256)
		return f, "", false, err
	}
	if want.SHA256 != "" || commitRE.MatchString(ref.revision()) {
		if f, ok := s.fromCache(ctx, ref, ref.File, final, want); ok {
			return f, "", true, nil
		}
	}
	d := &download{
		s: s, ref: ref, address: s.fileAddress(ref, ref.revision(), ref.File),
		want: want, label: path.Base(ref.File), opt: j.opt,
	}
	f, err = d.run(ctx, final)
	if err == nil || isLocal(err) || ctx.Err() != nil || definite(err) {
		return f, d.commit, d.cached, err
	}
	if f, ok := s.fromCache(ctx, ref, ref.File, final, want); ok {
		j.opt.status("%v: taking %s from the hub cache", err, ref.File)
		return f, "", true, nil
	}
	return f, d.commit, false, err
}

// suggest adds to "not found" what the repository does have.
func (s *Store) suggest(ctx context.Context, j *job, ref Ref, err error) error {
	if !errors.Is(err, ErrNotFound) || j.want.SHA256 != "" {
		return err
	}
	list, lerr := s.listRepo(ctx, ref)
	if lerr != nil || len(list) == 0 {
		return err
	}
	return fmt.Errorf("%w; the repository has %s", err, listed(candidates(list)))
}

// licence asks for a repository's licence. It is a courtesy: no answer is no error.
func (s *Store) licence(ctx context.Context, ref Ref) string {
	ctx, cancel := context.WithTimeout(ctx, 2*s.cfg.ConnectTimeout)
	defer cancel()
	var about struct{ Tags []string }
	if _, err := s.getJSON(ctx, s.address("api", "models", ref.Owner, ref.Repo, "revision", ref.revision()), &about); err != nil {
		return ""
	}
	for _, tag := range about.Tags {
		if l, ok := strings.CutPrefix(tag, "license:"); ok {
			return printable(l)
		}
	}
	return ""
}
