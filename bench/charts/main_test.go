package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const peerLines = `{"kind":"head","date":"2026-01-02","cpu":"Some CPU"}
{"kind":"row","model":"a.gguf","row":"pp512","threads":1,"ratio":4,"ratio_lo":3.5,"ratio_hi":4.5,"units":[]}
{"kind":"row","model":"a.gguf","row":"pp512","threads":2,"ratio":5,"ratio_lo":4.5,"ratio_hi":6}
{"kind":"row","model":"a.gguf","row":"tg128","threads":2,"ratio":0.9,"ratio_lo":0.8,"ratio_hi":1}
`

const speedLines = `{"cpu_info":"Some CPU","model_type":"llama 1B Q4_0","n_threads":2,"n_prompt":0,"n_gen":64,"n_depth":0,"type_k":"f16","avg_ts":20,"stddev_ts":1,"test_time":"2026"}
{"cpu_info":"Some CPU","model_type":"llama 1B Q4_0","n_threads":2,"n_prompt":0,"n_gen":64,"n_depth":4096,"type_k":"f16","avg_ts":15,"stddev_ts":1,"test_time":"2026"}
{"cpu_info":"Some CPU","model_type":"llama 1B Q4_0","n_threads":2,"n_prompt":512,"n_gen":0,"n_depth":0,"type_k":"q8_0","avg_ts":200,"stddev_ts":1,"test_time":"2026"}
`

// texts returns the text of an SVG file, which must be well formed.
func texts(t *testing.T, path string) (all string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if c, ok := tok.(xml.CharData); ok {
			all += string(c) + "\n"
		}
	}
}

func TestCharts(t *testing.T) {
	dir := t.TempDir()
	for name, tc := range map[string]struct {
		lines string
		want  []string
	}{
		"ratios": {peerLines, []string{"a.gguf pp512", "a.gguf tg128", "threads: 1", "threads: 2", "times as fast; Some CPU, 2026-01-02", "llama.cpp"}},
		"speed":  {speedLines, []string{"llama 1B Q4_0 tg64, 2 threads, f16", "llama 1B Q4_0 pp512, 2 threads, q8_0", "tokens in the cache; Some CPU, 2026"}},
	} {
		t.Run(name, func(t *testing.T) {
			in, out := filepath.Join(dir, name+".jsonl"), filepath.Join(dir, name+".svg")
			require.NoError(t, os.WriteFile(in, []byte(tc.lines), 0o600))
			require.NoError(t, run([]string{"-o", out, in}, io.Discard))
			text := texts(t, out)
			for _, want := range tc.want {
				require.Contains(t, text, want)
			}
			first, err := os.ReadFile(out)
			require.NoError(t, err)
			require.NoError(t, run([]string{"-o", out, "-title", "Other", in}, io.Discard))
			require.Contains(t, texts(t, out), "Other")
			require.NoError(t, run([]string{"-o", out, in}, io.Discard))
			again, err := os.ReadFile(out)
			require.NoError(t, err)
			require.Equal(t, first, again, "the same every time")
		})
	}
}

func TestErrors(t *testing.T) {
	for text, problem := range map[string]string{
		"":                            "no results",
		"{":                           "line 1",
		"{}":                          "line 1: neither",
		peerLines + speedLines:        "do not fit into one chart",
		`{"kind":"row","ratio":0}`:    "ratio 0 from 0 to 0",
		`{"avg_ts":0}`:                "without speed",
		`{"kind":"row","threads":""}`: "line 1",
	} {
		var in input
		err := in.read(strings.NewReader(text))
		if err == nil {
			_, err = in.chart("")
		}
		require.ErrorContains(t, err, problem, text)
	}
	require.ErrorContains(t, run(nil, io.Discard), "usage")
	require.Error(t, run([]string{"-o", "x", filepath.Join(t.TempDir(), "none")}, io.Discard))
}
