package golden

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
// KVASIR_REQUIRE_MODELS=1. Safe for parallel tests and test binaries.
func Model(t testing.TB, name string) string {
	t.Helper()
	required := os.Getenv("KVASIR_REQUIRE_MODELS") == "1"
	path, err := once(name, required)
	switch {
	case err != nil && required:
		t.Fatalf("model %s is required: %v", name, err)
	case err != nil:
		t.Skipf("needs model %s (infer pull %s): %v", name, name, err)
	}
	return path
}

// outcomes holds what came of each model, for the life of the process.
var outcomes sync.Map // model name → func() (string, error)

func once(name string, required bool) (string, error) {
	f, _ := outcomes.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		s, err := hub.Open("")
		if err != nil {
			return "", err
		}
		return fetch(s, name, required)
	}))
	return f.(func() (string, error))()
}

// fetch returns a stored model or pulls it, unless a pull failed within
// retryAfter and force is not set. One process at a time decides and pulls.
func fetch(s *hub.Store, name string, force bool) (string, error) {
	if path, err := s.Path(name); err == nil {
		return path, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), pullTimeout)
	defer cancel()
	sum := sha256.Sum256([]byte(name))
	key := "golden-" + hex.EncodeToString(sum[:6])
	unlock, err := s.Lock(ctx, key, nil)
	if err != nil {
		return "", err
	}
	defer unlock()
	marker := filepath.Join(s.Dir(), "locks", key+".failed")
	if age, why := failedBefore(marker); why != "" && !force {
		return "", fmt.Errorf("a pull failed %v ago: %s", age.Round(time.Second), why)
	}
	path, err := s.Resolve(ctx, name, hub.Options{})
	var none *hub.NoSourceError
	if errors.As(err, &none) || ctx.Err() != nil {
		_ = os.WriteFile(marker, []byte(err.Error()), 0o666) // without it the next binary only tries again
	} else if err == nil {
		_ = os.Remove(marker)
	}
	return path, err
}

// failedBefore returns what a pull within retryAfter failed with, "" if none did.
func failedBefore(marker string) (age time.Duration, why string) {
	fi, err := os.Stat(marker)
	if err != nil || time.Since(fi.ModTime()) >= retryAfter {
		return 0, ""
	}
	b, err := os.ReadFile(marker)
	if err != nil {
		return 0, ""
	}
	return time.Since(fi.ModTime()), string(b)
}
