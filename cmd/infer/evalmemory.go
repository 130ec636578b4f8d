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

// memoryFlags are the flags of `infer eval memory`.
type memoryFlags struct {
	settingFlags
	file string
	ctx  int
	o    eval.MemoryOptions
}

// memoryLine is a line of its JSON.
type memoryLine struct {
	eval.MemoryResult
	Ctx int `json:"ctx"`
	evalHead
}

func (a *app) evalMemoryCommand() *cobra.Command {
	f := &memoryFlags{}
	cmd := &cobra.Command{
		Use:   "memory",
		Short: "Where memory goes while a text grows",
		Long: `Feed a text token by token, round and round, and record from time to time how many
bytes the weights, the cache and everything else take, what the operating system
counts, and the speed since the sample before. Each setting runs by itself. A
setting whose context is full ends early, and the record says so.`,
		Example: `  infer eval memory --ctx 8192 --tokens 100000 --every 1000 --kv lacache:budget=2048
  infer eval memory --tokens 4000 --kv dense --kv sinks:budget=512 --plot memory.svg`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.evalMemory(cmd, f) },
	}
	f.bind(cmd, false)
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "file", "f", "", "text (- = standard input); default: generated prose")
	fl.IntVar(&f.ctx, "ctx", 0, "context of the engine; 0 = --tokens")
	fl.IntVar(&f.o.Prompt, "prompt", 0, "tokens that are a prompt")
	fl.IntVar(&f.o.Tokens, "tokens", 2048, "tokens all together")
	fl.IntVar(&f.o.Every, "every", 128, "tokens between samples")
	return cmd
}

func (a *app) evalMemory(cmd *cobra.Command, f *memoryFlags) error {
	settings, err := f.settings()
	if err != nil {
		return err
	}
	if f.ctx == 0 {
		f.ctx = max(f.o.Tokens, 1)
	}
	var text []byte
	if f.file != "" {
		if text, err = a.readFile(f.file); err != nil {
			return err
		}
	}
	r, err := a.runner(cmd, &f.settingFlags, f.ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	eng, err := r.Base()
	if err != nil {
		return err
	}
	head := newEvalHead(&f.settingFlags, eng, text)
	tokens := eng.Tokenizer().Encode(string(text), kvasir.EncodeOptions{})
	if f.file == "" {
		if tokens, err = eval.Text(eng, min(f.o.Tokens, 20000), 1); err != nil {
			return err
		}
	}
	f.o.Progress = func(s *eval.Setting, m eval.MemorySample) {
		fmt.Fprintf(a.err, "\r%s: %d tokens, cache %s ", s, m.Tokens, size(m.KV))
	}
	res, err := r.Memory(cmd.Context(), tokens, settings, f.o)
	if err != nil {
		return settingError(err)
	}
	fmt.Fprintln(a.err)
	if err := f.draw(memoryChart(res)); err != nil {
		return err
	}
	if !f.json {
		return memoryTable(a.out, res)
	}
	lines := make([]memoryLine, len(res))
	for i := range res {
		lines[i] = memoryLine{res[i], f.ctx, head}
	}
	return writeLines(a.out, lines)
}

func memoryTable(out io.Writer, res []eval.MemoryResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "setting\tstorage\ttokens\tweights\tcache\tother\tresident\ttokens/s")
	for i := range res {
		r := &res[i]
		for _, s := range r.Series {
			speed := ""
			if s.TokensPerSecond > 0 {
				speed = fmt.Sprintf("%.1f", s.TokensPerSecond)
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n",
				r.KV, r.KVType, s.Tokens, size(s.Weights), size(s.KV), size(s.Other), size(s.RSS), speed)
		}
		if r.Ended != "" {
			fmt.Fprintf(w, "%s\t%s\tended: %s\n", r.KV, r.KVType, r.Ended)
		}
	}
	return w.Flush()
}

// memoryChart draws the bytes of the cache over time, one line a setting.
func memoryChart(res []eval.MemoryResult) *plot.Curves {
	c := &plot.Curves{Title: "Memory of the cache over time", XLabel: "tokens", YLabel: "MiB"}
	for i := range res {
		r := &res[i]
		s := plot.Series{Name: r.KV}
		if r.KVType != eval.DefaultType {
			s.Name += " " + r.KVType
		}
		for _, m := range r.Series {
			s.Points = append(s.Points, plot.Point{X: float64(m.Tokens), Y: float64(m.KV) / (1 << 20)})
		}
		c.Series = append(c.Series, s)
	}
	return c
}
