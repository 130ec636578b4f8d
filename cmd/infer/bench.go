package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvasir/internal/bench"
	"kvasir/internal/bench/synth"
	"kvasir/kernels"
)

// Limits of what `infer bench` is asked for.
const (
	maxBenchTokens  = 1 << 22
	maxBenchThreads = 1024
	maxBenchReps    = 1 << 16
)

// benchArgs rewrites the short flags of llama-bench that have several letters, which
// the flag library would read as bundles of one-letter flags.
func benchArgs(args []string) []string {
	if len(args) == 0 || args[0] != "bench" {
		return args
	}
	out := slices.Clone(args)
	for i, a := range out {
		name, value, has := strings.Cut(a, "=")
		switch name {
		case "-pg", "-ctk", "-ctv":
			out[i] = "-" + name
			if has {
				out[i] += "=" + value
			}
		}
	}
	return out
}

// listFlag collects values from comma-separated lists and repeated flags.
type listFlag[T any] struct {
	to    *[]T
	usual string
	parse func(string) ([]T, error)
}

func (l *listFlag[T]) String() string { return l.usual }
func (l *listFlag[T]) Type() string   { return "list" }

func (l *listFlag[T]) Set(s string) error {
	v, err := l.parse(s)
	*l.to = append(*l.to, v...)
	return err
}

// benchFlags are the flags of `infer bench`.
type benchFlags struct {
	bench.Params
	refs, ctk, ctv []string
	output         string
	delay          int
	noRoof, quiet  bool
}

func (a *app) benchCommand() *cobra.Command {
	f := &benchFlags{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure speed, as llama-bench does",
		Long: `Measure prefill (pp) and decoding (tg) in tokens per second. Flags and JSON
names are those of llama-bench. Numbers can be lists (1,2,4), ranges
(first-last, first-last+step, first-last*factor) and repeated; every combination
is a test. Nothing is sampled; tokens are random and the same in every run.

The last column compares with the machine, measured in the same run: decoding
with the rate at which the same threads read as many bytes as a token needs,
prefill with the peak of the integer product.`,
		Example: `  infer bench -m smollm2 -p 512 -n 128 -t 1,2
  infer bench -m model.gguf -p 0 -n 64 -d 0,4096,8192 --kv-type f16,q8_0 -o jsonl
  infer bench kernels --filter gemv`,
		Args: exactArgs(0, "no arguments but flags"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.bench(cmd, f) },
	}
	f.bind(cmd)
	cmd.AddCommand(a.benchKernelsCommand(), a.benchSynthCommand())
	return cmd
}

func (f *benchFlags) bind(cmd *cobra.Command) {
	fl := cmd.Flags()
	ints := func(to *[]int, long, short, usual string, most int, usage string) {
		parse := func(s string) ([]int, error) { return bench.ParseInts(s, most) }
		fl.VarP(&listFlag[int]{to, usual, parse}, long, short, usage)
	}
	words := func(to *[]string, long, short, usual, usage string) {
		parse := func(s string) ([]string, error) { return strings.Split(s, ","), nil }
		fl.VarP(&listFlag[string]{to, usual, parse}, long, short, usage)
	}
	words(&f.refs, "model", "m", defaultModel, "models: .gguf files, names or references")
	ints(&f.Prompt, "n-prompt", "p", "512", maxBenchTokens, "tokens of prefill tests; 0 = none")
	ints(&f.Gen, "n-gen", "n", "128", maxBenchTokens, "tokens of decode tests; 0 = none")
	pair := func(s string) ([][2]int, error) {
		p, err := bench.ParsePair(s, maxBenchTokens)
		return [][2]int{p}, err
	}
	fl.Var(&listFlag[[2]int]{&f.PromptGen, "", pair}, "pg", "test of both, as pp,tg (also -pg)")
	ints(&f.Depth, "n-depth", "d", "0", maxBenchTokens, "tokens in the cache before each test")
	ints(&f.Threads, "threads", "t", "", maxBenchThreads, "threads; 0 = one per core, within the CPU quota")
	ints(&f.Batch, "batch", "b", "", maxBenchTokens, "most tokens in one pass; 0 = the engine's default")
	ints(&f.Streams, "streams", "", "1", maxBenchTokens, "sequences that decode side by side")
	words(&f.KVType, "kv-type", "", "i16", "storage of keys and values")
	words(&f.ctk, "ctk", "", "", "the same (also -ctk, --cache-type-k)")
	words(&f.ctk, "cache-type-k", "", "", "")
	words(&f.ctv, "ctv", "", "", "must equal -ctk: keys and values have one type (also -ctv, --cache-type-v)")
	words(&f.ctv, "cache-type-v", "", "", "")
	for _, hidden := range []string{"cache-type-k", "cache-type-v"} {
		fl.Lookup(hidden).Hidden = true
	}
	fl.StringArrayVar(&f.KV, "kv", nil, "cache policy (may be repeated)")
	fl.StringArrayVar(&f.Attention, "attention", nil, "attention variant (may be repeated)")
	words(&f.Precision, "precision", "", "standard", "precision of activations")
	fl.IntVarP(&f.Reps, "repetitions", "r", 5, "times that each test is repeated")
	fl.StringVarP(&f.output, "output", "o", "md", "output format: "+strings.Join(slices.Sorted(maps.Keys(bench.Formats)), ", "))
	fl.IntVar(&f.delay, "delay", 0, "seconds to wait before each test")
	fl.BoolVar(&f.SkipWarmup, "no-warmup", false, "leave out the untimed run before each test")
	fl.BoolVar(&f.noRoof, "no-roof", false, "do not measure what the machine can do")
	fl.BoolVar(&f.quiet, "quiet", false, "no progress on standard error")
}

