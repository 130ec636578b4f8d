package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/bench/synth"
)

// fake is a pairing whose programs run at given speeds.
func fake(c *config, rate func(v *invocation, n int) *leg) *pairing {
	n := 0
	return &pairing{c: c, b: &binaries{}, log: io.Discard, machine: &machine{cpus: 1},
		leg: func(_ context.Context, v *invocation, _ *machine) (*leg, error) {
			n++
			l := rate(v, n)
			l.Side, l.Variant = v.side, v.variant
			if l.SpinNs == 0 {
				l.SpinNs = 100
			}
			return l, nil
		}}
}

func TestRow(t *testing.T) {
	c := &config{units: 12, fa: []string{"0", "1"}, seed: 1}
	p := fake(c, func(v *invocation, _ int) *leg {
		return map[string]*leg{
			"ours":  {Rate: 300, RSS: 80},
			"peer0": {Rate: 95, RSS: 90},
			"peer1": {Rate: 100, RSS: 100},
		}[v.side+v.variant]
	})
	r, err := p.row(context.Background(), "dir/m.gguf", row{kind: "pp", tokens: 8, streams: 1}, 2)
	require.NoError(t, err)
	require.Equal(t, "m.gguf", r.Model)
	require.Equal(t, "1", r.FA, "the better setting")
	require.InDelta(t, 3, r.Ratio, 1e-9)
	require.InDelta(t, 3, r.Lo, 1e-9)
	require.InDelta(t, 3, r.Hi, 1e-9)
	require.Equal(t, []float64{300, 100}, []float64{r.Ours, r.Peer})
	require.Equal(t, []int64{80, 100}, []int64{r.OursRSS, r.PeerRSS})
	require.Zero(t, r.Noisy)
	require.Contains(t, r.PeerCommand, "-fa 1")
	orders := map[string]int{}
	for _, u := range r.Units {
		orders[u.Order]++
		require.Len(t, u.Legs, 6, "both settings stay in question")
		require.Equal(t, u.Order[0] == 'a', u.Legs[0].Side == "ours")
		require.Equal(t, u.Legs[0].Side, u.Legs[5].Side)
	}
	require.Len(t, orders, 2, "the first letter is drawn")
}

// A setting of the peer that is clearly slower is left out after the pilot.
func TestRowPilot(t *testing.T) {
	c := &config{units: 1, fa: []string{"0", "1"}}
	p := fake(c, func(v *invocation, _ int) *leg {
		return &leg{Rate: map[string]float64{"": 50, "0": 100, "1": 80}[v.variant]}
	})
	r, err := p.row(context.Background(), "m", row{kind: "tg", tokens: 8, streams: 1}, 1)
	require.NoError(t, err)
	require.Len(t, r.Units[0].Legs, 4)
	require.Equal(t, map[string]float64{"0": 100, "1": 80}, r.Pilot)
	require.InDelta(t, 0.5, r.Ratio, 1e-9)
}

// Units on a machine that is not quiet are repeated, then kept and marked.
func TestRowNoise(t *testing.T) {
	c := &config{units: 2, retries: 2, fa: []string{"0"}}
	calls := 0
	p := fake(c, func(_ *invocation, n int) *leg {
		calls = n
		l := &leg{Rate: 10}
		if n <= 2+4 { // the pilot and the first try
			l.Foreign = 0.5
		}
		if n > 2+8 { // all tries of the second unit
			l.SpinNs = int64(100 + 50*(n%2))
		}
		return l
	})
	r, err := p.row(context.Background(), "m", row{kind: "tg", tokens: 8, streams: 1}, 1)
	require.NoError(t, err)
	require.Equal(t, 2+4*2+4*3, calls)
	require.Equal(t, []int{2, 3}, []int{r.Units[0].Tries, r.Units[1].Tries})
	require.Equal(t, []bool{true, false}, []bool{r.Units[0].Quiet, r.Units[1].Quiet})
	require.InDelta(t, 0.5, r.Units[1].Spread, 1e-9)
	require.Equal(t, 1, r.Noisy)
	require.Len(t, r.Ratios, 2, "kept all the same")
}

func TestRowErrors(t *testing.T) {
	c := &config{units: 1, fa: []string{"0"}}
	p := fake(c, nil)
	calls := 0
	p.leg = func(context.Context, *invocation, *machine) (*leg, error) {
		if calls++; calls < silentTries {
			return nil, errSilent
		}
		return nil, errors.New("broken")
	}
	_, err := p.row(context.Background(), "m", row{kind: "tg", tokens: 8, streams: 1}, 1)
	require.ErrorContains(t, err, "broken")
	require.Equal(t, silentTries, calls, "a silent program is run again")
	_, err = p.row(context.Background(), filepath.Join(t.TempDir(), "none.gguf"), row{kind: "ttft", tokens: 8, streams: 1}, 1)
	require.Error(t, err)
}

