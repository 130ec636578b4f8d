package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"kvasir"
)

// Every setting that has a JSON name has a flag, and the flag sets it.
func TestEverySettingHasAFlag(t *testing.T) {
	for name, opts := range map[string]any{"engine": &kvasir.Options{}, "sampling": &kvasir.Sampling{}} {
		fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
		bindFlags(fs, opts)
		v := reflect.ValueOf(opts).Elem()
		for i := range v.NumField() {
			f := v.Type().Field(i)
			flag, tag := f.Tag.Get("flag"), f.Tag.Get("json")
			if tag == "-" {
				require.Empty(t, flag, f.Name)
				continue
			}
			require.NotEmpty(t, flag, "%s has no flag", f.Name)
			require.NotEmpty(t, f.Tag.Get("usage"), "%s has no usage", f.Name)
			require.NotNil(t, fs.Lookup(flag))
			require.Equal(t, flag, strings.ReplaceAll(flag, "_", "-"))
			for _, value := range []string{"3", "true", "3=1"} { // one of them fits
				if fs.Set(flag, value) == nil {
					break
				}
			}
			require.False(t, v.Field(i).IsZero(), "--%s does not reach %s", flag, f.Name)
		}
	}
}

func TestBiasFlag(t *testing.T) {
	var b biasFlag
	require.Empty(t, b.String())
	require.NoError(t, b.Set("5=1.5, 3 = -2"))
	require.NoError(t, b.Set("7=-inf"))
	require.Equal(t, "3=-2,5=1.5,7=-Inf", b.String())
	for _, bad := range []string{"", "5", "=", "x=1", "-1=1", "1=", "1=nan", "99999999999=1"} {
		require.Error(t, b.Set(bad), bad)
	}
}

// The defaults that help shows are those of the engine.
func TestDefaultsAreTold(t *testing.T) {
	a := &app{}
	cmd := a.runCommand()
	for flag, want := range map[string]string{
		"model": defaultModel, "kv": "dense", "kv-type": "i16", "attention": "dense", "precision": "standard",
		"temp": "0.8", "top-k": "40", "top-p": "0.95", "min-p": "0.05", "seed": "-1",
	} {
		require.Equal(t, want, cmd.Flags().Lookup(flag).DefValue, flag)
	}
}

func TestByteSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 98362432: "98.4 MB", 1234567890: "1.2 GB", 5e12: "5.0 TB", 7e15: "7000.0 TB",
	} {
		require.Equal(t, want, byteSize(n))
	}
}

func TestStats(t *testing.T) {
	require.Zero(t, rate(0, time.Second))
	require.Zero(t, rate(5, 0))
	require.Equal(t, 10.0, rate(5, time.Second/2))
	require.Contains(t, (&runStats{}).String(), "prompt        0 tokens")
}

func TestReadAll(t *testing.T) {
	b, err := readAll(strings.NewReader("text"))
	require.NoError(t, err)
	require.Equal(t, "text", string(b))
}

// Nothing is coloured, and nothing drawn, where no terminal is.
func TestNoTerminal(t *testing.T) {
	var errs bytes.Buffer
	a := &app{err: &errs}
	require.False(t, isTerminal(&errs))
	require.Equal(t, "text", a.dim("text"))
	p := a.newProgress()
	p.update(1, 10, "file")
	p.update(5, 10, "file")
	p.line("a notice")
	p.close()
	require.Equal(t, "fetching file\na notice\n", errs.String())
}

func TestCommandName(t *testing.T) {
	root, sub, leaf := &cobra.Command{Use: "infer"}, &cobra.Command{Use: "eval"}, &cobra.Command{Use: "logits X"}
	root.AddCommand(sub)
	sub.AddCommand(leaf)
	require.Empty(t, commandName(root))
	require.Equal(t, "eval: ", commandName(sub))
	require.Equal(t, "eval logits: ", commandName(leaf))
}
