package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseTicks(t *testing.T) {
	got := parseTicks("cpu  100 20 30 5000 40 6 7 8 0 0")
	require.True(t, got.ok)
	require.InDelta(t, 1.63, got.busy, 1e-9)
	require.InDelta(t, 0.08, got.steal, 1e-9)
	for _, line := range []string{"", "cpu", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7", "cpu 1 2 3 4 5 6 7 x"} {
		require.False(t, parseTicks(line).ok, "%q", line)
	}
	require.True(t, readTicks().ok)
	require.Positive(t, memoryBytes())
	require.NotEmpty(t, kernelVersion())
}
