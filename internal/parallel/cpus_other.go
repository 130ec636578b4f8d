//go:build !linux

package parallel

import "io/fs"

// system: nothing is known beyond what the Go runtime knows.
func system() (root fs.FS, cpus []int) { return nil, nil }
