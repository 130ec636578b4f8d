package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"time"

	"kvasir/kernels"
)

// Size is how much a streaming kernel reads: what fits the second-level cache, the
// third, or neither.
type Size struct {
	Name  string
	Bytes int
}

// Sizes are the sizes of kernel benchmarks.
var Sizes = []Size{{"L2", 512 << 10}, {"L3", 12 << 20}, {"DRAM", 192 << 20}}

// KernelOptions configure [RunKernels]. The zero value measures everything.
type KernelOptions struct {
	Filter *regexp.Regexp  // of kernel names
	Levels []kernels.Level // nil = all that the machine has
	Sizes  []Size          // nil = L2 and DRAM
	Time   time.Duration   // of one measurement; 0 = 60 ms
	Emit   func(*KernelResult) error
}

// KernelResult is what came of one kernel at one level and size. The tags are the
// JSON names. Everything is measured with one thread.
type KernelResult struct {
	Kernel string  `json:"kernel"`
	Level  string  `json:"level"`
	Size   string  `json:"size"` // "" where it is always the same
	Bytes  int     `json:"bytes"`
	Ops    float64 `json:"ops"` // 2 per multiply-add; 0 = not counted
	Ns     float64 `json:"ns"`  // of the fastest run

	GBs         float64 `json:"gb_s"`
	StreamGBs   float64 `json:"stream_gb_s"` // a set of that size only read, at the best level
	StreamShare float64 `json:"stream_share"`
	GOPs        float64 `json:"gop_s"`
	PeakGOPs    float64 `json:"peak_gop_s"` // of the instruction that the level's kernels are made of; 0 = none
	PeakShare   float64 `json:"peak_share"`

	// MaxDiff is the largest difference to the Go twin on a small problem, divided by
	// the largest magnitude of the result; OK says that it is within Limit.
	MaxDiff float64 `json:"max_diff"`
	Limit   float64 `json:"max_diff_limit"`
	OK      bool    `json:"ok"`
}

// job is a kernel with its data.
type job struct {
	bytes int     // that the kernel touches
	ops   float64 // of the kernel
	inner int     // how often a run runs it
	run   func()
	out   func() []float32
	free  func()
}

func (j *job) release() {
	if j.free != nil {
		j.free()
	}
}

// kernelCase makes the data of one kernel.
type kernelCase struct {
	name  string
	sized bool    // reads as much as it is told to
	peak  string  // "dot", "fma", or "" for kernels that are bound by other things
	limit float64 // of the difference to the twin
	// make returns a job that touches about so many bytes; with small set, one that
	// is quick at the plain Go level.
	make func(bytes int, small bool) (*job, error)
}

// kernelRun is the state of RunKernels.
type kernelRun struct {
	o       KernelOptions
	streams map[int]float64
	peaks   map[string]float64
}

// RunKernels measures kernels at every level. Each is checked against its Go twin in
// the same run; an error at the end tells which ones differ. Nothing else may use
// the engine meanwhile: the level is the whole process's.
func RunKernels(ctx context.Context, o KernelOptions) error {
	if o.Levels == nil {
		o.Levels = kernels.Levels()
	}
	if o.Sizes == nil {
		o.Sizes = []Size{Sizes[0], Sizes[2]}
	}
	if o.Time == 0 {
		o.Time = 60 * time.Millisecond
	}
	k := &kernelRun{o: o, streams: map[int]float64{}, peaks: map[string]float64{}}
	var differ []string
	matched := false
	for _, c := range kernelCases() {
		if o.Filter != nil && !o.Filter.MatchString(c.name) {
			continue
		}
		matched = true
		bad, err := k.kernel(ctx, &c)
		if err != nil {
			return fmt.Errorf("kernel %s: %w", c.name, err)
		}
		differ = append(differ, bad...)
	}
	switch {
	case !matched:
		return fmt.Errorf("no kernel matches %q", o.Filter)
	case differ != nil:
		return fmt.Errorf("results differ from the Go twin: %s", strings.Join(differ, ", "))
	}
	return nil
}

// kernel measures one kernel at all sizes and levels and returns where it differs.
func (k *kernelRun) kernel(ctx context.Context, c *kernelCase) (differ []string, err error) {
	diffs := map[kernels.Level]float64{}
	for _, l := range k.o.Levels {
		if diffs[l], err = difference(c, l); err != nil {
			return nil, err
		}
		if !(diffs[l] <= c.limit) {
			differ = append(differ, fmt.Sprintf("%s/%s", c.name, l))
		}
	}
	sizes := k.o.Sizes
	if !c.sized {
		sizes = []Size{{"", 0}}
	}
	for i, size := range sizes {
		for _, quick := range []bool{true, false} { // plain Go has a problem of its own
			levels := pick(k.o.Levels, func(l kernels.Level) bool { return (l == kernels.Generic) == quick })
			if len(levels) == 0 || quick && i > 0 {
				continue
			}
			j, err := c.make(size.Bytes, quick)
			if err != nil {
				return nil, err
			}
			err = k.measure(ctx, c, size, j, levels, diffs)
			j.release()
			if err != nil {
				return nil, err
			}
		}
	}
	return differ, nil
}

// pick returns the elements that ok accepts.
func pick[T any](x []T, ok func(T) bool) (out []T) {
	for _, v := range x {
		if ok(v) {
			out = append(out, v)
		}
	}
	return out
}

