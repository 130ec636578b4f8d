package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvasir"
)

// runFlags are the flags of `infer run`.
type runFlags struct {
	model    modelFlags
	sampling kvasir.Sampling
	spec     kvasir.SpeculationOptions
	limit    constraintFlags
	file     string
	system   string
	template string
	raw      bool
	max      int
	stop     []string
	stats    bool
	json     bool
	noThink  bool
	session  string

	noHistory bool
}

func (a *app) runCommand() *cobra.Command {
	f := &runFlags{sampling: kvasir.DefaultSampling()}
	cmd := &cobra.Command{
		Use:   "run [PROMPT]",
		Short: "Chat, or generate text from a prompt",
		Long: `Chat in the terminal, or generate text from a prompt given as arguments, in a
file (-f) or on standard input. The prompt is put into the model's chat template unless --raw is given.
Ctrl-C stops within a token and keeps what was printed.

` + policyHelp(),
		Example: `  infer run "Why is the sky blue?"
  infer run --raw -n 64 --temp 0 "Once upon a time"
  echo "Summarize: ..." | infer run -m model.gguf --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.chats(f, args) {
				return a.chat(cmd.Context(), f)
			}
			prompt, err := a.prompt(f, args)
			if err != nil {
				return err
			}
			return a.generate(cmd.Context(), f, prompt)
		},
	}
	f.model.bind(cmd)
	bindFlags(cmd.Flags(), &f.sampling)
	bindFlags(cmd.Flags(), &f.spec)
	f.limit.bind(cmd.Flags())
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "file", "f", "", "read the prompt from a file (- = standard input)")
	fl.StringVar(&f.system, "system", "", "system message")
	fl.StringVar(&f.template, "template", "", "chat template: a built-in name or a file; default: the model's own")
	fl.BoolVar(&f.raw, "raw", false, "continue the prompt as plain text, without a chat template")
	fl.IntVarP(&f.max, "max-tokens", "n", 0, "most tokens to generate; 0 = until the model ends or the context is full")
	fl.StringArrayVar(&f.stop, "stop", nil, "end before this string (may be repeated)")
	fl.StringVar(&f.session, "session", "", "go on with the session in this file, if it exists, and save it there at the end")
	fl.BoolVar(&f.stats, "stats", false, "print speed and memory at the end")
	fl.BoolVar(&f.json, "json", false, "print one JSON object instead of text")
	fl.BoolVar(&f.noHistory, "no-history", false, "do not remember the messages of chats")
	fl.BoolVar(&f.noThink, "no-think", false, "ask a reasoning model not to think first")
	return cmd
}

// prompt gathers the prompt from arguments, file or standard input.
func (a *app) prompt(f *runFlags, args []string) (string, error) {
	switch {
	case f.file != "" && len(args) > 0:
		return "", usagef("give the prompt as arguments or with -f, not both")
	case f.raw && (f.system != "" || f.template != ""):
		return "", usagef("--raw uses no chat template: --system and --template do not apply")
	case len(args) > 0:
		return checked(strings.Join(args, " "))
	}
	path := f.file
	if path == "" {
		if isTerminal(a.in) {
			return "", usagef("no prompt: give it as an argument, with -f FILE, or on standard input")
		}
		path = "-"
	}
	b, err := a.readFile(path)
	if err != nil {
		return "", err
	}
	if f.raw {
		return checked(string(b))
	}
	return checked(strings.TrimSpace(string(b))) // files end with a newline that nobody means
}

// checked refuses a prompt without text.
func checked(text string) (string, error) {
	if text == "" {
		return "", usagef("the prompt is empty")
	}
	return text, nil
}

// result is what `run --json` prints.
type result struct {
	Text         string   `json:"text"`
	Tokens       []int32  `json:"tokens"`
	PromptTokens int      `json:"prompt_tokens"`
	Finish       string   `json:"finish"`
	Complete     *bool    `json:"complete,omitempty"` // of a constraint
	Forced       int      `json:"forced_tokens,omitempty"`
	Seed         uint64   `json:"seed"`
	Stats        runStats `json:"stats"`
}

func (a *app) generate(ctx context.Context, f *runFlags, prompt string) error {
	started := time.Now()
	// The seed is fixed here so that it can be reported.
	f.sampling.Seed = f.sampling.Seed.Resolve()
	seed, _ := f.sampling.Seed.Value()
	o := kvasir.GenerateOptions{MaxTokens: f.max, Sampling: f.sampling, Stop: f.stop}
	if err := errors.Join(o.Validate(), checkSpeculation(f.spec)); err != nil {
		return usageError{err}
	}
	var err error
	if o.Constraint, err = a.constraint(&f.limit); err != nil {
		return err
	}
	eng, err := a.open(ctx, &f.model)
	if err != nil {
		return err
	}
	defer eng.Close()
	if o.Speculation, err = a.speculation(ctx, eng, f.spec); err != nil {
		return err
	}
	defer closeSpeculation(o.Speculation)
	s, err := openSession(eng, f.session)
	if err != nil {
		return err
	}
	defer s.Close()
	had := s.Len()
	p, err := f.encode(eng, prompt)
	if err != nil {
		return err
	}
	r := &result{Seed: seed, Tokens: []int32{}}
	r.Stats.start(started)
	err = a.stream(ctx, f.json, s, p, o, r)
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	r.PromptTokens = s.Len() - len(r.Tokens) - had
	if f.session != "" {
		if serr := s.Save(f.session); serr != nil {
			return serr
		}
	}
	r.Stats.finish(eng, r.PromptTokens, len(r.Tokens))
	r.Stats.Cache = s.CacheStats()
	r.Stats.speculated(f.spec, o.Speculation)
	if err != nil {
		r.Finish = "interrupted"
	}
	if werr := a.report(f, r); werr != nil {
		return werr
	}
	return err
}

// encode makes the prompt of the session.
func (f *runFlags) encode(eng *kvasir.Engine, prompt string) (kvasir.Prompt, error) {
	if f.raw {
		return kvasir.Text(prompt), nil
	}
	r := kvasir.ChatRequest{Template: f.template}
	if f.system != "" {
		r.Messages = append(r.Messages, kvasir.Message{Role: "system", Content: f.system})
	}
	r.Messages = append(r.Messages, kvasir.Message{Role: "user", Content: prompt})
	if f.noThink {
		no := false
		r.Thinking = &no
	}
	p, err := eng.ChatPrompt(r)
	if errors.Is(err, kvasir.ErrNoTemplate) {
		return p, fmt.Errorf("%w; use --raw to continue the prompt as plain text, or --template", err)
	}
	return p, err
}

// stream prints tokens as they come, unless quiet, and keeps them in r.
func (a *app) stream(ctx context.Context, quiet bool, s *kvasir.Session, p kvasir.Prompt, o kvasir.GenerateOptions, r *result) error {
	var text strings.Builder
	var failed error
	for tok, err := range s.Generate(ctx, p, o) {
		if err != nil {
			failed = err
			break
		}
		r.Stats.token()
		r.Tokens = append(r.Tokens, tok.ID)
		r.Finish = string(tok.Finish)
		r.constrained(&o, tok)
		text.WriteString(tok.Text)
		if !quiet {
			if _, err := io.WriteString(a.out, tok.Text); err != nil {
				return fmt.Errorf("write output: %w", err)
			}
		}
	}
	r.Text = text.String()
	return failed
}

// constrained notes what a token says about the constraint.
func (r *result) constrained(o *kvasir.GenerateOptions, tok kvasir.Token) {
	if tok.Forced {
		r.Forced++
	}
	if c := o.Constraint; c.Grammar != "" || c.JSONSchema != "" || c.Regex != "" || len(c.Choices) > 0 {
		complete := tok.Finish != "" && !tok.Incomplete
		r.Complete = &complete
	}
}

// report ends the output: a newline, or the JSON object, and the statistics.
func (a *app) report(f *runFlags, r *result) error {
	if f.json {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(r)
	}
	if !strings.HasSuffix(r.Text, "\n") {
		fmt.Fprintln(a.out)
	}
	if r.Finish == string(kvasir.FinishContext) {
		fmt.Fprintln(a.err, "the context is full; open the model with a larger --ctx to go on")
	}
	if r.Complete != nil && !*r.Complete {
		fmt.Fprintln(a.err, "the text is cut off: it does not satisfy the constraint yet")
	}
	if f.stats {
		if r.Forced > 0 {
			fmt.Fprintf(a.err, "%d tokens were certain and needed no pass\n", r.Forced)
		}
		fmt.Fprint(a.err, a.dim(r.Stats.String()))
	}
	return nil
}
