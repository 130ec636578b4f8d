package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"kvasir"
	"kvasir/internal/eval"
)

func (a *app) perplexityCommand() *cobra.Command {
	m := &modelFlags{}
	var file string
	var chunks int
	var parseSpecial, asJSON bool
	cmd := &cobra.Command{
		Use:   "perplexity -f FILE",
		Short: "Score a text as llama-perplexity does",
		Long: `Cut a text into chunks of --ctx tokens (512), evaluate each on an empty cache
and score the second half of each, as llama-perplexity does. The running value
after each chunk goes to standard error.`,
		Args: exactArgs(0, "no arguments, its text comes with -f"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case file == "":
				return usagef("no text: give it with -f FILE")
			case chunks < 0:
				return usagef("--chunks %d: must not be negative", chunks)
			}
			b, err := a.readFile(file)
			if err != nil {
				return err
			}
			if m.opts.Context == 0 {
				m.opts.Context = 512
			}
			eng, err := a.open(cmd.Context(), m)
			if err != nil {
				return err
			}
			defer eng.Close()
			o := eval.PerplexityOptions{Window: m.opts.Context, Chunks: chunks, BOS: -1}
			if bos, add := eng.Tokenizer().BOS(); add {
				o.BOS = bos
			}
			tokens := eng.Tokenizer().Encode(string(b), kvasir.EncodeOptions{AddSpecial: true, ParseSpecial: parseSpecial})
			o.Progress = func(c, _ int, v float64) { fmt.Fprintf(a.err, "[%d]%.4f,", c, v) }
			r, err := eval.Perplexity(cmd.Context(), eng, tokens, o)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.err)
			if asJSON {
				return json.NewEncoder(a.out).Encode(r)
			}
			_, err = fmt.Fprintf(a.out, "perplexity %.4f ± %.5f  (%d chunks of %d, %d of %d tokens scored)\n",
				r.PPL, r.StdErr, r.Chunks, r.Window, r.Scored, r.TokensTotal)
			return err
		},
	}
	m.bind(cmd)
	fl := cmd.Flags()
	fl.StringVarP(&file, "file", "f", "", "text to score (- = standard input)")
	fl.IntVar(&chunks, "chunks", 0, "score only the first chunks; 0 = all")
	fl.BoolVar(&parseSpecial, "parse-special", false, "recognize special tokens in the text")
	fl.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (a *app) evalCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure a model",
		Args:  subcommandOnly,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.evalKVCommand(), a.evalNeedleCommand(), a.evalMemoryCommand(), a.evalLogitsCommand())
	return cmd
}

// logitsFlags are the flags of `infer eval logits`.
type logitsFlags struct {
	model     modelFlags
	ids, file string
	top       int
	greedy    int
	json      bool
}

func (a *app) evalLogitsCommand() *cobra.Command {
	f := &logitsFlags{}
	cmd := &cobra.Command{
		Use:   "logits (--ids FILE | --file FILE)",
		Short: "Record the logits of a text",
		Long: `Evaluate a text, or token ids, and print for each position the loss of the next
token and the most likely tokens, then a greedy continuation with the margin
between the best two logits at each step.`,
		Args: exactArgs(0, "no arguments, its input comes with --ids or --file"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.evalLogits(cmd, f) },
	}
	f.model.bind(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.ids, "ids", "", "file of token ids")
	fl.StringVar(&f.file, "file", "", "file of text; special tokens in it count (- = standard input)")
	fl.IntVar(&f.top, "top", 8, "tokens listed at each position")
	fl.IntVar(&f.greedy, "greedy", 0, "steps of greedy continuation")
	fl.BoolVar(&f.json, "json", false, "print the whole record as JSON")
	return cmd
}

func (a *app) evalLogits(cmd *cobra.Command, f *logitsFlags) error {
	if (f.ids == "") == (f.file == "") {
		return usagef("give either --ids FILE or --file FILE")
	}
	if f.top < 1 || f.greedy < 0 {
		return usagef("--top %d and --greedy %d: must be at least 1 and 0", f.top, f.greedy)
	}
	tokens, err := a.logitsInput(cmd, f)
	if err != nil {
		return err
	}
	if f.model.opts.Context == 0 { // as the reference: room for the text, in whole 256s
		f.model.opts.Context = (len(tokens) + f.greedy + 64 + 255) / 256 * 256
	}
	eng, err := a.open(cmd.Context(), &f.model)
	if err != nil {
		return err
	}
	defer eng.Close()
	r, err := eval.NewRecord(cmd.Context(), eng, tokens, f.top, f.greedy)
	if err != nil {
		return err
	}
	if f.json {
		return r.WriteJSON(a.out)
	}
	fmt.Fprintf(a.out, "%d positions, mean nll %.6f, perplexity %.4f\n", len(r.Positions), r.MeanNLL, math.Exp(r.MeanNLL))
	if f.greedy > 0 {
		fmt.Fprintf(a.out, "greedy: %s\n", strings.TrimRight(r.Text, "\n"))
	}
	return nil
}

// logitsInput reads the ids, or tokenizes the text with the model's vocabulary.
func (a *app) logitsInput(cmd *cobra.Command, f *logitsFlags) ([]int32, error) {
	path := f.ids
	if path == "" {
		path = f.file
	}
	b, err := a.readFile(path)
	if err != nil {
		return nil, err
	}
	if f.ids != "" {
		return parseIDs(string(b))
	}
	var v kvasir.Tokenizer
	if v, err = a.vocabulary(cmd.Context(), f.model.ref); err != nil {
		return nil, err
	}
	return v.Encode(string(b), kvasir.EncodeOptions{AddSpecial: true, ParseSpecial: true}), nil
}
