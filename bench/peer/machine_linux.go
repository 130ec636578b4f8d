package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// tickSeconds is the unit of /proc/stat, which is 100 Hz on every system in use.
const tickSeconds = 0.01

// readTicks reads the first line of /proc/stat.
func readTicks() ticks {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return ticks{}
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return parseTicks(string(line))
}

// parseTicks reads "cpu user nice system idle iowait irq softirq steal …".
func parseTicks(line string) ticks {
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return ticks{}
	}
	var v [8]float64
	for i := range v {
		n, err := strconv.ParseUint(f[i+1], 10, 64)
		if err != nil {
			return ticks{}
		}
		v[i] = float64(n) * tickSeconds
	}
	return ticks{busy: v[0] + v[1] + v[2] + v[5] + v[6], steal: v[7], ok: true}
}

// peakRSS returns the most memory that a finished process had resident.
func peakRSS(p *os.ProcessState) int64 {
	if u, ok := p.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss * 1024
	}
	return 0
}

// kernelVersion returns the release of the system.
func kernelVersion() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// memoryBytes returns the memory of the machine.
func memoryBytes() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}
