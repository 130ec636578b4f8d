package bench

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"kvasir"
)

// Result is what came of a test. The tags are the JSON names; those that llama-bench
// has as well mean what they mean there.
type Result struct {
	BuildCommit string `json:"build_commit"`
	BuildNumber int    `json:"build_number"` // always 0
	CPUInfo     string `json:"cpu_info"`
	GPUInfo     string `json:"gpu_info"` // always empty
	Backends    string `json:"backends"` // always CPU

	ModelFilename string `json:"model_filename"`
	ModelType     string `json:"model_type"`
	ModelSize     int64  `json:"model_size"`     // bytes of all tensors
	ModelParams   uint64 `json:"model_n_params"` // elements of all tensors

	Batch     int    `json:"n_batch"`
	UBatch    int    `json:"n_ubatch"` // the same: a pass is never cut further
	Threads   int    `json:"n_threads"`
	TypeK     string `json:"type_k"`
	TypeV     string `json:"type_v"`
	KV        string `json:"kv"`
	Attention string `json:"attention"`
	Precision string `json:"precision"`
	CPULevel  string `json:"cpu_level"`

	Prompt   int    `json:"n_prompt"`
	Gen      int    `json:"n_gen"`
	Depth    int    `json:"n_depth"`
	Streams  int    `json:"n_streams"`
	TestTime string `json:"test_time"`

	AvgNs    int64     `json:"avg_ns"`
	StdDevNs int64     `json:"stddev_ns"`
	AvgTS    float64   `json:"avg_ts"` // tokens per second, of all streams together
	StdDevTS float64   `json:"stddev_ts"`
	Samples  []int64   `json:"samples_ns"`
	TS       []float64 `json:"samples_ts"`

	Roof

	test string
}

// Roof compares a test with what the machine can do. All is 0 where it was not
// measured or does not apply (tests of both prefill and decode).
type Roof struct {
	// Decode: bytes of weights and cache that a pass reads, at the mean depth, the
	// rate that follows from it, and the rate at which the same threads read a set
	// of that size.
	BytesPerPass int64   `json:"bytes_per_pass"`
	GBs          float64 `json:"gb_s"`
	RoofGBs      float64 `json:"roof_gb_s"`
	// Prefill: operations with weights per token (2 per multiply-add), the rate that
	// follows, and the peak of the integer product on the same threads.
	OpsPerToken int64   `json:"ops_per_token"`
	GOPs        float64 `json:"gop_s"`
	RoofGOPs    float64 `json:"roof_gop_s"`
	// Share of the roof, 0 to 1. A value above 1.05 means that something was
	// counted wrong.
	Share float64 `json:"roof_share"`
	// StreamGBs is the rate at which the threads read 256 MiB.
	StreamGBs float64 `json:"stream_gb_s"`
}

// newResult describes a test before it has run.
func newResult(s Setting, info *kvasir.FileInfo, eng *kvasir.Engine, cpu CPU, commit string) *Result {
	e := eng.Info()
	return &Result{
		BuildCommit: commit, CPUInfo: cpu.Brand, Backends: "CPU", CPULevel: e.Level,
		ModelFilename: s.Model, ModelType: modelType(info), ModelSize: info.TensorBytes, ModelParams: info.Parameters,
		Batch: e.Batch, UBatch: e.Batch, Threads: e.Threads, TypeK: e.KVType, TypeV: e.KVType,
		KV: cmp.Or(s.KV, "dense"), Attention: cmp.Or(s.Attention, "dense"), Precision: cmp.Or(s.Precision, "standard"),
		Prompt: s.Prompt, Gen: s.Gen, Depth: s.Depth, Streams: s.Streams,
		TestTime: time.Now().UTC().Format(time.RFC3339), test: s.Name(),
	}
}

// add appends a sample and brings the summary up to date.
func (r *Result) add(d time.Duration) {
	ns := max(d.Nanoseconds(), 1)
	tokens := r.Prompt + r.Gen*r.Streams
	r.Samples = append(r.Samples, ns)
	r.TS = append(r.TS, float64(tokens)*1e9/float64(ns))
	times := make([]float64, len(r.Samples))
	for i, v := range r.Samples {
		times[i] = float64(v)
	}
	r.AvgNs, r.StdDevNs = int64(Mean(times)), int64(StdDev(times))
	r.AvgTS, r.StdDevTS = Mean(r.TS), StdDev(r.TS)
}

// Test returns the name of the test, as in "pp512".
func (r *Result) Test() string { return r.test }

// fileTypes names general.file_type as llama-bench does.
var fileTypes = map[string]string{
	"0": "all F32", "1": "F16", "2": "Q4_0", "3": "Q4_1", "7": "Q8_0", "8": "Q5_0", "9": "Q5_1",
	"10": "Q2_K - Medium", "11": "Q3_K - Small", "12": "Q3_K - Medium", "13": "Q3_K - Large",
	"14": "Q4_K - Small", "15": "Q4_K - Medium", "16": "Q5_K - Small", "17": "Q5_K - Medium", "18": "Q6_K",
	"25": "IQ4_NL - 4.5 bpw", "30": "IQ4_XS - 4.25 bpw", "32": "BF16", "36": "TQ1_0", "37": "TQ2_0", "38": "MXFP4 MoE",
}

// modelType returns architecture, size and kind of file: "llama 1.2B Q4_K - Medium".
func modelType(info *kvasir.FileInfo) string {
	size := fmt.Sprintf("%.0fM", float64(info.Parameters)/1e6)
	switch n := float64(info.Parameters) / 1e9; {
	case n >= 9.95:
		size = fmt.Sprintf("%.0fB", n)
	case n >= 0.9995:
		size = fmt.Sprintf("%.1fB", n)
	}
	kind := mainType(info)
	for _, e := range info.Metadata {
		if name, ok := fileTypes[e.Value]; ok && e.Key == "general.file_type" {
			kind = name
		}
	}
	return strings.Join([]string{info.Architecture, size, kind}, " ")
}

// mainType returns the tensor type that most bytes have.
func mainType(info *kvasir.FileInfo) (name string) {
	bytes := map[string]int64{}
	for _, t := range info.Tensors {
		bytes[t.Type] += t.Bytes
		if name == "" || bytes[t.Type] > bytes[name] {
			name = t.Type
		}
	}
	return name
}
