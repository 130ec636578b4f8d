package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"kvasir"
	"kvasir/internal/repl"
)

// chats reports whether `infer run` is a chat: nobody gave a prompt and
// somebody sits at a terminal.
func (a *app) chats(f *runFlags, args []string) bool {
	return len(args) == 0 && f.file == "" && !f.raw && !f.json && isTerminal(a.in) && isTerminal(a.out)
}

// chat talks with a model in the terminal.
func (a *app) chat(ctx context.Context, f *runFlags) error {
	o := kvasir.GenerateOptions{MaxTokens: f.max, Sampling: f.sampling, Stop: f.stop}
	if err := o.Validate(); err != nil {
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
	c := repl.Config{
		Engine: eng, Model: eng.Info().Name, System: f.system, Template: f.template, Options: o, Stats: f.stats,
		Session: kvasir.SessionOptions{KV: f.model.opts.KV},
	}
	if c.Model == "" {
		c.Model = f.model.ref
	}
	if f.noThink {
		c.Thinking = new(bool)
	}
	if !f.noHistory {
		if c.History, err = repl.OpenHistory(historyPath()); err != nil {
			fmt.Fprintln(a.err, err)
		}
	}
	done, err := a.terminal(ctx, &c)
	if err != nil {
		return err
	}
	defer done()
	return repl.Run(ctx, c)
}

// terminal chooses how to talk and makes the tty raw; done puts it back, also
// when ctx ends while a read is under way.
func (a *app) terminal(ctx context.Context, c *repl.Config) (done func(), err error) {
	in, out := a.in.(*os.File), a.out.(*os.File)
	if os.Getenv("TERM") == "dumb" {
		c.Terminal = repl.NewPlain(in, out)
		return func() {}, nil
	}
	old, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	restore := func() {
		_ = term.Restore(int(in.Fd()), old) // nothing could be done about it
	}
	stop := context.AfterFunc(ctx, func() {
		restore()
		os.Exit(exitInterrupted) // a read of the terminal cannot be interrupted
	})
	size := func() (int, int) {
		w, h, err := term.GetSize(int(out.Fd()))
		if err != nil {
			return 0, 0
		}
		return w, h
	}
	var w io.Writer = out
	c.Terminal = repl.NewTTY(in, w, c.History, os.Getenv("NO_COLOR") == "", size)
	return func() {
		stop()
		restore()
	}, nil
}

// historyPath is where messages are remembered.
func historyPath() string {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "infer", "history")
	}
	if dir, err := os.UserConfigDir(); err == nil {
		return filepath.Join(dir, "infer", "history")
	}
	return filepath.Join(os.TempDir(), "infer-history")
}
