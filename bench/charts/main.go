// Command charts draws benchmark results as SVG:
//
//	cd bench/charts && go run . -o ratios.svg peer.jsonl    # of bench/peer
//	cd bench/charts && go run . -o speed.svg bench.jsonl    # of infer bench -o jsonl
//
// It is a module of its own, so that the engine's has no plotting modules.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "charts: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, errw io.Writer) error {
	fs := flag.NewFlagSet("charts", flag.ContinueOnError)
	fs.SetOutput(errw)
	out := fs.String("o", "", "SVG file to write")
	title := fs.String("title", "", "title of the chart; default: made from the input")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *out == "" || fs.NArg() == 0 {
		return errors.New("usage: charts -o FILE.svg RESULTS.jsonl…")
	}
	var in input
	for _, path := range fs.Args() {
		if err := in.readFile(path); err != nil {
			return err
		}
	}
	c, err := in.chart(*title)
	if err != nil {
		return err
	}
	return c.save(*out)
}

// peerHead and peerRow are what bench/peer writes, as far as it is drawn.
type peerHead struct {
	Date string `json:"date"`
	CPU  string `json:"cpu"`
}

type peerRow struct {
	Model   string  `json:"model"`
	Row     string  `json:"row"`
	Threads int     `json:"threads"`
	Ratio   float64 `json:"ratio"`
	Lo      float64 `json:"ratio_lo"`
	Hi      float64 `json:"ratio_hi"`
}

// speed is a line of infer bench (and llama-bench) -o jsonl.
type speed struct {
	File    string  `json:"model_filename"`
	Type    string  `json:"model_type"`
	CPU     string  `json:"cpu_info"`
	Threads int     `json:"n_threads"`
	Prompt  int     `json:"n_prompt"`
	Gen     int     `json:"n_gen"`
	Depth   int     `json:"n_depth"`
	TypeK   string  `json:"type_k"`
	AvgTS   float64 `json:"avg_ts"`
	DevTS   float64 `json:"stddev_ts"`
	Date    string  `json:"test_time"`
}

// input is everything that was read.
type input struct {
	head   peerHead
	rows   []peerRow
	speeds []speed
}

func (in *input) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := in.read(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// read tells the kinds of lines apart by their keys.
func (in *input) read(r io.Reader) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<26)
	for n := 1; s.Scan(); n++ {
		if err := in.line(s.Bytes()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return s.Err()
}

func (in *input) line(b []byte) error {
	var probe struct {
		Kind string   `json:"kind"`
		TS   *float64 `json:"avg_ts"`
	}
	if err := json.Unmarshal(b, &probe); err != nil {
		return err
	}
	switch {
	case probe.Kind == "head":
		return json.Unmarshal(b, &in.head)
	case probe.Kind == "row":
		in.rows = append(in.rows, peerRow{})
		return json.Unmarshal(b, &in.rows[len(in.rows)-1])
	case probe.TS != nil:
		in.speeds = append(in.speeds, speed{})
		return json.Unmarshal(b, &in.speeds[len(in.speeds)-1])
	}
	return errors.New("neither a result of bench/peer nor of infer bench")
}

// chart is a plot with its size.
type chart struct {
	plot          *plot.Plot
	width, height vg.Length
}

func (in *input) chart(title string) (*chart, error) {
	switch {
	case len(in.rows) > 0 && len(in.speeds) > 0:
		return nil, errors.New("results of bench/peer and of infer bench do not fit into one chart")
	case len(in.rows) > 0:
		return ratioChart(in.head, in.rows, title)
	case len(in.speeds) > 0:
		return speedChart(in.speeds, title)
	}
	return nil, errors.New("no results")
}

// save writes the chart as SVG.
func (c *chart) save(path string) error {
	canvas := vgsvg.New(c.width, c.height)
	c.plot.Draw(draw.New(canvas))
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
}
