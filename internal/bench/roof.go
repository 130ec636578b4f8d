package bench

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/cpuid/v2"

	"kvasir/internal/mmap"
	"kvasir/internal/parallel"
	"kvasir/kernels"
)

// StreamBytes is the set of the bandwidth that the head of a report shows: larger
// than the caches of most machines.
const StreamBytes = 256 << 20

// CPU describes the processor.
type CPU struct {
	Brand     string
	Level     string // of the kernels
	Logical   int    // processors that the process may use
	L2, L3    int    // bytes; -1 = unknown
	VNNI, AMX bool
}

// ThisCPU returns the processor in use.
func ThisCPU() CPU {
	c := &cpuid.CPU
	cpu := CPU{
		Brand: strings.TrimSpace(c.BrandName), Level: kernels.Current().String(), Logical: runtime.GOMAXPROCS(0),
		L2: c.Cache.L2, L3: c.Cache.L3, VNNI: c.Has(cpuid.AVX512VNNI) || c.Has(cpuid.AVXVNNI), AMX: c.Has(cpuid.AMXINT8),
	}
	if cpu.Brand == "" {
		cpu.Brand = runtime.GOARCH
	}
	return cpu
}

// String returns one line: "AMD EPYC 9654, 2 CPUs, kernels avx512, VNNI, L2 1024 KiB".
func (c CPU) String() string {
	parts := []string{c.Brand, fmt.Sprintf("%d CPUs", c.Logical), "kernels " + c.Level}
	if c.VNNI {
		parts = append(parts, "VNNI")
	}
	if c.AMX {
		parts = append(parts, "AMX (not used)")
	}
	for i, n := range []int{c.L2, c.L3} {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("L%d %d KiB", i+2, n>>10))
		}
	}
	return strings.Join(parts, ", ")
}

// Load returns the load average of the last minute, -1 where the system does not tell.
func Load() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return -1
	}
	first, _, _ := strings.Cut(string(b), " ")
	v, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return -1
	}
	return v
}

// streamPiece is what a thread reads at a time.
const streamPiece = 256 << 10

// stream reads memory as the engine's threads read weights.
type stream struct{ buf []byte }

// Do reads a piece.
func (s *stream) Do(_, part int) {
	lo := part * streamPiece
	kernels.Stream(s.buf[lo:min(lo+streamPiece, len(s.buf))])
}

// touch makes memory resident, by the threads that will read it.
type touch struct{ buf []byte }

// Do writes a piece.
func (t *touch) Do(_, part int) {
	lo := part * streamPiece
	p := t.buf[lo:min(lo+streamPiece, len(t.buf))]
	for i := range p {
		p[i] = byte(i)
	}
}

// Bandwidth returns the bytes per second at which each number of threads together
// reads a set of the given size over and over, the best of several passes. The set
// lies in large pages where the system has them, as packed weights do.
func Bandwidth(bytes int, threads ...int) (rates []float64, err error) {
	bytes = max(bytes, streamPiece)
	mem, err := mmap.Alloc(bytes)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, mem.Free()) }()
	parts := (bytes + streamPiece - 1) / streamPiece
	out := make([]float64, len(threads))
	for i, n := range threads {
		pool := parallel.New(n)
		if i == 0 {
			pool.Run(&touch{mem.Data}, parts)
		}
		out[i] = bestRate(float64(bytes), func() { pool.Run(&stream{mem.Data}, parts) })
		pool.Close()
	}
	return out, nil
}

// bestRate returns amount per second of the fastest of several runs of f. Single
// short runs tell what the machine can do; long ones, what its neighbours do.
func bestRate(amount float64, f func()) float64 {
	const minRuns, maxRuns, budget = 4, 2000, 80 * time.Millisecond
	best := time.Duration(1<<63 - 1)
	for i, begun := 0, time.Now(); i < minRuns || i < maxRuns && time.Since(begun) < budget; i++ {
		start := time.Now()
		f()
		best = min(best, time.Since(start))
	}
	return amount / max(best.Seconds(), 1e-9)
}

// DotPeak returns the integer operations per second (2 per multiply-add) of so many
// threads at once, 0 where the kernels are plain Go. Threads that share a core share
// its rate, which is why they are measured together.
func DotPeak(threads int) float64 {
	rates := make([]float64, threads)
	var wg sync.WaitGroup
	for i := range rates {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			rates[i] = kernels.PeakDot()
		})
	}
	wg.Wait()
	return Mean(rates) * float64(threads)
}
