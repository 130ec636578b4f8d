package main

import (
	"fmt"
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"kvasir/internal/hub"
)

// maxInput bounds text read from files and pipes.
const maxInput = 1 << 30

// readAll reads r up to maxInput bytes.
func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if len(b) > maxInput {
		return nil, fmt.Errorf("standard input is longer than %d bytes", maxInput)
	}
	return b, nil
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(s any) bool {
	f, ok := s.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress shows a download: a bar on a terminal, plain lines elsewhere.
type progress struct {
	a     *app
	bars  *mpb.Progress
	bar   *mpb.Bar
	label string
}

func (a *app) newProgress() *progress { return &progress{a: a} }

func (p *progress) options() hub.Options {
	return hub.Options{
		Progress: p.update,
		Status:   p.line,
		Notice: func(model, text string) error {
			p.line(fmt.Sprintf("Terms of use of %s:\n%s", model, text))
			return nil
		},
	}
}

// line prints a line beside the bar.
func (p *progress) line(s string) {
	if p.bars != nil {
		fmt.Fprintln(p.bars, s)
		return
	}
	fmt.Fprintln(p.a.err, s)
}

func (p *progress) update(done, total int64, label string) {
	if !isTerminal(p.a.err) {
		if label != p.label {
			p.label = label
			fmt.Fprintf(p.a.err, "fetching %s\n", label)
		}
		return
	}
	if p.bars == nil {
		opts := []mpb.ContainerOption{mpb.WithOutput(p.a.err), mpb.WithWidth(60)}
		p.bars = mpb.New(opts...)
	}
	if label != p.label {
		p.finish()
		p.label = label
		p.bar = p.bars.AddBar(total,
			mpb.PrependDecorators(decor.Name(label+" ")),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f"), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	}
	p.bar.SetTotal(total, false)
	p.bar.SetCurrent(done)
}

func (p *progress) finish() {
	if p.bar != nil {
		p.bar.SetTotal(-1, true)
		p.bar.Abort(false)
		p.bar = nil
	}
}

func (p *progress) close() {
	p.finish()
	if p.bars != nil {
		p.bars.Wait()
	}
}

// dim renders text faint on a terminal that shows colour.
func (a *app) dim(s string) string {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !isTerminal(a.err) {
		return s
	}
	return "\x1b[2m" + s + "\x1b[0m"
}

// bytes formats a size.
func byteSize(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/unit, 0
	for v >= unit && i < 3 {
		v /= unit
		i++
	}
	return fmt.Sprintf("%.1f %cB", v, "kMGT"[i])
}
