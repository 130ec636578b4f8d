package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
)

func TestExpected(t *testing.T) {
	cost := []float64{0, 1, 1.5, 2}
	s := kvasir.SpeculationStats{Tokens: 12, PassRows: []int{0, 2, 0, 3}}
	require.InDelta(t, 12.0/8, expected(s, cost), 1e-12)
	require.InDelta(t, 2, mean([]float64{1, 4}), 1e-12)
	require.InDelta(t, 2.5, median([]float64{9, 1, 3, 2}), 1e-12)
}

func TestRun(t *testing.T) {
	model := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, tinymodel.Write(model, tinymodel.Spec{Arch: "qwen2", Text: true, Context: 2048}))
	c := settings{model: model, only: "quote", tokens: 12, reps: 2}
	c.spec = kvasir.SpeculationOptions{Draft: "lookup", Verify: "match"}
	require.NoError(t, run(&c))
	c.spec.Verify = "maybe"
	require.ErrorContains(t, run(&c), "maybe")
}