// measure runs a job at several levels.
func (k *kernelRun) measure(ctx context.Context, c *kernelCase, size Size, j *job, levels []kernels.Level, diffs map[kernels.Level]float64) error {
	for _, l := range levels {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := &KernelResult{
			Kernel: c.name, Level: l.String(), Size: size.Name, Bytes: j.bytes, Ops: j.ops,
			MaxDiff: diffs[l], Limit: c.limit, OK: diffs[l] <= c.limit,
		}
		if c.sized {
			stream, err := k.stream(j.bytes)
			if err != nil {
				return err
			}
			r.StreamGBs = stream / 1e9
		}
		if err := kernels.AtLevel(l, func() {
			r.PeakGOPs = k.peak(c.peak, l) / 1e9
			r.Ns = fastest(k.o.Time, j.run) / float64(j.inner)
		}); err != nil {
			return err
		}
		r.GBs, r.GOPs = float64(j.bytes)/r.Ns, j.ops/r.Ns
		if r.StreamGBs > 0 {
			r.StreamShare = r.GBs / r.StreamGBs
		}
		if r.PeakGOPs > 0 {
			r.PeakShare = r.GOPs / r.PeakGOPs
		}
		if k.o.Emit != nil {
			if err := k.o.Emit(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// stream returns the bandwidth of a set of that size, rounded so that it is measured
// once for all formats.
func (k *kernelRun) stream(bytes int) (float64, error) {
	set := 1 << int(math.Round(math.Log2(float64(bytes))))
	if _, ok := k.streams[set]; !ok {
		rates, err := Bandwidth(set, 1)
		if err != nil {
			return 0, err
		}
		k.streams[set] = rates[0]
	}
	return k.streams[set], nil
}

// peak returns the peak of an instruction at the present level l.
func (k *kernelRun) peak(kind string, l kernels.Level) float64 {
	key := kind + l.String()
	if _, ok := k.peaks[key]; !ok {
		switch kind {
		case "dot":
			k.peaks[key] = kernels.PeakDot()
		case "fma":
			k.peaks[key] = kernels.PeakFMA()
		}
	}
	return k.peaks[key]
}

// fastest returns the nanoseconds of the fastest of the runs that fit into a budget.
func fastest(budget time.Duration, f func()) float64 {
	best := time.Duration(math.MaxInt64)
	begun := time.Now()
	for i := 0; i < 3 || time.Since(begun) < budget; i++ {
		start := time.Now()
		f()
		best = min(best, time.Since(start))
		if i >= 1 && time.Since(begun) > 10*budget {
			break // a slow one
		}
	}
	return float64(max(best.Nanoseconds(), 1))
}

// difference compares a kernel at level l with its twin on a small problem.
func difference(c *kernelCase, l kernels.Level) (float64, error) {
	var out [2][]float32
	for i, level := range []kernels.Level{kernels.Generic, l} {
		j, err := c.make(1<<14, true)
		if err != nil {
			return 0, err
		}
		err = kernels.AtLevel(level, j.run)
		out[i] = append([]float32(nil), j.out()...)
		j.release()
		if err != nil {
			return 0, err
		}
	}
	return maxDiff(out[0], out[1]), nil
}

// maxDiff returns the largest difference in relation to the largest magnitude of
// want; +Inf when one of them is no number or lengths differ.
func maxDiff(want, got []float32) float64 {
	if len(want) != len(got) || len(want) == 0 {
		return math.Inf(1)
	}
	var top, diff float64
	for i := range want {
		d := math.Abs(float64(want[i]) - float64(got[i]))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		top, diff = max(top, math.Abs(float64(want[i]))), max(diff, d)
	}
	if diff == 0 {
		return 0
	}
	return diff / top
}

// KernelPrinter returns functions that print the head and the results of kernel
// benchmarks, as a table ("md") or JSON lines ("jsonl").
func KernelPrinter(w io.Writer, format string) (begin func() error, emit func(*KernelResult) error, err error) {
	switch format {
	case "jsonl":
		e := json.NewEncoder(w)
		return func() error { return nil }, func(r *KernelResult) error { return e.Encode(r) }, nil
	case "md":
		return func() error { return kernelHead(w) }, func(r *KernelResult) error { return kernelLine(w, r) }, nil
	}
	return nil, nil, fmt.Errorf("output %q: use md or jsonl", format)
}

func kernelHead(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s\n\n| %-22s | %-8s | %-5s | %10s | %8s | %8s | %8s | %6s | %9s |\n|%s|\n", ThisCPU(),
		"kernel", "level", "size", "µs", "GB/s", "% stream", "GOP/s", "% peak", "vs twin",
		" ---------------------- | -------- | ----- | ---------: | -------: | -------: | -------: | -----: | --------: ")
	return err
}

func kernelLine(w io.Writer, r *KernelResult) error {
	share := func(v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprintf("%.0f", 100*v)
	}
	gops := ""
	if r.Ops > 0 {
		gops = fmt.Sprintf("%.1f", r.GOPs)
	}
	twin := fmt.Sprintf("%.1e", r.MaxDiff)
	switch {
	case r.MaxDiff == 0:
		twin = "same"
	case !r.OK:
		twin += " BAD"
	}
	_, err := fmt.Fprintf(w, "| %-22s | %-8s | %-5s | %10.2f | %8.2f | %8s | %8s | %6s | %9s |\n",
		r.Kernel, r.Level, r.Size, r.Ns/1e3, r.GBs, share(r.StreamShare), gops, share(r.PeakShare), twin)
	return err
}
