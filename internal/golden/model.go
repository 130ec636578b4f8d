package golden

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kvasir/internal/hub"
)

const (
	// retryAfter is how long a failed pull is remembered, across processes, so
	// that not every test binary waits for the network anew.
	retryAfter = 10 * time.Minute
	// pullTimeout bounds one pull: go test would kill the whole binary otherwise.
	pullTimeout = 8 * time.Minute
)

// Model returns the path of a model (a catalogue name such as "smollm2", or
// any other model reference), fetched on first use and kept in the user's
// model store. Without a reachable source the test is skipped, or fails if
// KVASIR_REQUIRE_MODELS=1.
func Model(t testing.TB, name string) string {
	t.Helper()
	path, err := once(name)
	if err == nil {
		return path
	}
	if os.Getenv("KVASIR_REQUIRE_MODELS") == "1" {
		t.Fatalf("model %s is required: %v", name, err)
	}
	t.Skipf("needs model %s (infer pull %s): %v", name, name, err)
	return ""
}

// once remembers each model's outcome for the life of the process.
func once(name string) (string, error) {
	f, _ := outcomes.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		s, err := hub.Open("")
		if err != nil {
			return "", err
		}
		return fetch(s, name, os.Getenv("KVASIR_REQUIRE_MODELS") == "1")
	}))
	return f.(func() (string, error))()
}

var outcomes sync.Map // model name → func() (string, error)

// fetch returns a stored model or pulls it, unless a pull failed within
// retryAfter and force is not set. One process at a time pulls and decides.
func fetch(s *hub.Store, name string, force bool) (string, error) {
	if path, err := s.Path(name); err == nil {
		return path, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), pullTimeout)
	defer cancel()
	unlock, err := s.Lock(ctx, "golden", nil)
	if err != nil {
		return "", err
	}
	defer unlock()
	marker := filepath.Join(s.Dir(), "locks", "golden.failed")
	if fi, err := os.Stat(marker); !force && err == nil && time.Since(fi.ModTime()) < retryAfter {
		why, _ := os.ReadFile(marker)
		return "", fmt.Errorf("a pull failed %v ago: %s", time.Since(fi.ModTime()).Round(time.Second), why)
	}
	path, err := s.Resolve(ctx, name, hub.Options{})
	var none *hub.NoSourceError
	if errors.As(err, &none) {
		_ = os.WriteFile(marker, []byte(err.Error()), 0o666) // without it the next binary only tries again
	}
	return path, err
}
