package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	lockPoll  = 100 * time.Millisecond
	lockBeat  = 5 * time.Second  // how often a lock file's holder touches it
	lockStale = 30 * time.Second // untouched for so long, its holder is gone
)

// errLocked is returned by a try that found the lock held by someone else.
var errLocked = errors.New("locked by another process")

// errNoLocks says that the file system knows no advisory locks.
var errNoLocks = errors.New("file locks unsupported")

// Lock takes the store's lock called name, waiting until ctx ends; onWait (may
// be nil) is called once if it has to wait. It excludes goroutines and processes
// alike and vanishes with its process. Call unlock exactly once.
func (s *Store) Lock(ctx context.Context, name string, onWait func()) (unlock func(), err error) {
	if !validName(name) {
		return nil, fmt.Errorf("lock %q: %w", name, ErrBadRef)
	}
	dir := filepath.Join(s.cfg.Dir, "locks")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, onDisk(dir, err)
	}
	path := filepath.Join(dir, name+".lock")
	try := tryLock
	for {
		unlock, err := try(path)
		switch {
		case err == nil:
			return unlock, nil
		case errors.Is(err, errNoLocks):
			try = tryCreate
			continue
		case !errors.Is(err, errLocked):
			return nil, onDisk(path, err)
		}
		if onWait != nil {
			onWait()
			onWait = nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for lock %s: %w", path, context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

// tryCreate is the lock for systems without advisory locks: the file exists
// while the lock is held, holds its owner's process id and is touched every
// lockBeat, so that one left by a crash is recognised by its age.
func tryCreate(path string) (unlock func(), err error) {
	path += ".held"
	if isStale(path) {
		breakStale(path)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if errors.Is(err, os.ErrExist) {
		return nil, errLocked
	}
	if err != nil {
		return nil, err
	}
	token := fmt.Sprintf("%d %d", os.Getpid(), time.Now().UnixNano())
	_, err = f.WriteString(token)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go beat(path, stop, done)
	return func() {
		close(stop)
		<-done
		if held, err := os.ReadFile(path); err == nil && string(held) == token {
			_ = os.Remove(path) // a leftover is recognised as stale
		}
	}, nil
}

// breakStale removes a dead owner's lock file. Of several that notice, one at
// a time gets to look again and remove, or it could hit the file of whoever
// took the lock meanwhile.
func breakStale(path string) {
	breaker := path + ".break"
	if isStale(breaker) {
		_ = os.Remove(breaker) // its owner died within the few lines below
	}
	f, err := os.OpenFile(breaker, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return
	}
	_ = f.Close()
	if isStale(path) {
		_ = os.Remove(path)
	}
	_ = os.Remove(breaker)
}

// isStale reports whether path is the lock file of a holder that is gone.
func isStale(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && time.Since(fi.ModTime()) > lockStale
}

// beat keeps the lock file's time fresh until stop closes.
func beat(path string, stop <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	tick := time.NewTicker(lockBeat)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			_ = os.Chtimes(path, now, now) // a failing beat only makes the lock look stale
		}
	}
}
