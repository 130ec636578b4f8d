package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"kvasir/internal/tinymodel"
)

func TestSearch(t *testing.T) {
	idx, err := readFolder(fstest.MapFS{
		"a.txt":     {Data: []byte("The lighthouse stands on a rock.\n\nIts keeper is called Anna.\n")},
		"sub/b.txt": {Data: []byte("Rivers carry sand.\n\nThe sand becomes stone.\n")},
		"c.bin":     {Data: []byte{0, 1, 2}},
	})
	require.NoError(t, err)
	found := idx.search("Who is the keeper of the lighthouse?", 1)
	require.Len(t, found, 1)
	require.Equal(t, "a.txt", found[0].file)
	require.Empty(t, idx.search("zebra", 3))
	_, err = readFolder(fstest.MapFS{})
	require.Error(t, err)
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "m.gguf")
	require.NoError(t, tinymodel.Write(model, tinymodel.Spec{Arch: "qwen2", Text: true, Context: 512}))
	texts := filepath.Join(dir, "texts")
	require.NoError(t, os.Mkdir(texts, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(texts, "a.txt"), []byte("Sand becomes stone."), 0o600))
	require.NoError(t, run(context.Background(), model, texts, "What becomes of sand?", 2))
	require.Error(t, run(context.Background(), model, texts, "zebra", 2))
}
