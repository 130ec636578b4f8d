package hub

import (
	"context"
	"errors"
	"net/http"
)

type repoFile struct{ path string }

func newHTTPClient(Config) *http.Client { return nil }
func hubName(r Ref, f string) string    { return "x" }
func (s *Store) planHub(ctx context.Context, r Ref) (source, error) {
	return source{}, errors.New("no")
}
func (s *Store) fetchHub(ctx context.Context, j *job, src source) (Info, error) {
	return Info{}, errors.New("hub not reachable")
}
