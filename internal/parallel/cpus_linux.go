package parallel

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// system returns the file system's root and the CPUs that the process may run on.
func system() (root fs.FS, cpus []int) {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) == nil {
		for cpu := range 64 * len(set) {
			if set.IsSet(cpu) {
				cpus = append(cpus, cpu)
			}
		}
	}
	return os.DirFS("/"), cpus
}
