package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// actVariable makes the test binary act as a program that is measured.
const actVariable = "PEER_TEST_ACT"

func TestMain(m *testing.M) {
	switch os.Getenv(actVariable) {
	case "":
		os.Exit(m.Run())
	case "bench":
		os.Stdout.WriteString(`{"n_prompt": 8, "n_gen": 0, "samples_ns": [ 1000000, 3000000 ]}` + "\n")
	case "token":
		os.Stdout.WriteString("x")
		time.Sleep(200 * time.Millisecond)
	case "fail":
		os.Stderr.WriteString(strings.Repeat("noise ", 1000) + "the reason\n")
		os.Exit(3)
	}
	os.Exit(0)
}

// act returns an invocation of the test binary.
func act(t *testing.T, what string, read func([]byte) (float64, error)) *invocation {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return &invocation{side: "ours", args: []string{self}, env: []string{actVariable + "=" + what}, read: read}
}

func TestRunLeg(t *testing.T) {
	ctx, m := context.Background(), newMachine()
	l, err := runLeg(ctx, act(t, "bench", readBench), m)
	require.NoError(t, err)
	require.Equal(t, 4000.0, l.Rate)
	require.Positive(t, l.Seconds)
	require.Positive(t, l.SpinNs)
	require.Equal(t, "ours", l.Side)
	require.GreaterOrEqual(t, l.RSS, int64(0))

	l, err = runLeg(ctx, act(t, "token", nil), m)
	require.NoError(t, err)
	require.Greater(t, l.Rate, 1/l.Seconds, "the first byte, not the end")

	l, err = runLeg(ctx, act(t, "nothing", nil), m)
	require.NoError(t, err, "a token without text")
	require.Positive(t, l.Rate)

	_, err = runLeg(ctx, act(t, "nothing", readBench), m)
	require.ErrorIs(t, err, errSilent)
	_, err = runLeg(ctx, act(t, "fail", readBench), m)
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "the reason")
	require.Less(t, len(err.Error()), 3000)
	_, err = runLeg(ctx, &invocation{args: []string{"no-such-program-here"}}, m)
	require.Error(t, err)
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, err = runLeg(over, act(t, "token", nil), m)
	require.ErrorIs(t, err, context.Canceled)
}

func TestReadBench(t *testing.T) {
	rate, err := readBench([]byte(`{"n_prompt": 0, "n_gen": 10, "n_streams": 4, "samples_ns": [1000000000, 1000000000]}`))
	require.NoError(t, err)
	require.Equal(t, 40.0, rate)
	for text, problem := range map[string]string{
		`{`:                                      "read ",
		`{}`:                                     "no samples",
		`{"n_prompt": 8, "samples_ns": [0]}`:     "no samples",
		`{"n_gen": 8}` + "\n" + `{"n_prompt":1}`: "read ",
	} {
		_, err := readBench([]byte(text))
		require.ErrorContains(t, err, problem, text)
	}
}

func TestReadBatched(t *testing.T) {
	rate, err := readBatched([]byte("\n{\"pl\": 8, \"speed_pp\": 3.5, \"speed_tg\": 109.5}\n\n"))
	require.NoError(t, err)
	require.Equal(t, 109.5, rate)
	_, err = readBatched([]byte("{\"speed_pp\": 3.5}\n"))
	require.ErrorContains(t, err, "no speed_tg")
	_, err = readBatched([]byte("{\n"))
	require.ErrorContains(t, err, "read ")
}

func TestInvocations(t *testing.T) {
	b := &binaries{infer: "infer", bench: "lb", batched: "lbb", complete: "lc"}
	c := &config{reps: 3, level: "avx2", inferArgs: []string{"--precision", "high"}}
	for text, want := range map[string][2]string{
		"pp512": {
			"KVASIR_CPU=avx2 infer bench -m m --streams 1 --no-roof --quiet -p 512 -n 0 -d 0 -t 2 -o jsonl -r 3 --precision high",
			"lb -m m -fa 1 -p 512 -n 0 -d 0 -t 2 -o jsonl -r 3",
		},
		"pp8192": {
			"KVASIR_CPU=avx2 infer bench -m m --streams 1 --no-roof --quiet -p 8192 -n 0 -d 0 -t 2 -o jsonl --no-warmup -r 1 --precision high",
			"lb -m m -fa 1 -p 8192 -n 0 -d 0 -t 2 -o jsonl --no-warmup -r 1",
		},
		"tg64@8000": {
			"KVASIR_CPU=avx2 infer bench -m m --streams 1 --no-roof --quiet -p 0 -n 64 -d 8000 -t 2 -o jsonl -r 3 --precision high",
			"lb -m m -fa 1 -p 0 -n 64 -d 8000 -t 2 -o jsonl -r 3",
		},
		"tg64x8@128": {
			"KVASIR_CPU=avx2 infer bench -m m --streams 8 --no-roof --quiet -p 0 -n 64 -d 128 -t 2 -o jsonl -r 3 --precision high",
			"lbb -m m -npp 128 -ntg 64 -npl 8 -t 2 -fa on -c 1536 --output-format jsonl",
		},
		"ttft500": {
			"KVASIR_CPU=avx2 infer run -m m --raw -f p.txt -n 1 --temp 0 --threads 2 --ctx 768 --precision high",
			"lc -m m -f p.txt -n 1 --temp 0 -t 2 -c 768 --no-warmup -no-cnv --no-display-prompt -fa on",
		},
	} {
		r, err := parseRow(text)
		require.NoError(t, err)
		ours, theirs := b.ours(c, "m", r, 2, "p.txt"), b.theirs(c, "m", r, 2, "p.txt", "1")
		require.Equal(t, want, [2]string{ours.String(), theirs.String()}, text)
		require.Equal(t, r.kind == "ttft", ours.read == nil)
		require.Equal(t, r.kind == "ttft", theirs.read == nil)
	}
}
