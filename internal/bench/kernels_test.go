package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/kernels"
	"kvasir/quant"
)

// Every kernel at every level, for a moment each: they run, and agree with the twin.
func TestRunKernels(t *testing.T) {
	filter := "gem[mv]/(Q4_K|Q6_K/p2|F16)$|attn|vector"
	if testing.Short() {
		filter = "gemv/Q8_0$|vector/add"
	}
	seen := map[string]int{}
	err := RunKernels(context.Background(), KernelOptions{
		Filter: regexp.MustCompile(filter), Sizes: []Size{{"S", 1 << 16}}, Time: time.Microsecond,
		Emit: func(r *KernelResult) error {
			seen[r.Kernel]++
			require.True(t, r.OK, "%+v", r)
			require.Positive(t, r.Ns)
			require.Positive(t, r.Bytes)
			if strings.HasPrefix(r.Kernel, "gemv") {
				require.Equal(t, "S", r.Size)
				require.Positive(t, r.StreamShare)
			}
			if strings.HasPrefix(r.Kernel, "gem") && r.Level != "generic" {
				require.Positive(t, r.PeakShare)
			}
			return nil
		},
	})
	require.NoError(t, err)
	for name, n := range seen {
		require.Equal(t, len(kernels.Levels()), n, name)
	}
}

// The list has a product for every format.
func TestKernelCases(t *testing.T) {
	names := map[string]bool{}
	for _, c := range kernelCases() {
		require.False(t, names[c.name], "%s twice", c.name)
		names[c.name] = true
	}
	for _, f := range quant.Formats {
		require.True(t, names["gemv/"+f.Name] && names["gemm/"+f.Name], f.Name)
		require.Equal(t, f.Layout != nil, names["gemv/"+f.Name+"/p2"], f.Name)
	}
}

// wrong is a kernel whose results depend on the level.
func wrong(level kernels.Level, by float32) kernelCase {
	return kernelCase{name: "wrong", limit: limitVector, make: func(int, bool) (*job, error) {
		out := []float32{1, -2, 0}
		return &job{bytes: 1, inner: 1, out: func() []float32 { return out }, run: func() {
			if kernels.Current() == level {
				out[2] = by
			}
		}}, nil
	}}
}

func TestDifference(t *testing.T) {
	best := kernels.Levels()[len(kernels.Levels())-1]
	if best == kernels.Generic {
		t.Skip("this machine has no level but plain Go")
	}
	for _, by := range []float32{0.001, float32(math.NaN()), float32(math.Inf(1))} {
		c := wrong(best, by)
		d, err := difference(&c, best)
		require.NoError(t, err)
		require.False(t, d <= c.limit)
		d, err = difference(&c, kernels.Generic)
		require.NoError(t, err)
		require.Zero(t, d)

		k := &kernelRun{o: KernelOptions{Levels: kernels.Levels(), Time: 1, Emit: func(r *KernelResult) error {
			require.Equal(t, r.Level != best.String(), r.OK)
			return nil
		}}, peaks: map[string]float64{}}
		differ, err := k.kernel(context.Background(), &c)
		require.NoError(t, err)
		require.Equal(t, []string{"wrong/" + best.String()}, differ)
	}
	require.Equal(t, 0.25, maxDiff([]float32{1, -2}, []float32{1, -1.5}))
	require.True(t, math.IsInf(maxDiff([]float32{1}, nil), 1))
	require.True(t, math.IsInf(maxDiff(nil, nil), 1), "nothing was compared")
}

func TestKernelErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	require.ErrorContains(t, RunKernels(ctx, KernelOptions{Filter: regexp.MustCompile("none")}), `no kernel matches "none"`)
	cancel()
	require.ErrorIs(t, RunKernels(ctx, KernelOptions{Filter: regexp.MustCompile("vector/add")}), context.Canceled)
	_, _, err := KernelPrinter(nil, "sql")
	require.ErrorContains(t, err, "use md or jsonl")
}

func TestKernelPrinter(t *testing.T) {
	r := &KernelResult{Kernel: "gemv/Q4_K", Level: "avx2", Size: "L2", Ns: 1500, GBs: 12.345, StreamShare: 0.9, Ops: 10, GOPs: 99.94, PeakShare: 0.5, MaxDiff: 3e-6, OK: true}
	var b bytes.Buffer
	begin, emit, err := KernelPrinter(&b, "md")
	require.NoError(t, err)
	require.NoError(t, begin())
	require.NoError(t, emit(r))
	r.OK = false
	require.NoError(t, emit(r))
	lines := strings.Split(b.String(), "\n")
	require.Equal(t, "| gemv/Q4_K              | avx2     | L2    |       1.50 |    12.35 |       90 |     99.9 |     50 |   3.0e-06 |", lines[4])
	require.Contains(t, lines[5], "3.0e-06 BAD")
	require.Len(t, []rune(lines[2]), len([]rune(lines[3])))
	require.Len(t, []rune(lines[2]), len([]rune(lines[4])))

	b.Reset()
	_, emit, err = KernelPrinter(&b, "jsonl")
	require.NoError(t, err)
	require.NoError(t, emit(r))
	var back KernelResult
	require.NoError(t, json.Unmarshal(b.Bytes(), &back))
	require.Equal(t, *r, back)
}
