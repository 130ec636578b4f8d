package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"kvasir"
	"kvasir/internal/hub"
)

// defaultModel is what commands use without -m.
const defaultModel = "smollm2"

// modelFlags choose a model and how it is opened.
type modelFlags struct {
	ref  string
	opts kvasir.Options
}

func (m *modelFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&m.ref, "model", "m", defaultModel, "model: a .gguf file, a name, hf:owner/repo[:quant] or pip:package==version")
	if m.opts.KV == "" {
		m.opts.KV, m.opts.KVType, m.opts.Attention, m.opts.Precision = "dense", "i16", "dense", "standard"
	}
	bindFlags(cmd.Flags(), &m.opts)
}

// open fetches the model where needed and loads it.
func (a *app) open(ctx context.Context, m *modelFlags) (*kvasir.Engine, error) {
	if err := m.opts.Validate(); err != nil {
		return nil, usageError{err}
	}
	path, err := a.resolve(ctx, m.ref)
	if err != nil {
		return nil, err
	}
	return kvasir.Open(path, m.opts)
}

// resolve returns the file of a model, fetched on first use.
func (a *app) resolve(ctx context.Context, ref string) (string, error) {
	st, err := hub.Open("")
	if err != nil {
		return "", err
	}
	p := a.newProgress()
	defer p.close()
	path, err := st.Resolve(ctx, ref, p.options())
	return path, refError(err)
}

// refError marks a model reference that cannot be one as wrong usage.
func refError(err error) error {
	if errors.Is(err, hub.ErrBadRef) {
		return usageError{err}
	}
	return err
}

// readFile reads a file, or standard input for "-".
func (a *app) readFile(path string) ([]byte, error) {
	if path == "-" {
		return readAll(a.in)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read text: %w", err)
	}
	return b, nil
}
