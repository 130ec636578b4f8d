package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// legTimeout bounds one run of a program.
const legTimeout = 30 * time.Minute

// leg is one run of one of the two programs. Rate is what is compared: tokens per
// second, or for rows of kind ttft one by the seconds until the first token.
type leg struct {
	Side    string  `json:"side"`         // "ours" or "peer"
	Variant string  `json:"fa,omitempty"` // flash attention of the peer
	Rate    float64 `json:"rate"`
	Seconds float64 `json:"seconds"` // of the whole process
	RSS     int64   `json:"peak_rss_bytes"`
	machineUse
}

// invocation is a program with what is needed to run it and to read its result.
type invocation struct {
	side, variant string
	args          []string
	env           []string
	read          func(out []byte) (float64, error) // the rate; nil: one by the time of the first byte
}

// String returns the command line.
func (v *invocation) String() string { return strings.Join(append(v.env, v.args...), " ") }

// ours returns how our side of a row is run.
func (b *binaries) ours(c *config, model string, r row, threads int, prompt string) *invocation {
	v := &invocation{side: "ours"}
	if c.level != "" {
		v.env = []string{"KVASIR_CPU=" + c.level}
	}
	t := strconv.Itoa(threads)
	if r.kind == "ttft" {
		v.args = []string{b.infer, "run", "-m", model, "--raw", "-f", prompt, "-n", "1", "--temp", "0",
			"--threads", t, "--ctx", strconv.Itoa(ttftContext(r))}
	} else {
		v.args = append([]string{b.infer, "bench", "-m", model, "--streams", strconv.Itoa(r.streams),
			"--no-roof", "--quiet"}, benchFlags(c, r, threads)...)
		v.read = readBench
	}
	v.args = append(v.args, c.inferArgs...)
	return v
}

// benchFlags are those that both programs understand.
func benchFlags(c *config, r row, threads int) []string {
	p, n, reps := "0", "0", c.reps
	if r.kind == "pp" {
		p = strconv.Itoa(r.tokens)
	} else {
		n = strconv.Itoa(r.tokens)
	}
	flags := []string{"-p", p, "-n", n, "-d", strconv.Itoa(r.depth), "-t", strconv.Itoa(threads), "-o", "jsonl"}
	if r.long() {
		reps = 1
		flags = append(flags, "--no-warmup")
	}
	return append(flags, "-r", strconv.Itoa(reps))
}

// theirs returns how the peer's side of a row is run with a setting of its flash
// attention. Everything else is left at its defaults, which are its best.
func (b *binaries) theirs(c *config, model string, r row, threads int, prompt, fa string) *invocation {
	v := &invocation{side: "peer", variant: fa}
	t := strconv.Itoa(threads)
	onOff := map[string]string{"0": "off", "1": "on"}[fa]
	switch {
	case r.kind == "ttft":
		v.args = []string{b.complete, "-m", model, "-f", prompt, "-n", "1", "--temp", "0", "-t", t, "-c", strconv.Itoa(ttftContext(r)),
			"--no-warmup", "-no-cnv", "--no-display-prompt", "-fa", onOff}
	case r.streams > 1:
		v.args = []string{b.batched, "-m", model, "-npp", strconv.Itoa(max(1, r.depth)), "-ntg", strconv.Itoa(r.tokens),
			"-npl", strconv.Itoa(r.streams), "-t", t, "-fa", onOff, "-c", strconv.Itoa((max(1, r.depth) + r.tokens) * r.streams),
			"--output-format", "jsonl"}
		v.read = readBatched
	default:
		v.args = append([]string{b.bench, "-m", model, "-fa", fa}, benchFlags(c, r, threads)...)
		v.read = readBench
	}
	return v
}

// ttftContext is the context of rows of kind ttft, a little more than the prompt.
func ttftContext(r row) int { return (r.tokens + 64 + 255) / 256 * 256 }

// readBench reads the one line of -o jsonl: tokens by the time of all samples.
func readBench(out []byte) (float64, error) {
	var r struct {
		Prompt  int     `json:"n_prompt"`
		Gen     int     `json:"n_gen"`
		Streams int     `json:"n_streams"`
		Samples []int64 `json:"samples_ns"`
	}
	if err := json.Unmarshal(bytes.TrimSpace(out), &r); err != nil {
		return 0, fmt.Errorf("read %.200q: %w", out, err)
	}
	total := int64(0)
	for _, ns := range r.Samples {
		total += ns
	}
	tokens := len(r.Samples) * (r.Prompt + r.Gen*max(1, r.Streams))
	if tokens <= 0 || total <= 0 {
		return 0, fmt.Errorf("no samples in %.200q", out)
	}
	return float64(tokens) * 1e9 / float64(total), nil
}

// readBatched reads the one line of llama-batched-bench.
func readBatched(out []byte) (float64, error) {
	var r struct {
		Speed float64 `json:"speed_tg"`
	}
	for line := range bytes.Lines(out) {
		if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("{")) {
			if err := json.Unmarshal(line, &r); err != nil {
				return 0, fmt.Errorf("read %.200q: %w", line, err)
			}
		}
	}
	if r.Speed <= 0 {
		return 0, fmt.Errorf("no speed_tg in %.200q", out)
	}
	return r.Speed, nil
}

// firstByte notes when something was written first. The buffer is not embedded: its
// ReadFrom would go around Write.
type firstByte struct {
	buf bytes.Buffer
	at  time.Time
}

func (f *firstByte) Write(p []byte) (int, error) {
	if f.at.IsZero() && len(p) > 0 {
		f.at = time.Now()
	}
	return f.buf.Write(p)
}

// errSilent: a program ended well and printed nothing. llama-batched-bench does so now
// and then: its log thread loses the race with the end of the process.
var errSilent = errors.New("no output")

// runLeg runs a program once.
func runLeg(ctx context.Context, v *invocation, m *machine) (*leg, error) {
	ctx, cancel := context.WithTimeout(ctx, legTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, v.args[0], v.args[1:]...)
	cmd.Env = append(os.Environ(), v.env...)
	var out firstByte
	var errs tail
	cmd.Stdout, cmd.Stderr = &out, &errs
	l := &leg{Side: v.side, Variant: v.variant}
	before := m.begin()
	start := time.Now()
	err := cmd.Run()
	end := time.Now()
	if err != nil {
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), err)
		}
		return nil, fmt.Errorf("%s: %w: %s", v, err, bytes.TrimSpace(errs.b))
	}
	l.Seconds = end.Sub(start).Seconds()
	l.machineUse = m.end(before, cmd.ProcessState)
	l.RSS = peakRSS(cmd.ProcessState)
	if v.read != nil {
		if len(bytes.TrimSpace(out.buf.Bytes())) == 0 {
			return nil, fmt.Errorf("%s: %w", v, errSilent)
		}
		l.Rate, err = v.read(out.buf.Bytes())
		return l, err
	}
	if out.at.IsZero() { // a token without text
		out.at = end
	}
	l.Rate = 1 / out.at.Sub(start).Seconds()
	return l, nil
}

// tail keeps the last bytes of what is written to it.
type tail struct{ b []byte }

var _ io.Writer = (*tail)(nil)

func (t *tail) Write(p []byte) (int, error) {
	const most = 2000
	t.b = append(t.b, p...)
	if n := len(t.b); n > most {
		t.b = append(t.b[:0], t.b[n-most:]...)
	}
	return len(p), nil
}
