//go:build !unix && !windows

package hub

import "errors"

// These systems have no further error values for "no room left".
var (
	errQuota      = errors.New("quota exceeded")
	errDiskFullOS = errors.New("disk full")
)
