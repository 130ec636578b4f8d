package main

import (
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvasir/internal/bench"
	"kvasir/kernels"
)

// kernelFlags are the flags of `infer bench kernels`.
type kernelFlags struct {
	filter, levels, sizes, output string
	ms                            int
}

func (a *app) benchKernelsCommand() *cobra.Command {
	f := &kernelFlags{}
	cmd := &cobra.Command{
		Use:   "kernels",
		Short: "Measure the kernels at every level of this CPU",
		Long: `Measure the kernels, one thread, at every level of this CPU: GB/s beside the
rate at which a set of that size is read, GOP/s beside the peak of the level's
multiply instruction, both measured in the same run, and the difference to the
plain Go twin. The exit code is 1 when a result differs by more than rounding.
gemv: one row of activations (decoding); gemm: 512 rows (prefill); p2: activations
in two planes, whose operations count twice.`,
		Example: `  infer bench kernels --filter 'gemv/Q4' --size l2,l3,dram
  infer bench kernels --level avx2 -o jsonl`,
		Args: exactArgs(0, "no arguments but flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options()
			if err != nil {
				return err
			}
			if err := kernels.LevelError(); err != nil {
				return err
			}
			begin, emit, err := bench.KernelPrinter(a.out, f.output)
			if err != nil {
				return usageError{err}
			}
			if err := begin(); err != nil {
				return err
			}
			o.Emit = emit
			return bench.RunKernels(cmd.Context(), o)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.filter, "filter", "", "regular expression of kernel names")
	fl.StringVar(&f.levels, "level", "", "CPU levels, by comma; default: all of this CPU")
	fl.StringVar(&f.sizes, "size", "l2,dram", "what streaming kernels read, by comma: l2 (512 KiB), l3 (12 MiB), dram (192 MiB)")
	fl.StringVarP(&f.output, "output", "o", "md", "output format: md or jsonl")
	fl.IntVar(&f.ms, "time", 60, "milliseconds of one measurement")
	return cmd
}

func (f *kernelFlags) options() (o bench.KernelOptions, err error) {
	if f.filter != "" {
		if o.Filter, err = regexp.Compile(f.filter); err != nil {
			return o, usagef("filter: %w", err)
		}
	}
	if f.ms < 1 || f.ms > 60000 {
		return o, usagef("time %d: must be 1 to 60000", f.ms)
	}
	o.Time = time.Duration(f.ms) * time.Millisecond
	for name := range strings.SplitSeq(f.sizes, ",") {
		found := false
		for _, s := range bench.Sizes {
			if strings.EqualFold(s.Name, name) {
				o.Sizes, found = append(o.Sizes, s), true
			}
		}
		if !found {
			return o, usagef("size %q: use l2, l3 or dram", name)
		}
	}
	if f.levels == "" {
		return o, nil
	}
	var have []string
	for _, l := range kernels.Levels() {
		have = append(have, l.String())
	}
	for name := range strings.SplitSeq(f.levels, ",") {
		found := false
		for _, l := range kernels.Levels() {
			if l.String() == name {
				o.Levels, found = append(o.Levels, l), true
			}
		}
		if !found {
			return o, usagef("level %q: this machine has %s", name, strings.Join(have, ", "))
		}
	}
	return o, nil
}
