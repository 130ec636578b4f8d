package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kvasir"
)

// showFlags are the flags of `infer show`.
type showFlags struct {
	tensors, json bool
	ctx           int
	kvType        string
}

func (a *app) showCommand() *cobra.Command {
	f := &showFlags{}
	cmd := &cobra.Command{
		Use:     "show MODEL",
		Aliases: []string{"inspect"},
		Short:   "Show a model's metadata, tensors and memory",
		Args:    exactArgs(1, "one model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := a.resolve(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			info, err := kvasir.Inspect(path)
			if err != nil {
				return err
			}
			return a.show(info, f)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.tensors, "tensors", false, "list the tensors")
	fl.BoolVar(&f.json, "json", false, "print everything as JSON")
	fl.IntVar(&f.ctx, "ctx", 0, "tokens for the memory estimate; 0 = as trained")
	fl.StringVar(&f.kvType, "kv-type", "i16", "cache type for the memory estimate: i16, f16, f32, bf16, q8_0, q4_0")
	return cmd
}

func (a *app) show(info *kvasir.FileInfo, f *showFlags) error {
	n := f.ctx
	if n == 0 {
		n = info.Context
	}
	if n < 0 {
		return usagef("--ctx %d: must not be negative", n)
	}
	var cache int64
	if info.Supported {
		var err error
		if cache, err = info.CacheBytes(n, f.kvType); err != nil {
			return usageError{err}
		}
	}
	if f.json {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(struct {
			*kvasir.FileInfo
			CacheTokens int    `json:"cache_tokens"`
			CacheType   string `json:"cache_type"`
			CacheBytes  int64  `json:"cache_bytes"`
		}{info, n, f.kvType, cache})
	}
	return a.showText(info, f, n, cache)
}

func (a *app) showText(info *kvasir.FileInfo, f *showFlags, n int, cache int64) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "file\t%s\nname\t%s\narchitecture\t%s\n", info.Path, info.Name, info.Architecture)
	fmt.Fprintf(w, "parameters\t%.1f M in %d tensors, %s\n", float64(info.Parameters)/1e6, len(info.Tensors), byteSize(info.TensorBytes))
	if info.Supported {
		fmt.Fprintf(w, "memory\t%s weights + %s cache (%d tokens, %s)\n", byteSize(info.TensorBytes), byteSize(cache), n, f.kvType)
	} else {
		fmt.Fprintf(w, "cannot run\t%s\n", info.Problem)
	}
	fmt.Fprintln(w, "\t")
	for _, kv := range info.Metadata {
		fmt.Fprintf(w, "%s\t%s\t%s\n", kv.Key, kv.Type, kv.Value)
	}
	if f.tensors {
		fmt.Fprintln(w, "\t")
		for _, t := range info.Tensors {
			fmt.Fprintf(w, "%s\t%s\t%s\n", t.Name, t.Type, strings.Trim(fmt.Sprint(t.Dims), "[]"))
		}
	}
	return w.Flush()
}
