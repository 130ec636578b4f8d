package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kvasir/internal/eval"
	"kvasir/internal/eval/plot"
)

// needleFlags are the flags of `infer eval needle`.
type needleFlags struct {
	settingFlags
	tasks []string
	seeds []uint
	o     eval.NeedleOptions
}

// needleLine is a line of its JSON.
type needleLine struct {
	eval.NeedleResult
	Seeds []uint64 `json:"seeds"`
	evalHead
}

func (a *app) evalNeedleCommand() *cobra.Command {
	f := &needleFlags{}
	cmd := &cobra.Command{
		Use:   "needle",
		Short: "Whether a setting still finds what a long text hides",
		Long: `Hide answers in generated text, at each depth of each context, ask for them, and
count what a setting answers beside the dense cache on the same prompts. The
tasks are made up, nothing is downloaded; equal seeds give equal prompts.

  passkey     one number under a key, said twice in one place
  single, multikey, multivalue, multiquery, vt, cwe, fwe
              as in RULER: one key; four keys, one asked; one key with four
              values; four keys, all asked; a chain of variables; the most
              common words; the most frequent coded words
  recall      key and value in noise, for the retrieval model

--ask end puts the question inside the prompt, so that a cache policy sees it
before it drops anything; --ask blind compresses before the question is known.
The answer is always computed after the compression.`,
		Example: `  infer eval needle --ctx 1024,2048 --keys 5 --kv snapkv:bytes=1/8 --kv sinks:bytes=1/8
  infer eval needle --tasks multikey,vt --ask blind --kv auto:budget=512 --plot needle.svg`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.evalNeedle(cmd, f) },
	}
	f.bind(cmd, true)
	fl := cmd.Flags()
	fl.IntSliceVar(&f.o.Ctx, "ctx", []int{1024, 2048}, "contexts in tokens, everything included")
	fl.IntSliceVar(&f.o.Depths, "depths", []int{0, 25, 50, 75, 100}, "depths in percent")
	fl.IntVar(&f.o.Keys, "keys", 4, "prompts for each context, depth and seed")
	fl.UintSliceVar(&f.seeds, "seed", []uint{1}, "seeds of the prompts")
	fl.StringVar(&f.o.Fill, "fill", "prose", "text around: prose, noise, repeat or file:PATH")
	fl.StringSliceVar(&f.tasks, "tasks", nil, "tasks: "+eval.TaskNames()+" (passkey; recall for the retrieval model)")
	fl.StringVar(&f.o.Ask, "ask", eval.AskEnd, "end or blind")
	fl.IntVar(&f.o.Pairs, "pairs", 32, "pairs in a prompt of recall")
	return cmd
}

func (a *app) evalNeedle(cmd *cobra.Command, f *needleFlags) error {
	settings, err := f.settings()
	if err != nil {
		return err
	}
	if len(f.o.Ctx) == 0 {
		return usagef("--ctx: no contexts")
	}
	for _, s := range f.seeds {
		f.o.Seeds = append(f.o.Seeds, uint64(s))
	}
	r, err := a.runner(cmd, &f.settingFlags, slices.Max(f.o.Ctx))
	if err != nil {
		return err
	}
	defer r.Close()
	if len(f.tasks) == 0 {
		f.tasks = []string{""}
	}
	var all []eval.NeedleResult
	for _, task := range f.tasks {
		f.o.Task = task
		f.o.Progress = func(done, n int) { fmt.Fprintf(a.err, "\r%s %d of %d", task, done, n) }
		res, err := r.Needle(cmd.Context(), settings, f.o)
		if err != nil {
			return settingError(err)
		}
		fmt.Fprintln(a.err)
		all = append(all, res...)
	}
	if err := f.draw(needleChart(all)); err != nil {
		return err
	}
	if !f.json {
		return needleTable(a.out, all)
	}
	eng, err := r.Base()
	if err != nil {
		return err
	}
	lines := make([]needleLine, len(all))
	head := newEvalHead(&f.settingFlags, eng, nil)
	for i := range all {
		lines[i] = needleLine{all[i], f.o.Seeds, head}
	}
	return writeLines(a.out, lines)
}

func needleTable(out io.Writer, res []eval.NeedleResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "task\task\tsetting\tstorage\tattention\tratio\tscore\tdense\tkept\t95 %\toutside the newest\tnll\tdense")
	for i := range res {
		r := &res[i]
		kept, ci, far, nll, nll0 := "too few", "", "", "", ""
		if r.Kept != nil {
			kept = fmt.Sprintf("%.1f %% of %d", 100**r.Kept, r.KeptN)
			ci = fmt.Sprintf("%.1f–%.1f", 100*r.KeptCI[0], 100*r.KeptCI[1])
		}
		if r.Far != nil {
			far = fmt.Sprintf("%.1f %% of %d", 100**r.Far, r.FarN)
		}
		if r.NLL != nil {
			nll, nll0 = fmt.Sprintf("%.3f", *r.NLL), fmt.Sprintf("%.3f", *r.NLLDense)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.3f\t%.3f\t%.3f\t%s\t%s\t%s\t%s\t%s\n",
			r.Task, r.Ask, r.Name(), r.KVType, r.Attention, r.Ratio, r.Score, r.ScoreDense, kept, ci, far, nll, nll0)
	}
	return w.Flush()
}

// needleChart draws the dense cache of each task, then its settings.
func needleChart(res []eval.NeedleResult) *plot.HeatMaps {
	h := &plot.HeatMaps{Title: "Answered prompts by depth and context", RowLabel: "depth, %", ColLabel: "context, tokens"}
	task := ""
	for i := range res {
		r := &res[i]
		if r.Task != task {
			task = r.Task
			h.Maps = append(h.Maps, heat(task+", dense", r.Cells, func(c *eval.NeedleCell) float64 { return c.RightDense }))
		}
		h.Maps = append(h.Maps, heat(r.Name(), r.Cells, func(c *eval.NeedleCell) float64 { return c.Right }))
	}
	return h
}

func heat(name string, cells []eval.NeedleCell, value func(*eval.NeedleCell) float64) plot.Heat {
	var depths, ctxs []int
	for _, c := range cells {
		depths, ctxs = append(depths, c.Depth), append(ctxs, c.Ctx)
	}
	slices.Sort(depths)
	slices.Sort(ctxs)
	depths, ctxs = slices.Compact(depths), slices.Compact(ctxs)
	m := plot.Heat{Name: name}
	for _, c := range ctxs {
		m.Cols = append(m.Cols, fmt.Sprint(c))
	}
	for _, d := range depths {
		m.Rows = append(m.Rows, fmt.Sprint(d))
		values, notes := make([]float64, len(ctxs)), make([]string, len(ctxs))
		for i := range values {
			values[i] = math.NaN()
		}
		for j := range cells {
			if c := &cells[j]; c.Depth == d {
				i, _ := slices.BinarySearch(ctxs, c.Ctx)
				values[i] = value(c) / float64(c.N)
				notes[i] = fmt.Sprintf("%.3g/%d", value(c), c.N)
			}
		}
		m.Values, m.Notes = append(m.Values, values), append(m.Notes, notes)
	}
	return m
}
