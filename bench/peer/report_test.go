package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	rep := &report{
		Head: head{Kind: "head", Date: "2026-01-02T03:04:05Z", CPU: "Some CPU", System: "linux/amd64 6.1", MemoryBytes: 25e9, Load: 0.25,
			Ours: "infer 1", Commit: "abc+", Peer: "version: 2", ISA: "avx2", Level: "avx2", Command: "go run ./bench/peer …"},
		Rows: []*rowResult{
			{Kind: "row", Model: "m.gguf", Row: "pp512", Threads: 2, Ratio: 4.126, Lo: 4, Hi: 4.5, Ratios: []float64{4, 4.5},
				Ours: 1000.04, Peer: 242.36, FA: "0", OursRSS: 130e6, PeerRSS: 719e6, Units: []*unit{{Quiet: true}, {Quiet: false}}},
			{Kind: "row", Model: "m.gguf", Row: "ttft500", Threads: 1, Ratio: 6, Lo: 6, Hi: 6, Ratios: []float64{6}, Ours: 4, Peer: 0.5, FA: "1", Units: []*unit{{Quiet: true}}},
		},
	}
	var md bytes.Buffer
	require.NoError(t, rep.markdown(&md))
	for _, want := range []string{
		"2026-01-02T03:04:05Z, Some CPU, linux/amd64 6.1, 25.0 GB memory; load 0.25 at the start\n",
		"A: infer 1, commit abc+. B: llama.cpp, version: 2, built for avx2; our kernels at level avx2.\n",
		"\n    go run ./bench/peer …\n",
		"| m.gguf | pp512 | 2 | 1000.0 | 242.4 (0) | **4.13** | 4.00 – 4.50 | 4.00 (4.50) | 130 / 719 MB, 0.18 |\n",
		"| m.gguf | ttft500 | 1 | 0.250 s | 2.000 s (1) | **6.00** | 6.00 – 6.00 | 6.00 |  |\n",
	} {
		require.Contains(t, md.String(), want)
	}

	var raw bytes.Buffer
	require.NoError(t, writeLine(&raw, rep.Head))
	for _, r := range rep.Rows {
		require.NoError(t, writeLine(&raw, r))
	}
	back, err := readReport(&raw)
	require.NoError(t, err)
	require.Equal(t, rep, back)

	for text, problem := range map[string]string{
		"{":                             "line 1",
		"{\"kind\":\"head\"}\n{}":       "line 2: kind is \"\"",
		"{\"kind\":\"row\",\"row\":[]}": "line 1",
	} {
		_, err := readReport(strings.NewReader(text))
		require.ErrorContains(t, err, problem, text)
	}
}
