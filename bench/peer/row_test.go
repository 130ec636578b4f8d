package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseRow(t *testing.T) {
	for text, want := range map[string]row{
		"pp512":      {kind: "pp", tokens: 512, streams: 1},
		"tg128@8000": {kind: "tg", tokens: 128, streams: 1, depth: 8000},
		"tg64x8@128": {kind: "tg", tokens: 64, streams: 8, depth: 128},
		"ttft500":    {kind: "ttft", tokens: 500, streams: 1},
	} {
		got, err := parseRow(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, text, got.String())
	}
	got, err := parseRow("tg8@d16")
	require.NoError(t, err)
	require.Equal(t, "tg8@16", got.String())
	for _, text := range []string{"", "pp", "pg5", "pp0", "tg5x0", "pp5x2", "ttft5@3", "tg5@", "tg-5", "pp512 ", "tg99999999"} {
		_, err := parseRow(text)
		require.ErrorContains(t, err, "row ", "%q", text)
	}
	require.True(t, row{kind: "pp", tokens: 1024, depth: 1024}.long())
	require.False(t, row{kind: "tg", tokens: 64, depth: 8000}.long())
}

func FuzzParseRow(f *testing.F) {
	for _, s := range []string{"pp512", "tg64x8@128", "ttft500", "tg5@d9", "pp-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRow(text)
		if err != nil {
			return
		}
		again, err := parseRow(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}

func TestParse(t *testing.T) {
	c, err := parse(strings.Fields("-peer d -m a.gguf,b.gguf -rows pp8,tg4@2 -t 1,2 -pairs 7 -wait 5s -fa 1 -infer-args --precision=high"), io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{"a.gguf", "b.gguf"}, c.models)
	require.Len(t, c.rows, 2)
	require.Equal(t, []int{1, 2}, c.threads)
	require.Equal(t, 7, c.units)
	require.Equal(t, 5*time.Second, c.wait)
	require.Equal(t, []string{"1"}, c.fa)
	require.Equal(t, []string{"--precision=high"}, c.inferArgs)
	require.Contains(t, c.command, "go run ./bench/peer -peer d -m a.gguf")
	c, err = parse(strings.Fields("-build d -m a"), io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{"0", "1"}, c.fa)

	for args, problem := range map[string]string{
		"-m a":                           "-peer DIR or build",
		"-peer d -build e -m a":          "-peer DIR or build",
		"-peer d":                        "no model",
		"-peer d -m a -rows pp":          "row \"pp\"",
		"-peer d -m a -rows=":            "no rows",
		"-peer d -m a -t 0":              "must be at least 1",
		"-peer d -m a -t x":              "want a number",
		"-peer d -m a -pairs 0":          "must be at least 1",
		"-peer d -m a -fa 2":             "want best, 0 or 1",
		"-build d -m a -isa sse":         "want native or avx2",
		"-peer d -m a extra":             "unexpected argument",
		"-peer d -m a --no-such-flag":    "not defined",
		"-peer d -m a -wait -1s":         "at least 0",
		"-peer d -m a -rows pp8,tg0":     "counts must be",
		"-peer d -m a -rows pp8 -r zero": "invalid value",
	} {
		_, err := parse(strings.Fields(args), io.Discard)
		require.ErrorContains(t, err, problem, args)
		require.True(t, errors.As(err, new(usageError)), args)
	}
	_, err = parse([]string{"-h"}, io.Discard)
	require.ErrorIs(t, err, flag.ErrHelp)
}

func TestFindPeer(t *testing.T) {
	dir := t.TempDir()
	_, err := findPeer(dir)
	require.ErrorContains(t, err, "no llama-bench in")
	for _, sub := range []string{"llama.cpp/build/bin", "build/bin", "bin", ""} { // the nearest wins
		d := filepath.Join(dir, sub)
		require.NoError(t, os.MkdirAll(d, 0o777))
		require.NoError(t, os.WriteFile(program(d, "llama-bench"), nil, 0o777))
		got, err := findPeer(dir)
		require.NoError(t, err)
		require.Equal(t, d, got)
	}
	require.NoError(t, os.Remove(program(dir, "llama-bench")))
	require.NoError(t, os.Mkdir(program(dir, "llama-bench"), 0o777))
	got, err := findPeer(dir)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "bin"), got, "a folder is no program")
}

func TestCheckISA(t *testing.T) {
	dir := t.TempDir()
	require.ErrorContains(t, checkISA(dir, "native"), "is unknown")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "isa"), []byte("avx2\n"), 0o600))
	require.ErrorContains(t, checkISA(dir, "native"), "was built for avx2")
	require.NoError(t, checkISA(dir, "avx2"))
}
