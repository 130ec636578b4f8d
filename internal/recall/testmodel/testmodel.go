// Package testmodel hands the small model made to retrieve (bench/retrieval) to
// tests: a llama of 4 layers that finds values by their keys in noise. It answers
// every prompt of up to 3072 tokens, nearly every one of 4096, and few beyond.
package testmodel

import (
	_ "embed"
	"os"
	"path/filepath"
	"testing"
)

//go:embed recall.gguf
var file []byte

// Context is the length that the model is made for.
const Context = 4096

// Path writes the model into the test's directory and returns the file's path.
func Path(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recall.gguf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Bytes is the model file. It must not be changed.
func Bytes() []byte { return file }
