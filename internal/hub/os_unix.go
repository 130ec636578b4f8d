//go:build unix

package hub

import "syscall"

// Further errno values that mean "no room left".
var (
	errQuota      error = syscall.EDQUOT
	errDiskFullOS error = syscall.ENOSPC
)
