// Command peer compares the engine with llama.cpp on the same machine and the same
// file: it runs both in turn, A B B A, and reports the ratio of each such unit, their
// median and an interval. Absolute figures stand beside the ratios and are never
// compared across runs.
//
//	go run ./bench/peer -peer DIR -m model.gguf -rows pp512,tg128,pp512@8000,ttft500 -t 1,2
//	go run ./bench/peer -build DIR -m model.gguf           # builds llama.cpp in DIR first
//	go run ./bench/peer -report results.jsonl              # prints the table again
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"kvasir/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.As(err, new(usageError)):
		fmt.Fprintf(os.Stderr, "peer: %v\n", err)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "peer: %v\n", err)
		os.Exit(1)
	}
}

// usageError marks an error in how the command was called.
type usageError struct{ error }

// config is the command line, read and checked.
type config struct {
	peer, build, isa string
	infer            string
	inferArgs        []string // more flags of `infer bench` and `infer run`
	level            string
	models           []string
	rows             []row
	threads          []int
	units            int
	reps             int
	retries          int
	wait             time.Duration
	fa               []string
	seed             uint64
	out, report      string
	command          string
}

// splitList reads a comma-separated list; "" is none.
func splitList(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func parse(args []string, errw io.Writer) (*config, error) {
	c := &config{command: "go run ./bench/peer " + strings.Join(args, " ")}
	fs := flag.NewFlagSet("peer", flag.ContinueOnError)
	fs.SetOutput(errw)
	fs.StringVar(&c.peer, "peer", "", "folder that holds llama-bench, or a llama.cpp tree that was built in build/")
	fs.StringVar(&c.build, "build", "", "build llama.cpp in this folder unless it is there, and use it (bash, python3 with pip, cmake, ninja and g++ are needed)")
	fs.StringVar(&c.isa, "isa", "native", "with -build: native, or avx2 for a build without AVX-512")
	fs.StringVar(&c.infer, "infer", "", "the infer binary; default: built from this tree")
	inferArgs := fs.String("infer-args", "", "more flags for infer, by spaces")
	fs.StringVar(&c.level, "level", "", "CPU level of our kernels (KVASIR_CPU); default: the best")
	models := fs.String("m", "", "model files, by comma")
	rows := fs.String("rows", "pp512,tg128,ttft500", "what to measure: ppN, tgN, tgNxSTREAMS, each with @DEPTH, and ttftN (start to first token of a prompt of N tokens)")
	threads := fs.String("t", "2", "thread counts, by comma")
	fs.IntVar(&c.units, "pairs", 5, "units A B B A per row")
	fs.IntVar(&c.reps, "r", 3, "repetitions within a leg (1 for rows of 2048 tokens and more)")
	fs.IntVar(&c.retries, "retries", 3, "times that a unit is repeated when the machine was not quiet; then it is kept and marked")
	fs.DurationVar(&c.wait, "wait", time.Minute, "longest wait for a quiet machine before a unit")
	fa := fs.String("fa", "best", "flash attention of the peer: best, 0 or 1")
	fs.Uint64Var(&c.seed, "seed", 1, "seed of the order of the units")
	fs.StringVar(&c.out, "o", "", "write OUT.jsonl as rows are done, and OUT.md at the end")
	fs.StringVar(&c.report, "report", "", "print the table of a .jsonl file and do nothing else")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, usageError{err}
	}
	c.inferArgs, c.models = strings.Fields(*inferArgs), splitList(*models)
	if fs.NArg() > 0 {
		return nil, usageError{fmt.Errorf("unexpected argument %q", fs.Arg(0))}
	}
	if c.report != "" {
		return c, nil
	}
	return c, c.check(*rows, *threads, *fa)
}

// check reads the lists and looks for what is missing.
func (c *config) check(rows, threads, fa string) (err error) {
	for _, text := range splitList(rows) {
		r, err := parseRow(text)
		if err != nil {
			return usageError{err}
		}
		c.rows = append(c.rows, r)
	}
	if c.threads, err = bench.ParseInts(threads, 1024); err != nil {
		return usageError{fmt.Errorf("-t: %w", err)}
	}
	switch fa {
	case "best":
		c.fa = []string{"0", "1"}
	case "0", "1":
		c.fa = []string{fa}
	default:
		return usageError{fmt.Errorf("-fa %q: want best, 0 or 1", fa)}
	}
	switch {
	case (c.peer == "") == (c.build == ""):
		return usageError{errors.New("give the peer with -peer DIR or build it with -build DIR")}
	case c.isa != "native" && c.isa != "avx2":
		return usageError{fmt.Errorf("-isa %q: want native or avx2", c.isa)}
	case len(c.models) == 0:
		return usageError{errors.New("no model: give files with -m")}
	case len(c.rows) == 0:
		return usageError{errors.New("no rows")}
	case c.units < 1 || c.reps < 1 || c.retries < 0 || c.wait < 0:
		return usageError{errors.New("-pairs and -r must be at least 1, -retries and -wait at least 0")}
	}
	for _, n := range c.threads {
		if n < 1 {
			return usageError{errors.New("-t: must be at least 1")}
		}
	}
	return nil
}

func run(ctx context.Context, args []string, out, errw io.Writer) error {
	c, err := parse(args, errw)
	if err != nil {
		return err
	}
	if c.report != "" {
		f, err := os.Open(c.report)
		if err != nil {
			return err
		}
		defer f.Close()
		rep, err := readReport(f)
		if err != nil {
			return fmt.Errorf("%s: %w", c.report, err)
		}
		return rep.markdown(out)
	}
	b, err := prepare(ctx, c, errw)
	if err != nil {
		return err
	}
	defer b.close()
	return compare(ctx, c, b, out, errw)
}

// compare runs all rows and writes what came of them.
func compare(ctx context.Context, c *config, b *binaries, out, errw io.Writer) error {
	rep := &report{Head: newHead(ctx, c, b)}
	raw := io.Discard
	if c.out != "" {
		f, err := os.Create(c.out + ".jsonl")
		if err != nil {
			return err
		}
		defer f.Close()
		raw = f
	}
	if err := writeLine(raw, rep.Head); err != nil {
		return err
	}
	p := &pairing{c: c, b: b, log: errw, machine: newMachine(), leg: runLeg}
	for _, model := range c.models {
		for _, r := range c.rows {
			for _, threads := range c.threads {
				res, err := p.row(ctx, model, r, threads)
				if err != nil {
					return fmt.Errorf("%s %s, %d threads: %w", model, r, threads, err)
				}
				rep.Rows = append(rep.Rows, res)
				if err := writeLine(raw, res); err != nil {
					return err
				}
			}
		}
	}
	if c.out != "" {
		f, err := os.Create(c.out + ".md")
		if err != nil {
			return err
		}
		if err := errors.Join(rep.markdown(f), f.Close()); err != nil {
			return err
		}
	}
	return rep.markdown(out)
}
