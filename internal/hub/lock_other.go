//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package hub

// tryLock reports that this system has no advisory locks; [tryCreate] serves.
func tryLock(string) (unlock func(), err error) { return nil, errNoLocks }
