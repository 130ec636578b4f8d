package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvasir"
	"kvasir/internal/eval"
)

// settingFlags choose a model, and the settings that are compared on it.
type settingFlags struct {
	ref       string
	opts      settingOptions
	baseType  string
	kv        []string
	kvType    []string
	attention []string
	json      bool
	plot      string
}

// settingOptions are the options that all settings share.
type settingOptions struct {
	Threads   int    `flag:"threads" usage:"workers; 0 = one per core, within the CPU quota"`
	Batch     int    `flag:"batch" usage:"most tokens in one pass; 0 = 256"`
	Precision string `flag:"precision" usage:"precision of activations: standard or high"`
	NoMmap    bool   `flag:"no-mmap" usage:"read the file instead of mapping it"`
}

func (f *settingFlags) bind(cmd *cobra.Command, bytes bool) {
	fl := cmd.Flags()
	fl.StringVarP(&f.ref, "model", "m", defaultModel, "model: a .gguf file, a name, hf:owner/repo[:quant] or pip:package==version")
	bindFlags(fl, &f.opts)
	usage := "cache policy, POLICY[:key=value,…]; may be repeated"
	if bytes {
		usage = "cache policy, POLICY[:key=value,…] with budget=SLOTS or bytes=SHARE of the dense cache (bytes=1/4); may be repeated"
	}
	fl.StringArrayVar(&f.kv, "kv", nil, usage+" (dense)")
	fl.StringSliceVar(&f.kvType, "kv-type", nil, "storage of keys and values: i16, f16, f32, bf16, q8_0, q4_0; may be repeated ("+eval.DefaultType+")")
	fl.StringVar(&f.baseType, "base-type", eval.DefaultType, "storage of the dense cache that is compared with")
	fl.StringArrayVar(&f.attention, "attention", nil, "attention variant; may be repeated (dense)")
	fl.BoolVar(&f.json, "json", false, "print one JSON object a line for each setting")
	fl.StringVar(&f.plot, "plot", "", "draw a chart into this SVG file")
}

// settings parses what is compared.
func (f *settingFlags) settings() ([]eval.Setting, error) {
	if f.plot != "" && !strings.HasSuffix(f.plot, ".svg") {
		return nil, usagef("--plot %s: charts are SVG, name a .svg file", f.plot)
	}
	s, err := eval.ParseSettings(f.kv, f.kvType, f.attention)
	if err != nil {
		return nil, usageError{err}
	}
	return s, nil
}

// runner opens engines with room for ctx tokens.
func (a *app) runner(cmd *cobra.Command, f *settingFlags, ctx int) (*eval.Runner, error) {
	o := kvasir.Options{
		Context: ctx, Threads: f.opts.Threads, Batch: f.opts.Batch, Precision: f.opts.Precision, NoMmap: f.opts.NoMmap,
		KVType: f.baseType,
	}
	if err := o.Validate(); err != nil {
		return nil, usageError{err}
	}
	path, err := a.resolve(cmd.Context(), f.ref)
	if err != nil {
		return nil, err
	}
	return &eval.Runner{Options: o, BaseType: f.baseType, Open: func(o kvasir.Options) (*kvasir.Engine, error) { return kvasir.Open(path, o) }}, nil
}

// settingError marks errors that name a wrong flag as wrong usage.
func settingError(err error) error {
	if errors.Is(err, eval.ErrSetting) {
		return usageError{err}
	}
	return err
}

// evalHead is what every line of results says about the run.
type evalHead struct {
	Model      string `json:"model"`
	TextSHA256 string `json:"text_sha256,omitempty"`
	CPULevel   string `json:"cpu_level"`
	Threads    int    `json:"threads"`
	Date       string `json:"date"`
	Command    string `json:"command"`
}

func newEvalHead(f *settingFlags, eng *kvasir.Engine, text []byte) evalHead {
	info := eng.Info()
	h := evalHead{
		Model: f.ref, CPULevel: info.Level, Threads: info.Threads,
		Date: time.Now().UTC().Format("2006-01-02"), Command: "infer " + strings.Join(os.Args[1:], " "),
	}
	if text != nil {
		sum := sha256.Sum256(text)
		h.TextSHA256 = hex.EncodeToString(sum[:])
	}
	return h
}

// writeLines prints one JSON object a line.
func writeLines[T any](w io.Writer, lines []T) error {
	enc := json.NewEncoder(w)
	for i := range lines {
		if err := enc.Encode(&lines[i]); err != nil {
			return err
		}
	}
	return nil
}

// svg is a chart.
type svg interface{ WriteSVG(io.Writer) error }

// draw writes a chart to the file that was asked for, if any.
func (f *settingFlags) draw(chart svg) error {
	if f.plot == "" {
		return nil
	}
	file, err := os.Create(f.plot)
	if err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	return errors.Join(chart.WriteSVG(file), file.Close())
}
