package hub

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// source is one place that can deliver a model.
type source struct {
	ref   Ref
	files []repoFile // KindHub: the file or all shards in order
}

// job is one pull: a model's name and wanted content, and where to look.
type job struct {
	info    Info // Name, Ref and Licence; the source fills in the rest
	want    File // catalogue models: size and SHA-256
	notice  string
	sources []source
	opt     Options
}

// pull fetches the model of r, or waits for another process that does.
func (s *Store) pull(ctx context.Context, r Ref, opt Options) (Info, error) {
	opt = opt.calm()
	defer s.http.CloseIdleConnections()
	j, err := s.plan(ctx, r, opt)
	if err != nil {
		return Info{}, err
	}
	if err := s.ensureModels(); err != nil {
		return Info{}, fmt.Errorf("model store: %w", err)
	}
	unlock, err := s.Lock(ctx, j.info.Name, func() { opt.status("another process is working on %s: waiting", j.info.Name) })
	if err != nil {
		return Info{}, fmt.Errorf("model store: %w", err)
	}
	defer unlock()
	if in, err := s.lookup(j.info.Name); err == nil {
		return in, nil // the other process was faster
	}
	if j.notice != "" && opt.Notice != nil {
		if err := opt.Notice(j.info.Name, j.notice); err != nil {
			return Info{}, fmt.Errorf("model %s: licence notice: %w", j.info.Name, err)
		}
	}
	return s.try(ctx, j)
}

// try asks the sources in order. A fault of this machine or an end of ctx
// stops at once.
func (s *Store) try(ctx context.Context, j *job) (Info, error) {
	failed := &NoSourceError{Model: j.info.Name}
	for _, src := range j.sources {
		j.opt.status("%s: from %s", j.info.Name, src.ref)
		in, err := s.fetch(ctx, j, src)
		if err == nil {
			in.Source = firstOf(in.Source, src.ref.String())
			in.Pulled = time.Now().UTC().Truncate(time.Second)
			for _, f := range in.Files {
				in.Bytes += f.Bytes
			}
			if err := s.writeInfo(in); err != nil {
				return Info{}, fmt.Errorf("model %s: %w", in.Name, err)
			}
			return in, nil
		}
		if ctx.Err() != nil {
			return Info{}, fmt.Errorf("model %s: %w", j.info.Name, context.Cause(ctx))
		}
		if isLocal(err) {
			return Info{}, fmt.Errorf("model %s: %w", j.info.Name, err)
		}
		failed.Attempts = append(failed.Attempts, Attempt{src.ref.String(), err})
	}
	return Info{}, failed
}

func (s *Store) fetch(ctx context.Context, j *job, src source) (Info, error) {
	if src.ref.Kind == KindPip {
		return s.fetchPip(ctx, j, src.ref)
	}
	return s.fetchHub(ctx, j, src)
}

// plan finds out what to fetch and under which name it will be kept. Only a hub
// reference without a file name needs the network for that.
func (s *Store) plan(ctx context.Context, r Ref, opt Options) (*job, error) {
	j := &job{info: Info{Ref: r.String()}, opt: opt}
	switch r.Kind {
	case KindName:
		return s.planEntry(r.Name, j)
	case KindPip:
		j.info.Name = pipName(r)
		j.sources = []source{{ref: r}}
		return j, nil
	}
	src, err := s.planHub(ctx, r)
	if err != nil {
		return nil, err
	}
	j.info.Name = hubName(r, src.files[0].path)
	j.sources = []source{src}
	return j, nil
}

func (s *Store) planEntry(name string, j *job) (*job, error) {
	e, ok := s.cfg.Catalogue[name]
	if !ok {
		return nil, s.unknown(name)
	}
	j.info.Name, j.info.Licence, j.notice = name, e.Licence, e.Notice
	j.want = File{name + ".gguf", e.Bytes, e.SHA256}
	for _, text := range e.Sources {
		r, err := ParseRef(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("catalogue entry %s: %w", name, err)
		case r.Kind == KindPip:
			j.sources = append(j.sources, source{ref: r})
		case r.Kind == KindHub && r.File != "":
			j.sources = append(j.sources, source{r, []repoFile{{path: r.File}}})
		default:
			return nil, fmt.Errorf("catalogue entry %s: source %q names no file: %w", name, text, ErrBadRef)
		}
	}
	return j, nil
}

// unknown is the error for a name that is neither stored nor in the catalogue.
func (s *Store) unknown(name string) error {
	names := Names(s.cfg.Catalogue)
	if list, err := s.List(); err == nil {
		for _, in := range list {
			names = append(names, in.Name)
		}
	}
	slices.Sort(names)
	return fmt.Errorf("%w %q: known names are %s; a file is given as -m FILE.gguf, a hub model as hf:owner/repo:Q4_K_M",
		ErrUnknownModel, name, strings.Join(slices.Compact(names), ", "))
}

func (o Options) status(format string, args ...any) {
	if o.Status != nil {
		o.Status(fmt.Sprintf(format, args...))
	}
}

// calm limits Progress to ten calls a second and label, plus the last one.
func (o Options) calm() Options {
	report := o.Progress
	if report == nil {
		o.Progress = func(int64, int64, string) {}
		return o
	}
	var mu sync.Mutex
	var last time.Time
	var lastLabel string
	o.Progress = func(done, total int64, label string) {
		mu.Lock()
		defer mu.Unlock()
		if done != total && label == lastLabel && time.Since(last) < 100*time.Millisecond {
			return
		}
		last, lastLabel = time.Now(), label
		report(done, total, label)
	}
	return o
}
