package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"kvasir/internal/bench"
)

// head says where and how rows were measured.
type head struct {
	Kind        string  `json:"kind"` // "head"
	Date        string  `json:"date"`
	CPU         string  `json:"cpu"`
	System      string  `json:"system"`
	MemoryBytes int64   `json:"memory_bytes"`
	Load        float64 `json:"load"` // at the start, -1 when unknown
	Ours        string  `json:"ours_version"`
	Commit      string  `json:"ours_commit"` // with + where files differ from it
	Peer        string  `json:"peer_version"`
	ISA         string  `json:"peer_isa,omitempty"`
	Level       string  `json:"level,omitempty"`
	Command     string  `json:"command"`
}

func newHead(ctx context.Context, c *config, b *binaries) head {
	h := head{
		Kind: "head", Date: time.Now().UTC().Format(time.RFC3339), CPU: bench.ThisCPU().String(),
		System: strings.TrimSpace(runtime.GOOS + "/" + runtime.GOARCH + " " + kernelVersion()), MemoryBytes: memoryBytes(),
		Load: bench.Load(), Ours: b.inferVersion, Peer: b.peerVersion, Level: c.level, Command: c.command,
	}
	if out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output(); err == nil {
		h.Commit = strings.TrimSpace(string(out))
	}
	if c.build != "" {
		h.ISA = c.isa
	}
	if out, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no").Output(); err == nil && len(out) > 0 {
		h.Commit += "+"
	}
	return h
}

// report is a head and its rows.
type report struct {
	Head head
	Rows []*rowResult
}

// writeLine writes v as one line of JSON.
func writeLine(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

// readReport reads what writeLine wrote.
func readReport(r io.Reader) (*report, error) {
	rep := &report{}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<26)
	for n := 1; s.Scan(); n++ {
		var kind struct {
			Kind string `json:"kind"`
		}
		err := json.Unmarshal(s.Bytes(), &kind)
		switch {
		case err != nil:
		case kind.Kind == "head":
			err = json.Unmarshal(s.Bytes(), &rep.Head)
		case kind.Kind == "row":
			row := &rowResult{}
			err = json.Unmarshal(s.Bytes(), row)
			rep.Rows = append(rep.Rows, row)
		default:
			err = fmt.Errorf("kind is %q, want head or row", kind.Kind)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return rep, s.Err()
}

// markdown writes the report as text with a table.
func (rep *report) markdown(w io.Writer) error {
	h := &rep.Head
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %s, %.1f GB memory; %s\n\n", h.Date, h.CPU, h.System, float64(h.MemoryBytes)/1e9, loadText(h.Load))
	fmt.Fprintf(&b, "A: %s, commit %s. B: llama.cpp, %s", h.Ours, h.Commit, h.Peer)
	if h.ISA != "" {
		fmt.Fprintf(&b, ", built for %s", h.ISA)
	}
	if h.Level != "" {
		fmt.Fprintf(&b, "; our kernels at level %s", h.Level)
	}
	fmt.Fprintf(&b, ".\n\n    %s\n\n", h.Command)
	b.WriteString("| model | row | threads | ours | peer (fa) | ratio, median | 95 % interval | each unit | peak memory ours / peer |\n")
	b.WriteString("| --- | --- | ---: | ---: | ---: | ---: | --- | --- | ---: |\n")
	for _, r := range rep.Rows {
		fmt.Fprintf(&b, "| %s | %s | %d | %s | %s (%s) | **%.2f** | %.2f – %.2f | %s | %s |\n", r.Model, r.Row, r.Threads,
			r.rateText(r.Ours), r.rateText(r.Peer), r.FA, r.Ratio, r.Lo, r.Hi, r.unitsText(), memoryText(r.OursRSS, r.PeerRSS))
	}
	b.WriteString("\nRates are medians in tokens per second; rows of kind ttft are seconds from the start of the process to the first token " +
		"(the ratio still says how many times sooner). Units in brackets ran on a machine that was not quiet.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func loadText(load float64) string {
	if load < 0 {
		return "load unknown"
	}
	return fmt.Sprintf("load %.2f at the start", load)
}

func (r *rowResult) rateText(rate float64) string {
	if strings.HasPrefix(r.Row, "ttft") && rate > 0 {
		return fmt.Sprintf("%.3f s", 1/rate)
	}
	return fmt.Sprintf("%.1f", rate)
}

func (r *rowResult) unitsText() string {
	parts := make([]string, len(r.Ratios))
	for i, v := range r.Ratios {
		parts[i] = fmt.Sprintf("%.2f", v)
		if i < len(r.Units) && !r.Units[i].Quiet {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, " ")
}

func memoryText(ours, peer int64) string {
	if ours <= 0 || peer <= 0 {
		return ""
	}
	return fmt.Sprintf("%d / %d MB, %.2f", ours/1e6, peer/1e6, float64(ours)/float64(peer))
}
