package parallel

import (
	"math"
	"runtime"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// files makes a file system of names and contents.
func files(m map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range m {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestDefaultWorkers(t *testing.T) {
	n := DefaultWorkers()
	require.GreaterOrEqual(t, n, 1)
	require.LessOrEqual(t, n, runtime.NumCPU())
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	require.Equal(t, 1, DefaultWorkers())
}

func TestCores(t *testing.T) {
	m := map[string]string{}
	for cpu, siblings := range []string{"0,4\n", "1,5\n", "2\n", "3\n", "0,4\n", "1,5\n"} {
		m["sys/devices/system/cpu/cpu"+strconv.Itoa(cpu)+"/topology/thread_siblings_list"] = siblings
	}
	root := files(m)
	require.Equal(t, 4, cores(root, []int{0, 1, 2, 3, 4, 5}))
	require.Equal(t, 1, cores(root, []int{0, 4}))
	require.Equal(t, 3, cores(root, []int{2, 4, 5}))
	require.Equal(t, 0, cores(root, []int{0, 9}), "no word about CPU 9")
	require.Equal(t, 0, cores(root, nil))
}

func TestQuota(t *testing.T) {
	none := math.Inf(1)
	for name, tc := range map[string]struct {
		files map[string]string
		want  float64
	}{
		"nothing known": {nil, none},
		"no limit": {map[string]string{
			"proc/self/cgroup": "0::/user.slice\n", "sys/fs/cgroup/user.slice/cpu.max": "max 100000\n",
		}, none},
		"version 2": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n",
		}, 1.5},
		"a parent's limit": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "800000 100000\n", "sys/fs/cgroup/a/cpu.max": "250000 100000\n",
		}, 2.5},
		"a container's root": {map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n",
		}, 0.5},
		"a path of the host's": {map[string]string{
			"proc/self/cgroup": "0::/../../docker/1\n", "sys/fs/cgroup/cpu.max": "300000 100000\n",
		}, 3},
		"version 1": {map[string]string{
			"proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/x\n",
			"sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "200000\n", "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
		}, 2},
		"version 1 without a limit": {map[string]string{
			"proc/self/cgroup":                   "4:cpu:/\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, none},
		"nonsense": {map[string]string{
			"proc/self/cgroup": "0::/\nx\n", "sys/fs/cgroup/cpu.max": "1e99 0\n",
		}, none},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, quota(files(tc.files))) })
	}
}
