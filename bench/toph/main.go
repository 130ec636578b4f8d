// Command toph compares samplers at high temperature: top-h, min-p and top-p, each
// alone behind the temperature, on texts that models go on with and on small tasks
// with one right answer. See bench/README.md.
//
//	go run ./bench/toph -o result MODEL.gguf…
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"kvasir"
	"kvasir/internal/eval/plot"
)

type settings struct {
	out     string
	temps   string
	samples int
	tokens  int
	asks    int
	seed    uint64
	threads int
}

// row is the result of one sampler at one temperature.
type row struct {
	Model       string  `json:"model"`
	Sampler     string  `json:"sampler"`
	Temperature float64 `json:"temperature"`
	// PPL is exp of the mean negative log-probability of the sampled tokens under
	// the model at temperature 1 without any truncation.
	PPL       float64 `json:"ppl"`
	Distinct1 float64 `json:"distinct_1"` // different words among all
	Distinct2 float64 `json:"distinct_2"` // different pairs of words
	Distinct3 float64 `json:"distinct_3"`
	Repeated  float64 `json:"repeated_4"` // share of 4-grams that the same text had before
	Sums      float64 `json:"sums"`       // share of right answers
	Copies    float64 `json:"copies"`
	Tokens    int     `json:"tokens"`
	// SampleShare is the time of the sampler as a share of a decoding pass.
	SampleShare float64 `json:"sample_share"`
}

func main() {
	var c settings
	flag.StringVar(&c.out, "o", "", "folder for result.jsonl, result.md and charts; empty = the table only")
	flag.StringVar(&c.temps, "temps", "0.7,1,1.5,2", "temperatures")
	flag.IntVar(&c.samples, "samples", 4, "texts for each of the 8 openings")
	flag.IntVar(&c.tokens, "n", 96, "tokens of a text")
	flag.IntVar(&c.asks, "asks", 60, "questions of each task")
	flag.Uint64Var(&c.seed, "seed", 1, "seed")
	flag.IntVar(&c.threads, "t", 0, "threads; 0 = all")
	flag.Parse()
	if err := run(&c, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "toph:", err)
		os.Exit(1)
	}
}

func run(c *settings, models []string) error {
	if len(models) == 0 {
		return fmt.Errorf("no model given")
	}
	var temps []float64
	for _, f := range strings.Split(c.temps, ",") {
		t, err := strconv.ParseFloat(f, 64)
		if err != nil || t <= 0 {
			return fmt.Errorf("temperature %q: must be a number above 0", f)
		}
		temps = append(temps, t)
	}
	var rows []row
	for _, m := range models {
		eng, err := kvasir.Open(m, kvasir.Options{Context: 1024, Threads: c.threads})
		if err != nil {
			return err
		}
		r, err := measure(eng, c, temps)
		if err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		rows = append(rows, r...)
		if err := eng.Close(); err != nil {
			return err
		}
	}
	if c.out == "" {
		return nil
	}
	return save(c, rows)
}

// measure runs all samplers at all temperatures on one model.
func measure(eng *kvasir.Engine, c *settings, temps []float64) (out []row, err error) {
	pass, logits, err := decodePass(eng)
	if err != nil {
		return nil, err
	}
	header(os.Stdout)
	for _, t := range temps {
		for _, s := range samplers {
			r := row{Model: eng.Info().Name, Sampler: s.name, Temperature: t}
			p := s.params(t)
			if err := texts(context.Background(), eng, c, p, &r); err != nil {
				return nil, err
			}
			if r.Sums, err = share(eng, c, p, sums(c.seed, c.asks)); err != nil {
				return nil, err
			}
			if r.Copies, err = share(eng, c, p, copies(c.seed, c.asks)); err != nil {
				return nil, err
			}
			cost, err := drawTime(p, logits)
			if err != nil {
				return nil, err
			}
			r.SampleShare = cost / pass
			r.write(os.Stdout)
			out = append(out, r)
		}
	}
	return out, nil
}

func header(w io.Writer) {
	fmt.Fprint(w, "| model | sampler | T | perplexity | distinct-1 | distinct-2 | distinct-3 | repeated 4-grams | sums | copies | sampling / pass |\n",
		"|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
}

func (r *row) write(w io.Writer) {
	fmt.Fprintf(w, "| %s | %s | %g | %.1f | %.3f | %.3f | %.3f | %.3f | %.2f | %.2f | %.2f %% |\n", r.Model, r.Sampler, r.Temperature,
		r.PPL, r.Distinct1, r.Distinct2, r.Distinct3, r.Repeated, r.Sums, r.Copies, 100*r.SampleShare)
}

// save writes the rows as JSON lines and as a table, and a chart for each model and
// measure.
func save(c *settings, rows []row) error {
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return err
	}
	var lines, table strings.Builder
	enc := json.NewEncoder(&lines)
	header(&table)
	for i := range rows {
		if err := enc.Encode(rows[i]); err != nil {
			return err
		}
		rows[i].write(&table)
	}
	for name, text := range map[string]string{"result.jsonl": lines.String(), "result.md": table.String()} {
		if err := os.WriteFile(filepath.Join(c.out, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, m := range charts {
		if err := chart(c.out, m, rows); err != nil {
			return err
		}
	}
	return nil
}

// measureOf is what a chart shows.
type measureOf struct {
	file, label string
	log         bool
	value       func(r *row) float64
}

var charts = []measureOf{
	{"perplexity.svg", "perplexity of the samples", true, func(r *row) float64 { return r.PPL }},
	{"answers.svg", "right answers (sums and copies)", false, func(r *row) float64 { return (r.Sums + r.Copies) / 2 }},
	{"distinct2.svg", "distinct pairs of words", false, func(r *row) float64 { return r.Distinct2 }},
}

// chart draws a measure over the temperature, a line for each model and sampler.
func chart(dir string, m measureOf, rows []row) error {
	c := plot.Curves{Title: "Samplers at high temperature", XLabel: "temperature", YLabel: m.label, LogY: m.log}
	at := map[string]int{}
	for i := range rows {
		r := &rows[i]
		name := r.Sampler + ", " + r.Model
		k, ok := at[name]
		if !ok {
			k = len(c.Series)
			at[name] = k
			c.Series = append(c.Series, plot.Series{Name: name})
		}
		v := m.value(r)
		c.Series[k].Points = append(c.Series[k].Points, plot.Point{X: r.Temperature, Y: v, Lo: v, Hi: v})
	}
	f, err := os.Create(filepath.Join(dir, m.file))
	if err != nil {
		return err
	}
	if err := c.WriteSVG(f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
