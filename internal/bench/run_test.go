package bench

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/bench/synth"
	"kvasir/internal/tinymodel"
	"kvasir/quant"
)

// synthFile writes a small model.
func synthFile(tb testing.TB, typ string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "tiny.gguf")
	_, err := synth.WriteFile(path, synth.Spec{Shape: synth.Shapes["tiny"], Type: typ})
	require.NoError(tb, err)
	return path
}

func results(t *testing.T, p Params, o Options) []*Result {
	t.Helper()
	var out []*Result
	o.Emit = func(r *Result) error {
		out = append(out, r)
		return nil
	}
	require.NoError(t, Run(context.Background(), p, o))
	return out
}

func TestRun(t *testing.T) {
	path := synthFile(t, "Q4_K_M")
	var head Head
	var progress []string
	got := results(t, Params{
		Models: []string{path}, Prompt: []int{40}, Gen: []int{3}, PromptGen: [][2]int{{8, 2}},
		Depth: []int{0, 33}, Threads: []int{1, 2}, KVType: []string{"f16", "q8_0"}, Batch: []int{16}, Reps: 3,
	}, Options{
		Commit: "abc", Begin: func(h Head) error { head = h; return nil },
		Progress: func(i, n int, s Setting) {
			require.Equal(t, 24, n)
			progress = append(progress, s.Name())
		},
	})
	require.Len(t, got, 24)
	require.Len(t, progress, 24)
	require.Equal(t, []int{1, 2}, head.Threads)
	require.Len(t, head.StreamGBs, 2)
	require.NotEmpty(t, head.CPU.Brand)
	info, err := kvasir.Inspect(path)
	require.NoError(t, err)
	for i, r := range got {
		require.Equal(t, progress[i], r.Test())
		require.Equal(t, []string{"pp40", "tg3", "pp8+tg2", "pp40 @ d33", "tg3 @ d33", "pp8+tg2 @ d33"}[i%6], r.Test())
		require.Equal(t, 1+i/6%2, r.Threads)
		require.Equal(t, []string{"f16", "q8_0"}[i/12], r.TypeK)
		require.Equal(t, r.TypeK, r.TypeV)
		require.Equal(t, 16, r.Batch)
		require.Equal(t, "llama 1M Q4_K - Medium", r.ModelType)
		require.Equal(t, info.TensorBytes, r.ModelSize)
		require.Equal(t, "abc", r.BuildCommit)

		require.Len(t, r.Samples, 3)
		for j, ns := range r.Samples {
			require.Positive(t, ns)
			require.InEpsilon(t, float64(r.Prompt+r.Gen)*1e9/float64(ns), r.TS[j], 1e-9)
		}
		require.InEpsilon(t, Mean(r.TS), r.AvgTS, 1e-12)
		require.InDelta(t, StdDev(r.TS), r.StdDevTS, 1e-9)
		switch {
		case r.Gen == 0:
			require.Equal(t, 2*WorkOf(info).LayerMACs, r.OpsPerToken)
			require.Zero(t, r.BytesPerPass)
		case r.Prompt == 0:
			require.Greater(t, r.BytesPerPass, WorkOf(info).WeightBytes)
			require.Positive(t, r.RoofGBs)
			require.InEpsilon(t, r.GBs/r.RoofGBs, r.Share, 1e-9)
		default:
			require.Zero(t, r.Share)
		}
	}
	require.Greater(t, got[4].BytesPerPass, got[1].BytesPerPass, "the cache counts")
}

func TestRunStreams(t *testing.T) {
	got := results(t, Params{Models: []string{synthFile(t, "Q8_0")}, Gen: []int{4}, Depth: []int{0, 9}, Streams: []int{1, 5}, Reps: 1}, Options{SkipRoof: true})
	require.Len(t, got, 4)
	require.Equal(t, "tg4 x5 @ d9", got[3].Test())
	require.InEpsilon(t, 20e9/float64(got[3].Samples[0]), got[3].AvgTS, 1e-9)
	require.Zero(t, got[3].RoofGBs)
	weights := got[0].BytesPerPass - (got[1].BytesPerPass-got[0].BytesPerPass)/4
	require.Equal(t, weights+5*(got[0].BytesPerPass-weights), got[1].BytesPerPass, "weights once, caches five times")
}

func TestRunErrors(t *testing.T) {
	ctx := context.Background()
	path := synthFile(t, "F16")
	require.ErrorContains(t, Run(ctx, Params{Models: []string{path}, Gen: []int{1}}, Options{}), "0 repetitions")
	require.ErrorContains(t, Run(ctx, Params{Models: []string{path}, Reps: 1}, Options{}), "nothing to do")
	missing := Params{Models: []string{path + "x"}, Gen: []int{1}, Reps: 1}
	require.ErrorContains(t, Run(ctx, missing, Options{SkipRoof: true}), "tg1: ")
	bad := Params{Models: []string{path}, Gen: []int{1}, KVType: []string{"q9"}, Reps: 1}
	require.ErrorContains(t, Run(ctx, bad, Options{SkipRoof: true}), "kv-type")
	over, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, Run(over, Params{Models: []string{path}, Gen: []int{1}, Depth: []int{5}, Reps: 1}, Options{SkipRoof: true}), context.Canceled)
}

// llamaBench are the names in llama-bench's JSON that we have, too.
var llamaBench = []string{
	"build_commit", "build_number", "cpu_info", "gpu_info", "backends", "model_filename", "model_type", "model_size",
	"model_n_params", "n_batch", "n_ubatch", "n_threads", "type_k", "type_v", "n_prompt", "n_gen", "n_depth", "test_time",
	"avg_ns", "stddev_ns", "avg_ts", "stddev_ts",
}

