package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"kvasir"
)

func (a *app) scoreCommand() *cobra.Command {
	f := &runFlags{raw: true}
	var options []string
	cmd := &cobra.Command{
		Use:   "score [TEXT]",
		Short: "Say how likely a text is: log-probability of each token, perplexity",
		Long: `Score the tokens of a text by the model, or with --option the given texts as
continuations of it.`,
		Example: `  infer score "The sky is blue."
  infer score "The sky is" --option " blue" --option " green"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.prompt(f, args)
			if err != nil {
				return err
			}
			eng, err := a.open(cmd.Context(), &f.model)
			if err != nil {
				return err
			}
			defer eng.Close()
			if len(options) > 0 {
				scores, err := eng.Compare(cmd.Context(), kvasir.Text(text), options)
				if err != nil {
					return err
				}
				return a.printOptions(f, scores)
			}
			toks, err := eng.Encode(kvasir.Text(text))
			if err != nil {
				return err
			}
			scores, err := eng.Score(cmd.Context(), toks, 0)
			if err != nil {
				return err
			}
			return a.printScores(f, eng.Tokenizer(), scores)
		},
	}
	f.model.bind(cmd)
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "file", "f", "", "read the text from a file (- = standard input)")
	fl.StringArrayVar(&options, "option", nil, "score this continuation of the text (may be repeated)")
	fl.BoolVar(&f.json, "json", false, "print one JSON object")
	return cmd
}

func (a *app) printScores(f *runFlags, v kvasir.Tokenizer, scores []kvasir.PromptScore) error {
	ppl, n := kvasir.Perplexity(scores)
	if n == 0 {
		return usagef("the text has one token, which nothing stands before: there is no score")
	}
	if f.json {
		type token struct {
			ID      int32   `json:"id"`
			Text    string  `json:"text"`
			Logprob float64 `json:"logprob"`
		}
		list := []token{}
		for _, s := range scores[1:] {
			list = append(list, token{s.ID, v.Piece(s.ID), s.Logprob})
		}
		return json.NewEncoder(a.out).Encode(map[string]any{"tokens": list, "perplexity": ppl, "logprob": -math.Log(ppl) * float64(n)})
	}
	var b strings.Builder
	for _, s := range scores[1:] {
		fmt.Fprintf(&b, "%10.4f  %q\n", s.Logprob, v.Piece(s.ID))
	}
	fmt.Fprintf(&b, "perplexity %.4f over %d tokens\n", ppl, n)
	_, err := fmt.Fprint(a.out, b.String())
	return err
}

func (a *app) printOptions(f *runFlags, scores []kvasir.OptionScore) error {
	if f.json {
		return json.NewEncoder(a.out).Encode(map[string]any{"options": scores})
	}
	for _, s := range scores {
		if _, err := fmt.Fprintf(a.out, "%10.4f  %6.2f %%  %q\n", s.Logprob, 100*s.Share, s.Text); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) chunkCommand() *cobra.Command {
	f := &runFlags{raw: true}
	var o kvasir.ChunkOptions
	cmd := &cobra.Command{
		Use:   "chunk [TEXT]",
		Short: "Cut a document into passages where the model sees borders",
		Long: `Cut a document into passages at sentence borders (Meta-Chunking). Mode perplexity
ends a passage at a sentence that is easier to foresee than its neighbours; mode
margin asks the model, sentence by sentence, whether to go on. The passages together
are the document, byte by byte.`,
		Example: `  infer chunk -f report.txt --words 120
  infer chunk -f report.txt --mode margin --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.prompt(f, args)
			if err != nil {
				return err
			}
			eng, err := a.open(cmd.Context(), &f.model)
			if err != nil {
				return err
			}
			defer eng.Close()
			parts, err := eng.Chunk(cmd.Context(), text, o)
			if err != nil {
				return err
			}
			if f.json {
				return json.NewEncoder(a.out).Encode(map[string]any{"passages": parts})
			}
			for i, p := range parts {
				if _, err := fmt.Fprintf(a.out, "--- %d: bytes %d to %d\n%s\n", i+1, p.From, p.To, strings.TrimSpace(p.Text)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f.model.bind(cmd)
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "file", "f", "", "read the document from a file (- = standard input)")
	fl.StringVar(&o.Mode, "mode", "perplexity", "perplexity or margin")
	fl.Float64Var(&o.Threshold, "threshold", 0, "mode perplexity: how much easier than a neighbour, in nats")
	fl.IntVar(&o.Words, "words", 0, "join neighbouring passages up to this many words; 0 = do not")
	fl.BoolVar(&f.json, "json", false, "print one JSON object")
	return cmd
}