func TestJudgeUnknown(t *testing.T) {
	u := &unit{Legs: []*leg{{machineUse: machineUse{Foreign: -1, SpinNs: 100}}, {machineUse: machineUse{Foreign: -1, SpinNs: 109}}}}
	u.judge()
	require.True(t, u.Quiet, "what the system does not tell is no reason to repeat")
	_, ok := u.rates("ours", "")
	require.False(t, ok)
}

func TestMachine(t *testing.T) {
	m := &machine{cpus: 4}
	from := mark{cpu: ticks{busy: 10, steal: 1, ok: true}, spin: 5}
	u := m.use(from, ticks{busy: 16, steal: 1.4, ok: true}, 2, 4)
	require.InDelta(t, 0.3, u.Foreign, 1e-9, "2 of 8 seconds besides 4 of our own, and 0.4 stolen")
	require.InDelta(t, 0.05, u.Steal, 1e-9)
	require.Equal(t, int64(5), u.SpinNs)
	require.Zero(t, m.use(from, ticks{busy: 10, steal: 1, ok: true}, 2, 4).Foreign, "never negative")
	require.Equal(t, -1.0, m.use(from, ticks{}, 2, 4).Foreign)

	over, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := m.awaitQuiet(over, time.Minute)
	require.ErrorIs(t, err, context.Canceled)
}

func TestCutPrompt(t *testing.T) {
	words := func(text string) int { return len(strings.Fields(text)) + 1 }
	text, n := cutPrompt(11, words)
	require.Equal(t, 11, n)
	require.True(t, strings.HasPrefix(text, "The harbour town"))
	_, n = cutPrompt(5000, words)
	require.Equal(t, 5000, n, "longer than the text")
	_, n = cutPrompt(1, words)
	require.Zero(t, n)

	path := filepath.Join(t.TempDir(), "m.gguf")
	_, err := synth.WriteFile(path, synth.Spec{Shape: synth.Shapes["tiny"], Type: "Q8_0"})
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "p.txt")
	n, err = writePrompt(out, path, 100)
	require.NoError(t, err)
	b, err := os.ReadFile(out)
	require.NoError(t, err)
	require.InDelta(t, 100, n, 12, "a word less at most")
	require.LessOrEqual(t, n, 100)
	require.InDelta(t, n, len(b), 10, "a byte is about a token here")
	_, err = writePrompt(out, path, 1)
	require.ErrorContains(t, err, "no text of at most 1 tokens")
}

// script writes a program that prints text.
func script(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+text+"'\n"), 0o700))
}

// The whole command, with programs that only say how fast they were.
func TestCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs shell scripts")
	}
	dir := t.TempDir()
	script(t, filepath.Join(dir, "llama-bench"), `{"n_prompt": 100, "n_gen": 0, "samples_ns": [1000000000]}`)
	script(t, filepath.Join(dir, "infer"), `{"n_prompt": 250, "n_gen": 0, "n_streams": 1, "samples_ns": [1000000000]}`)
	out := filepath.Join(dir, "result")
	args := []string{"-peer", dir, "-infer", filepath.Join(dir, "infer"), "-m", "x/m.gguf", "-rows", "pp8", "-t", "1,2", "-pairs", "1", "-retries", "0", "-wait", "0s", "-o", out}
	var printed bytes.Buffer
	require.NoError(t, run(context.Background(), args, &printed, io.Discard))
	require.Contains(t, printed.String(), "| m.gguf | pp8 | 2 | 250.0 | 100.0 (0) | **2.50** | 2.50 – 2.50 | ")
	md, err := os.ReadFile(out + ".md")
	require.NoError(t, err)
	require.Equal(t, printed.String(), string(md))
	printed.Reset()
	require.NoError(t, run(context.Background(), []string{"-report", out + ".jsonl"}, &printed, io.Discard))
	require.Equal(t, string(md), printed.String())

	require.NoError(t, os.Remove(filepath.Join(dir, "infer")))
	require.ErrorContains(t, run(context.Background(), args, io.Discard, io.Discard), "prints nothing")
	require.Error(t, run(context.Background(), []string{"-report", out + ".none"}, io.Discard, io.Discard))
}