func TestPrinters(t *testing.T) {
	p := Params{Models: []string{synthFile(t, "BF16")}, Prompt: []int{4}, Gen: []int{2}, KVType: []string{"q4_0"}, Reps: 2}
	print := func(format string) string {
		var b bytes.Buffer
		pr := Formats[format](&b, p)
		require.NoError(t, Run(context.Background(), p, Options{Begin: pr.Begin, Emit: pr.Result, SkipRoof: true, Commit: "abc"}))
		require.NoError(t, pr.End())
		return b.String()
	}

	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(print("json")), &list))
	require.Len(t, list, 2)
	lines := strings.Split(strings.TrimSpace(print("jsonl")), "\n")
	require.Len(t, lines, 2)
	for i := range list {
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &line))
		for _, m := range []map[string]any{list[i], line} {
			for _, name := range append(llamaBench, "samples_ns", "samples_ts", "cpu_level", "roof_share") {
				require.Contains(t, m, name)
			}
			require.Len(t, m["samples_ns"], 2)
			require.Equal(t, "q4_0", m["type_v"])
		}
	}

	records, err := csv.NewReader(strings.NewReader(print("csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 3)
	require.Subset(t, records[0], llamaBench)
	require.NotContains(t, records[0], "samples_ns")

	md := strings.Split(print("md"), "\n")
	require.Contains(t, md[0], "kernels ")
	require.Regexp(t, `^\| model +\| +size \| +params \| backend +\| threads \| type_kv \| +test \| +t/s \| +roof \|$`, md[2])
	require.Regexp(t, `^\| -+ \| -+: \| -+: \| -+ \| -+: \| -+ \| -+: \| -+: \| -+: \|$`, md[3])
	require.Regexp(t, `^\| llama 1M BF16 +\| +\d+\.\d\d MiB \| +1\.31 M \| CPU +\| +\d+ \| q4_0 +\| +pp4 \| +\d+\.\d\d ± \d+\.\d\d \| +\|$`, md[4])
	require.Regexp(t, ` tg2 \| `, md[5])
	require.Regexp(t, `^build: abc \(`, md[7])
	for i := 3; i < 6; i++ {
		require.Len(t, []rune(md[i]), len([]rune(md[2])), "line %d is as wide as the head", i)
	}
}

// The count of weights against a model whose sizes are known.
func TestWorkOf(t *testing.T) {
	shape := synth.Shapes["tiny"]
	path := filepath.Join(t.TempDir(), "m.gguf")
	for _, tied := range []bool{true, false} {
		shape.Tied = tied
		_, err := synth.WriteFile(path, synth.Spec{Shape: shape, Type: "Q8_0"})
		require.NoError(t, err)
		info, err := kvasir.Inspect(path)
		require.NoError(t, err)
		w := WorkOf(info)
		layers := int64(2 * (2*256*256 + 2*256*128 + 3*256*512))
		require.Equal(t, layers, w.LayerMACs)
		require.Equal(t, int64(256*512), w.OutputMACs)
		// Packed Q8_0 is 34 bytes for 32 values: all rows are multiples of 16.
		require.Equal(t, (layers+256*512)/32*34, w.WeightBytes, "tied %v", tied)
	}
}

// Of experts a token reads the share in use.
func TestWorkOfExperts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, tinymodel.Write(path, tinymodel.Spec{Arch: "llama", MoE: true, Type: quant.F32}))
	info, err := kvasir.Inspect(path)
	require.NoError(t, err)
	var all, stacked, lookedUp int64
	for _, x := range info.Tensors {
		switch {
		case len(x.Dims) == 3:
			stacked += x.Bytes
		case x.Name == "token_embd.weight":
			lookedUp = x.Bytes
		}
		if len(x.Dims) > 1 {
			all += x.Bytes
		}
	}
	require.Positive(t, stacked)
	w := WorkOf(info)
	tied := true
	for _, x := range info.Tensors {
		tied = tied && x.Name != "output.weight"
	}
	if tied {
		lookedUp = 0
	}
	want := all - lookedUp - stacked/2
	require.GreaterOrEqual(t, w.WeightBytes, want, "rows are padded to 16")
	require.Less(t, w.WeightBytes, want*5/4)
}

func TestModelType(t *testing.T) {
	info := &kvasir.FileInfo{Architecture: "gemma3", Parameters: 268098176, Tensors: []kvasir.TensorDetail{{Type: "F32", Bytes: 10}, {Type: "Q8_0", Bytes: 90}}}
	require.Equal(t, "gemma3 268M Q8_0", modelType(info))
	info.Metadata = []kvasir.MetaEntry{{Key: "general.file_type", Value: "15"}}
	info.Parameters = 1235814400
	require.Equal(t, "gemma3 1.2B Q4_K - Medium", modelType(info))
	info.Parameters = 70e9
	require.Equal(t, "gemma3 70B Q4_K - Medium", modelType(info))
}

func TestRoofs(t *testing.T) {
	rates, err := Bandwidth(1<<20, 1, 2)
	require.NoError(t, err)
	require.Len(t, rates, 2)
	for _, r := range rates {
		require.Greater(t, r, 1e8, "slower than any memory")
		require.Less(t, r, 1e13, "nothing was read")
	}
	require.GreaterOrEqual(t, DotPeak(2), 0.0)
	require.NotContains(t, ThisCPU().String(), "\n")
	require.GreaterOrEqual(t, Load(), -1.0)
}