// check fills in defaults and looks for contradictions.
func (f *benchFlags) check() error {
	if len(f.refs) == 0 {
		f.refs = []string{defaultModel}
	}
	if f.Prompt == nil {
		f.Prompt = []int{512}
	}
	if f.Gen == nil {
		f.Gen = []int{128}
	}
	if len(f.ctk) > 0 && len(f.KVType) > 0 {
		return usagef("give the cache type with --kv-type or with -ctk, not both")
	}
	if len(f.ctv) > 0 && !slices.Equal(f.ctv, f.ctk) && !slices.Equal(f.ctv, f.KVType) {
		return usagef("-ctv %s: keys and values have one type, give the same -ctk", strings.Join(f.ctv, ","))
	}
	f.KVType = append(f.KVType, f.ctk...)
	if _, ok := bench.Formats[f.output]; !ok {
		return usagef("output %q: use one of %s", f.output, strings.Join(slices.Sorted(maps.Keys(bench.Formats)), ", "))
	}
	if f.Reps < 1 || f.Reps > maxBenchReps {
		return usagef("%d repetitions: must be 1 to %d", f.Reps, maxBenchReps)
	}
	if f.delay < 0 || f.delay > maxBenchReps {
		return usagef("delay %d: must be 0 to %d", f.delay, maxBenchReps)
	}
	if slices.Contains(f.Streams, 0) {
		return usagef("0 streams: must be at least 1")
	}
	f.Delay = time.Duration(f.delay) * time.Second
	f.Models = f.refs
	if len(f.Settings()) == 0 {
		return usagef("nothing to do: all token counts are 0")
	}
	return nil
}

func (a *app) bench(cmd *cobra.Command, f *benchFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if err := kernels.LevelError(); err != nil {
		return err
	}
	ctx := cmd.Context()
	f.Models = nil
	for _, ref := range f.refs {
		path, err := a.resolve(ctx, ref)
		if err != nil {
			return err
		}
		f.Models = append(f.Models, path)
	}
	p := bench.Formats[f.output](a.out, f.Params)
	err := bench.Run(ctx, f.Params, bench.Options{
		Commit: shortCommit(), SkipRoof: f.noRoof, Emit: p.Result,
		Begin: func(h bench.Head) error {
			if busy := h.Load - 0.5; busy > 0 && !f.quiet {
				fmt.Fprintf(a.err, "load average %.1f: other programs are running\n", h.Load)
			}
			return p.Begin(h)
		},
		Progress: func(i, n int, s bench.Setting) {
			if !f.quiet && isTerminal(a.err) {
				fmt.Fprintf(a.err, "%s\n", a.dim(fmt.Sprintf("test %d of %d: %s, %s", i, n, s.Name(), s.Model)))
			}
		},
	})
	if err != nil {
		return err
	}
	return p.End()
}

// shortCommit returns the first digits of the commit that was built, "" when unknown.
func shortCommit() string {
	c := currentVersion().Commit
	return c[:min(len(c), 8)]
}

// synthFlags are the flags of `infer bench synth`.
type synthFlags struct {
	shape, typ, out, name string
	seed                  uint64
}

func (a *app) benchSynthCommand() *cobra.Command {
	f := &synthFlags{}
	cmd := &cobra.Command{
		Use:   "synth -o FILE",
		Short: "Write a model file with random weights",
		Long: fmt.Sprintf(`Write a llama model of any shape and weight format with random weights and a
byte-level vocabulary, to measure speed without the real weights.

Shapes: %s. NAME:key=value,… changes sizes: layers, embed, ffn, heads,
kv-heads, head-dim, vocab, ctx, tied.
Types: %s.`, strings.Join(synth.ShapeNames(), ", "), strings.Join(synth.MixtureNames(), " ")),
		Example: `  infer bench synth --shape 1b --type Q4_K_M -o 1b-q4_k_m.gguf
  infer bench synth --shape 1b:layers=4,vocab=32000 --type Q8_0 -o small.gguf`,
		Args: exactArgs(0, "no arguments but flags"),
		RunE: func(*cobra.Command, []string) error { return a.synth(f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.shape, "shape", "1b", "shape of the model")
	fl.StringVar(&f.typ, "type", "Q4_K_M", "weight format or mixture")
	fl.StringVarP(&f.out, "output", "o", "", "file to write")
	fl.StringVar(&f.name, "name", "", "name in the file's metadata")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of the weights")
	return cmd
}

func (a *app) synth(f *synthFlags) error {
	if f.out == "" {
		return usagef("no file to write: give it with -o FILE")
	}
	shape, err := synth.ParseShape(f.shape)
	if err != nil {
		return usageError{err}
	}
	if _, err := synth.LookupMixture(f.typ); err != nil {
		return usageError{err}
	}
	if f.name == "" {
		f.name = fmt.Sprintf("random llama %s %s", f.shape, strings.ToUpper(f.typ))
	}
	began := time.Now()
	info, err := synth.WriteFile(f.out, synth.Spec{Shape: shape, Type: f.typ, Seed: f.seed, Name: f.name})
	if err != nil {
		return err
	}
	size := info.TensorBytes
	if st, err := os.Stat(f.out); err == nil {
		size = st.Size()
	}
	_, err = fmt.Fprintf(a.out, "%s: %d tensors, %.1f M parameters, %s, %.1f s\n",
		f.out, info.Tensors, float64(info.Parameters)/1e6, byteSize(size), time.Since(began).Seconds())
	return err
}
