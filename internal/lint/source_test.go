package lint

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// file is one file of the module.
type file struct {
	path      string // slash-separated, relative to the module root
	data      []byte
	lines     int
	generated bool
	ast       *ast.File // nil unless a Go file outside testdata
	fset      *token.FileSet
}

// dir returns the package directory, "." for the root.
func (f *file) dir() string { return path.Dir(f.path) }

// test says whether the file is compiled for tests only.
func (f *file) test() bool { return strings.HasSuffix(f.path, "_test.go") }

// testdata says whether the file is input of a test.
func (f *file) testdata() bool { return strings.Contains("/"+f.path, "/testdata/") }

// line returns the line of a position.
func (f *file) line(p token.Pos) int { return f.fset.Position(p).Line }

// maxTextBytes bounds what is read as text; larger files are data.
const maxTextBytes = 1 << 20

// generatedMark starts the standard line of generated files.
var generatedMark = []byte("// Code generated ")

// newFile parses one file; name ends in .go for Go source.
func newFile(name string, data []byte) (*file, error) {
	f := &file{path: name, data: data, lines: bytes.Count(data, []byte("\n")), fset: token.NewFileSet()}
	head := data[:min(len(data), 400)]
	f.generated = bytes.HasPrefix(head, generatedMark) || bytes.Contains(head, append([]byte("\n"), generatedMark...))
	if !strings.HasSuffix(name, ".go") || f.testdata() {
		return f, nil
	}
	var err error
	f.ast, err = parser.ParseFile(f.fset, name, data, parser.ParseComments|parser.SkipObjectResolution)
	return f, err
}

// moduleRoot is where go.mod lies, seen from this package.
var moduleRoot = filepath.Join("..", "..")

// tree reads the module once.
var tree = sync.OnceValues(readTree)

// readTree reads all text files of the module. Nested modules and hidden folders
// except .ci are left out.
func readTree() ([]*file, error) {
	var files []*file
	err := filepath.WalkDir(moduleRoot, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(moduleRoot, full)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(full, filepath.ToSlash(rel))
		}
		if !d.Type().IsRegular() {
			return nil
		}
		f, err := readFile(full, filepath.ToSlash(rel))
		if f != nil {
			files = append(files, f)
		}
		return err
	})
	return files, err
}

// enter says whether to walk into a folder.
func enter(full, rel string) error {
	if rel == "." {
		return nil
	}
	base := path.Base(rel)
	if base == "bin" || strings.HasPrefix(base, ".") && base != ".ci" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(full, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// readFile returns nil for binaries, large data and checksums.
func readFile(full, rel string) (*file, error) {
	info, err := os.Stat(full)
	if err != nil || info.Size() > maxTextBytes || path.Ext(rel) == ".sum" {
		return nil, err
	}
	data, err := os.ReadFile(full)
	if err != nil || bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0 {
		return nil, err
	}
	return newFile(rel, data)
}

// each runs check on every file of the module and reports what it finds.
func each(t *testing.T, check func(*file) []string) {
	t.Helper()
	files, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d files found below %s", len(files), moduleRoot)
	}
	for _, f := range files {
		for _, problem := range check(f) {
			t.Errorf("%s: %s", f.path, problem)
		}
	}
}

// source is a file made up for the tests of a check.
func source(t *testing.T, name, text string) *file {
	t.Helper()
	f, err := newFile(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}
