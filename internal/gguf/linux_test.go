package gguf_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
	"kvasir/internal/mmap"
)

// TestGuardTruncated: someone cuts a model short while it is mapped.
func TestGuardTruncated(t *testing.T) {
	c := sample()
	c.tensors = append(c.tensors, rawTensor{name: "large", dims: []uint64{64 << 10}, typ: 0, offset: 224})
	c.dataLen = 224 + 256<<10
	path := save(t, t.TempDir(), "m.gguf", c.bytes())
	f, err := gguf.Open(path, gguf.Options{})
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Truncate(path, 4096))
	large, ok := f.Tensor("large")
	require.True(t, ok)
	sum := 0
	err = f.Guard(func() error {
		for _, b := range f.Data(large) {
			sum += int(b)
		}
		return nil
	})
	require.ErrorIs(t, err, mmap.ErrFault)
	require.NotZero(t, sum, "the part that is left can be read")
}
