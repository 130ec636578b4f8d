package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bench runs a command line and returns exit code, standard output and error.
func runBench(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(append([]string{"bench"}, args...), strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

// tinyModel writes a model file with the command that is for it.
func tinyModel(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	code, out, errs := runBench("synth", "--shape", "tiny:layers=1", "--type", "q4_0", "-o", path)
	require.Zero(t, code, errs)
	require.Contains(t, out, "tiny.gguf: 11 tensors, 0.7 M parameters")
	return path
}

func TestBenchArgs(t *testing.T) {
	require.Equal(t, []string{"bench", "--pg", "1,2", "--ctk=f16", "--ctv", "q8_0", "-p", "1"},
		benchArgs([]string{"bench", "-pg", "1,2", "-ctk=f16", "-ctv", "q8_0", "-p", "1"}))
	require.Equal(t, []string{"run", "-pg"}, benchArgs([]string{"run", "-pg"}))
	require.Empty(t, benchArgs(nil))
}

// The flags of llama-bench, lists and repeated flags give every combination.
func TestBenchCommand(t *testing.T) {
	path := tinyModel(t)
	code, out, errs := runBench("-m", path, "-p", "8,4", "-p", "2", "-n", "0", "-n", "2", "-pg", "3,1", "-pg", "4,2",
		"-d", "0,5", "-t", "1-2", "-ctk", "f16,q8_0", "-ctv", "f16,q8_0", "-r", "1", "-o", "jsonl", "--no-roof", "--no-warmup", "--quiet")
	require.Zero(t, code, errs)
	require.Empty(t, errs)
	type key struct {
		P int    `json:"n_prompt"`
		G int    `json:"n_gen"`
		D int    `json:"n_depth"`
		T int    `json:"n_threads"`
		K string `json:"type_k"`
	}
	seen := map[key]bool{}
	for line := range strings.Lines(out) {
		var k key
		require.NoError(t, json.Unmarshal([]byte(line), &k))
		require.False(t, seen[k], "%+v twice", k)
		seen[k] = true
	}
	require.Len(t, seen, 6*2*2*2)
	require.True(t, seen[key{4, 2, 5, 2, "q8_0"}])

	code, out, errs = runBench("-m", path, "-p", "4", "-n", "2", "-r", "2")
	require.Zero(t, code, errs)
	require.Contains(t, out, "GB/s with 1 thread")
	require.Regexp(t, `\| +tg2 \| +[\d.]+ ± [\d.]+ \| +\d+ % of [\d.]+ GB/s \|`, out)
}

func TestBenchUsage(t *testing.T) {
	path := tinyModel(t)
	for _, tc := range []struct {
		problem string
		args    []string
	}{
		{"takes no arguments but flags", []string{"x"}},
		{"want a number from 0", []string{"-p", "x"}},
		{"two numbers", []string{"-pg", "5"}},
		{"want a number from 0 to 1024", []string{"-t", "5000"}},
		{`output "sql": use one of csv, json, jsonl, md`, []string{"-o", "sql"}},
		{"0 repetitions", []string{"-r", "0"}},
		{"delay -1", []string{"--delay", "-1"}},
		{"0 streams", []string{"--streams", "1,0"}},
		{"all token counts are 0", []string{"-p", "0", "-n", "0"}},
		{"not both", []string{"--kv-type", "f16", "-ctk", "f16"}},
		{"keys and values have one type", []string{"-ctk", "f16", "-ctv", "q8_0"}},
		{"keys and values have one type", []string{"-ctv", "q8_0"}},
		{"unknown flag: --flash-attn", []string{"--flash-attn", "1"}},
		{"use md or jsonl", []string{"kernels", "-o", "csv"}},
		{"filter: ", []string{"kernels", "--filter", "("}},
		{`size "l9"`, []string{"kernels", "--size", "l9"}},
		{`level "sse"`, []string{"kernels", "--level", "sse"}},
		{"time 0", []string{"kernels", "--time", "0"}},
		{"no file to write", []string{"synth"}},
		{`shape "9b"`, []string{"synth", "--shape", "9b", "-o", path}},
		{`type "Q9"`, []string{"synth", "--type", "Q9", "-o", path}},
	} {
		code, out, errs := runBench(tc.args...)
		require.Equal(t, exitUsage, code, "%q: %s", tc.args, errs)
		require.Contains(t, errs, tc.problem, "%q", tc.args)
		require.Empty(t, out, "%q", tc.args)
	}
	code, _, errs := runBench("-m", path, "--kv-type", "q9", "-r", "1", "--no-roof")
	require.Equal(t, exitError, code)
	require.Contains(t, errs, "kv-type")
	code, _, _ = runBench("-m", path+".gguf", "-r", "1", "--no-roof")
	require.NotZero(t, code)
	_, err := os.Stat(path)
	require.NoError(t, err, "a failed synth leaves the file alone")
}

func TestBenchKernelsCommand(t *testing.T) {
	code, out, errs := runBench("kernels", "--filter", "vector/add", "--time", "1", "--size", "L2")
	require.Zero(t, code, errs)
	require.Contains(t, out, "| vector/add ")
	code, out, errs = runBench("kernels", "--filter", "gemv/Q8_0$", "--level", "generic", "--time", "1", "--size", "l2", "-o", "jsonl")
	require.Zero(t, code, errs)
	require.Contains(t, out, `"level":"generic"`)
	require.Equal(t, 1, strings.Count(out, "\n"))
	code, _, errs = runBench("kernels", "--filter", "nothing")
	require.Equal(t, exitError, code)
	require.Contains(t, errs, "no kernel matches")
}
