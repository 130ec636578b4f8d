package repl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"kvasir"
)

// saved is a conversation in a file.
type saved struct {
	Model    string           `json:"model"`
	System   string           `json:"system"`
	KV       string           `json:"kv"`
	Sampling kvasir.Sampling  `json:"sampling"`
	Messages []kvasir.Message `json:"messages"`
}

func (ch *chat) save(_ context.Context, path string) (bool, error) {
	if path == "" {
		return false, errors.New("/save needs a file")
	}
	b, err := json.MarshalIndent(saved{ch.Model, ch.System, ch.Session.KV, ch.Options.Sampling, ch.messages}, "", "  ")
	if err != nil {
		return false, err
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return false, err
	}
	fmt.Fprintln(ch.Terminal, ch.Terminal.Dim(fmt.Sprintf("(%d messages saved)", len(ch.messages))))
	return false, nil
}

func (ch *chat) load(_ context.Context, path string) (bool, error) {
	if path == "" {
		return false, errors.New("/load needs a file")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	v := saved{Sampling: ch.Options.Sampling}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		return false, fmt.Errorf("%s is no saved chat: %w", path, err)
	}
	if err := v.Sampling.Validate(); err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	ch.drop()
	ch.System, ch.Session.KV, ch.Options.Sampling, ch.messages = v.System, v.KV, v.Sampling, v.Messages
	fmt.Fprintln(ch.Terminal, ch.Terminal.Dim(fmt.Sprintf("(%d messages loaded)", len(ch.messages))))
	return false, nil
}
