package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kvasir"
	"kvasir/internal/eval"
	"kvasir/internal/eval/plot"
)

// kvFlags are the flags of `infer eval kv`.
type kvFlags struct {
	settingFlags
	file string
	o    eval.KVOptions
}

// kvLine is a line of its JSON.
type kvLine struct {
	eval.KVResult
	evalHead
}

func (a *app) evalKVCommand() *cobra.Command {
	f := &kvFlags{}
	cmd := &cobra.Command{
		Use:   "kv -f FILE --kv POLICY:bytes=1/4",
		Short: "What a cache setting costs in bytes and quality",
		Long: `Compare cache settings with the dense cache on a text: bytes, perplexity,
Kullback-Leibler divergence of the next-token distributions (nats, over the
whole vocabulary) and agreement of the most likely token. The text is cut into
windows of --ctx tokens.

  after        the window's prompt is computed and compressed; its last --tail
               tokens are then fed one by one and scored
  continuous   the window is fed token by token, and the setting holds its
               budget from the start; scored from --from on

All settings go through a window together; the dense cache is computed once.
bytes=1/4 finds the largest budget whose measured bytes after the prompt do not
exceed a quarter of the dense cache's.`,
		Example: `  infer eval kv -f text.txt --kv sinks:bytes=1/4 --kv snapkv:bytes=1/4 --ctx 3200 --tail 200
  infer eval kv -f text.txt --mode continuous --kv lacache:budget=512 --ctx 6000 --windows 2
  infer eval kv -f text.txt --kv-type q8_0,q4_0 --json`,
		Args: exactArgs(0, "no arguments, its text comes with -f"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.evalKV(cmd, f) },
	}
	f.bind(cmd, true)
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "file", "f", "", "text (- = standard input)")
	fl.IntVar(&f.o.Ctx, "ctx", 2048, "tokens of a window")
	fl.IntVar(&f.o.Tail, "tail", 0, "tokens scored at the end of a window (after); 0 = an eighth")
	fl.IntVar(&f.o.From, "from", 0, "first scored token of a window (continuous); 0 = the middle")
	fl.IntVar(&f.o.Windows, "windows", 0, "at most so many windows; 0 = all of the text")
	fl.StringVar(&f.o.Mode, "mode", eval.After, "after or continuous")
	fl.IntVar(&f.o.Step, "step", 1, "tokens fed at a time")
	return cmd
}

func (a *app) evalKV(cmd *cobra.Command, f *kvFlags) error {
	if f.file == "" {
		return usagef("no text: give it with -f FILE")
	}
	if f.o.Ctx < 0 || f.o.Tail < 0 || f.o.From < 0 || f.o.Windows < 0 || f.o.Step < 1 {
		return usagef("--ctx %d, --tail %d, --from %d, --windows %d: must not be negative, --step %d: at least 1",
			f.o.Ctx, f.o.Tail, f.o.From, f.o.Windows, f.o.Step)
	}
	settings, err := f.settings()
	if err != nil {
		return err
	}
	text, err := a.readFile(f.file)
	if err != nil {
		return err
	}
	r, err := a.runner(cmd, &f.settingFlags, f.o.Ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	eng, err := r.Base()
	if err != nil {
		return err
	}
	f.o.BOS = -1
	if bos, add := eng.Tokenizer().BOS(); add {
		f.o.BOS = bos
	}
	tokens := eng.Tokenizer().Encode(string(text), kvasir.EncodeOptions{AddSpecial: true})
	f.o.Progress = func(w, all int, res []eval.KVResult) {
		fmt.Fprintf(a.err, "window %d of %d:", w, all)
		for _, k := range res {
			fmt.Fprintf(a.err, " %.4f", k.KLMean)
		}
		fmt.Fprintln(a.err)
	}
	res, err := r.KV(cmd.Context(), tokens, settings, f.o)
	if err != nil {
		return settingError(err)
	}
	if err := f.draw(kvChart(res)); err != nil {
		return err
	}
	if !f.json {
		return kvTable(a.out, res)
	}
	lines := make([]kvLine, len(res))
	head := newEvalHead(&f.settingFlags, eng, text)
	for i := range res {
		lines[i] = kvLine{res[i], head}
	}
	return writeLines(a.out, lines)
}

// kvTable prints a row a setting. Ratios are to sinks at the same bytes or budget,
// where they were measured.
func kvTable(out io.Writer, res []eval.KVResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "setting\tstorage\tattention\tbytes\tratio\tppl\tKL mean\t95 %\tKL p99\ttop-1\tof sinks\tbetter on")
	for i := range res {
		r := &res[i]
		ci := "one window"
		if r.KLMeanCI != nil {
			ci = fmt.Sprintf("%.4f–%.4f", r.KLMeanCI[0], r.KLMeanCI[1])
		}
		of, wins := "", ""
		if b := eval.Baseline(res, i); b != nil {
			n, all := r.Wins(b)
			of, wins = fmt.Sprintf("%.2f", r.KLMean/b.KLMean), fmt.Sprintf("%d of %d", n, all)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.3f\t%.3f\t%.4f\t%s\t%.3f\t%.1f %%\t%s\t%s\n",
			r.KV, r.KVType, r.Attention, size(r.Bytes), r.Ratio, r.PPL, r.KLMean, ci, r.KLP99, 100*r.Top1Agree, of, wins)
	}
	if len(res) > 0 {
		r := &res[0]
		plural := "s"
		if r.Windows == 1 {
			plural = ""
		}
		fmt.Fprintf(w, "\ndense: perplexity %.3f, %s; %d window%s of %d tokens (%s), %d scored\n",
			r.PPLDense, size(r.BytesDense), r.Windows, plural, r.Ctx, r.Mode, r.Scored)
	}
	return w.Flush()
}

// size prints bytes as people read them.
func size(b int64) string {
	switch {
	case b >= 1<<30:
		return fmt.Sprintf("%.2f GiB", float64(b)/(1<<30))
	case b >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(b)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(b)/(1<<10))
}

// kvChart draws quality by bytes, one line a policy and storage type.
func kvChart(res []eval.KVResult) *plot.Curves {
	c := &plot.Curves{
		Title:  "Quality by bytes of the cache",
		XLabel: "bytes as a share of the dense cache", YLabel: "KL to the dense cache, nats a token", LogX: true, LogY: true,
	}
	at := map[string]int{}
	for _, r := range res {
		name := r.Policy
		if r.KVType != eval.DefaultType {
			name += " " + r.KVType
		}
		if r.Attention != "dense" {
			name += " " + r.Attention
		}
		i, ok := at[name]
		if !ok {
			i = len(c.Series)
			at[name] = i
			c.Series = append(c.Series, plot.Series{Name: name})
		}
		p := plot.Point{X: r.Ratio, Y: r.KLMean}
		if r.KLMeanCI != nil {
			p.Lo, p.Hi = r.KLMeanCI[0], r.KLMeanCI[1]
		}
		if r.Budget > 0 {
			p.Label = fmt.Sprint(r.Budget)
		}
		c.Series[i].Points = append(c.Series[i].Points, p)
	}
	return c
}
