package parallel

import (
	"io/fs"
	"math"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// DefaultWorkers is the number of workers that suits this process on this machine: one
// for each core that it may run on, no more than its CPU quota pays for, and no more
// than GOMAXPROCS. Two workers on one core share its vector units and gain nothing; with
// more workers than the quota, all are stopped together for part of every period.
func DefaultWorkers() int {
	n := min(runtime.GOMAXPROCS(0), runtime.NumCPU())
	if root, cpus := system(); root != nil {
		if c := cores(root, cpus); c > 0 {
			n = min(n, c)
		}
		n = min(n, int(min(quota(root), 1<<20)))
	}
	return max(1, n)
}

// cores counts the cores that the given CPUs belong to, 0 when the system does not say.
func cores(root fs.FS, cpus []int) int {
	seen := map[string]bool{}
	for _, cpu := range cpus {
		dir := path.Join("sys/devices/system/cpu", "cpu"+strconv.Itoa(cpu), "topology")
		siblings, err := fs.ReadFile(root, path.Join(dir, "thread_siblings_list"))
		if err != nil {
			return 0
		}
		seen[strings.TrimSpace(string(siblings))] = true
	}
	return len(seen)
}

// quota is the CPUs' worth of time that the control groups of the process grant it,
// infinite without a limit. A group is bound by its parents' limits too.
func quota(root fs.FS) float64 {
	least := math.Inf(1)
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return least
	}
	for line := range strings.Lines(string(groups)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(f) < 3 {
			continue
		}
		if f[1] == "" { // version 2
			least = min(least, groupQuota(root, "sys/fs/cgroup", f[2], quota2))
			continue
		}
		for c := range strings.SplitSeq(f[1], ",") {
			if c == "cpu" {
				least = min(least, groupQuota(root, "sys/fs/cgroup/cpu", f[2], quota1), groupQuota(root, "sys/fs/cgroup/"+f[1], f[2], quota1))
			}
		}
	}
	return least
}

// groupQuota is the least limit from a group up to the mount point. Inside a container
// the path may be one of the host's: what is not there has no limit.
func groupQuota(root fs.FS, mount, group string, read func(fs.FS, string) float64) float64 {
	least := read(root, mount)
	for group = path.Clean("/" + group); group != "/"; group = path.Dir(group) {
		least = min(least, read(root, path.Join(mount, group)))
	}
	return least
}

// quota2 reads cpu.max: "max 100000" or microseconds of a period's microseconds.
func quota2(root fs.FS, dir string) float64 {
	text, _ := fs.ReadFile(root, path.Join(dir, "cpu.max"))
	f := strings.Fields(string(text))
	if len(f) != 2 {
		return math.Inf(1)
	}
	return ratio(f[0], f[1])
}

// quota1 reads the two files of version 1; a quota of -1 is none.
func quota1(root fs.FS, dir string) float64 {
	q, _ := fs.ReadFile(root, path.Join(dir, "cpu.cfs_quota_us"))
	p, _ := fs.ReadFile(root, path.Join(dir, "cpu.cfs_period_us"))
	return ratio(strings.TrimSpace(string(q)), strings.TrimSpace(string(p)))
}

func ratio(quota, period string) float64 {
	q, err := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err != nil || err2 != nil || !(q > 0) || !(p > 0) {
		return math.Inf(1)
	}
	return q / p
}
