package hub

import "golang.org/x/sys/windows"

// Further error codes that mean "no room left".
var (
	errQuota      error = windows.ERROR_DISK_QUOTA_EXCEEDED
	errDiskFullOS error = windows.ERROR_DISK_FULL
)
