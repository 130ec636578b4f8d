package kvasir

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Where the system does not tell, the Go runtime does.
func TestGoBytes(t *testing.T) {
	before := goBytes()
	require.Greater(t, before, int64(1<<20))
	if r := residentBytes(); r != 0 {
		require.Greater(t, r, int64(1<<20))
	}
}
