package lint

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

// formatProblems checks that gofmt would change nothing.
func formatProblems(f *file) []string {
	if f.ast == nil {
		return nil
	}
	want, err := format.Source(f.data)
	if err != nil {
		return []string{err.Error()}
	}
	if !bytes.Equal(f.data, want) {
		return []string{"not formatted: run gofmt"}
	}
	return nil
}

// initProblems forbids init functions: registries are map literals, and tables that
// need computing are built by whoever owns them.
func initProblems(f *file) (out []string) {
	if f.ast == nil {
		return nil
	}
	for _, d := range f.ast.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			out = append(out, fmt.Sprintf("line %d: init function: use a literal, or an initialiser with a name", f.line(fn.Pos())))
		}
	}
	return out
}

// asmProblems checks that hand-written assembly can be switched off.
func asmProblems(f *file) []string {
	if path.Ext(f.path) != ".s" {
		return nil
	}
	for line := range bytes.Lines(f.data) {
		if bytes.HasPrefix(line, []byte("//go:build ")) {
			if bytes.Contains(line, []byte("!purego")) {
				return nil
			}
			break
		}
	}
	return []string{"no build constraint with !purego"}
}

// docProblems lists exported names of production code without a doc comment.
func docProblems(f *file) (out []string) {
	if f.ast == nil || f.test() || f.generated || f.ast.Name.Name == "main" {
		return nil
	}
	missing := func(name *ast.Ident) {
		out = append(out, fmt.Sprintf("line %d: exported %s has no doc comment", f.line(name.Pos()), name.Name))
	}
	for _, d := range f.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !selfEvident(d) {
				missing(d.Name)
			}
		case *ast.GenDecl:
			for _, name := range undocumented(d) {
				missing(name)
			}
		}
	}
	return out
}

// selfEvident says whether d is one of the methods that always mean the same.
func selfEvident(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Error", "Unwrap", "String"}, d.Name.Name)
}

// exportedReceiver says whether a function or method can be seen from outside.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return true
		}
	}
}

// undocumented returns the exported names of a declaration that neither the group,
// nor the line, nor a comment behind it describes. Types need their own comment.
func undocumented(d *ast.GenDecl) (out []*ast.Ident) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			single := !d.Lparen.IsValid() && d.Doc != nil
			if s.Name.IsExported() && s.Doc == nil && s.Comment == nil && !single {
				out = append(out, s.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// openWork are words that mark unfinished work, cut so that they do not mark this file.
var openWork = []string{"TO" + "DO", "FIX" + "ME", "XX" + "X", "not " + "implemented", "un" + "implemented"}

// commentProblems looks for unfinished work in Go source.
func commentProblems(f *file) (out []string) {
	if f.ast == nil {
		return nil
	}
	report := func(pos token.Pos, text string) {
		for _, word := range openWork {
			if hasWord(text, word) {
				out = append(out, fmt.Sprintf("line %d: %q: finish it or leave it out", f.line(pos), word))
			}
		}
	}
	for _, group := range f.ast.Comments {
		report(group.Pos(), group.Text())
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			report(lit.Pos(), lit.Value)
		}
		return true
	})
	return out
}

// hasWord finds word in text where no letter or digit touches it.
func hasWord(text, word string) bool {
	letter := func(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9' }
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		i += from
		from = i + len(word)
		if (i == 0 || !letter(text[i-1])) && (from == len(text) || !letter(text[from])) {
			return true
		}
	}
}

func TestFormat(t *testing.T)      { each(t, formatProblems) }
func TestNoInit(t *testing.T)      { each(t, initProblems) }
func TestAssembly(t *testing.T)    { each(t, asmProblems) }
func TestDocComments(t *testing.T) { each(t, docProblems) }
func TestNoOpenWork(t *testing.T)  { each(t, commentProblems) }

// Every package says what it is, once or more.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	each(t, func(f *file) []string {
		if f.ast != nil && !f.test() {
			documented[f.dir()] = documented[f.dir()] || f.ast.Doc != nil
		}
		return nil
	})
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

func TestStyleRules(t *testing.T) {
	for _, tc := range []struct {
		name, path, text string
		check            func(*file) []string
		problems         int
	}{
		{"formatted", "p/a.go", "package p\n\nvar x = 1\n", formatProblems, 0},
		{"not formatted", "p/a.go", "package p\nvar  x = 1\n", formatProblems, 1},
		{"init", "p/a.go", "package p\nfunc init() {}\n", initProblems, 1},
		{"init method", "p/a.go", "package p\ntype T int\nfunc (T) init() {}\n", initProblems, 0},
		{"assembly", "p/a_amd64.s", "// Text.\n\n//go:build amd64 && !purego\n", asmProblems, 0},
		{"assembly without tag", "p/a_amd64.s", "//go:build amd64\n// !purego\n", asmProblems, 1},
		{"documented", "p/a.go", "package p\n// F does.\nfunc F() {}\n// T is.\ntype T int\n// M does.\nfunc (T) M() {}\n// V.\nvar V int\n", docProblems, 0},
		{"bare", "p/a.go", "package p\nfunc F() {}\ntype T int\nfunc (*T) M() {}\nvar V, W int\nconst C = 1\n", docProblems, 6},
		{"group", "p/a.go", "package p\n// All.\nvar (\n\tV int\n\tW int\n)\nvar (\n\tX int // x\n)\n", docProblems, 0},
		{"type group", "p/a.go", "package p\n// All.\ntype (\n\tT int\n\t// U is.\n\tU int\n)\n", docProblems, 1},
		{"hidden receiver", "p/a.go", "package p\ntype t[K any] int\nfunc (*t[K]) M() {}\n", docProblems, 0},
		{"self-evident", "p/a.go", "package p\n// T is.\ntype T int\nfunc (T) String() string { return \"\" }\nfunc Error() {}\n", docProblems, 1},
		{"main", "p/a.go", "package main\nfunc F() {}\n", docProblems, 0},
		{"test", "p/a_test.go", "package p\nfunc F() {}\n", docProblems, 0},
		{"open comment", "p/a.go", "package p\n// " + openWork[0] + "(me): later\n", commentProblems, 1},
		{"open string", "p/a.go", "package p\nvar x = \"" + openWork[3] + "\"\n", commentProblems, 1},
		{"part of a word", "p/a.go", "package p\n// " + openWork[2] + "X and s" + openWork[1] + "\n", commentProblems, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.check(source(t, tc.path, tc.text)); len(got) != tc.problems {
				t.Errorf("got %q, want %d problems", got, tc.problems)
			}
		})
	}
}
