package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path of the module.
const module = "kvasir"

// unit is a package together with the packages below it that have no entry of their own.
type unit struct {
	dir string
	// imports lists what the unit's code may import besides the standard library and
	// the leaves: packages of the module by folder ("." is the root), else modules.
	imports string
}

// units is the table of allowed imports. They point down:
//
//	cmd/infer -> internal/server, internal/repl, internal/eval -> root -> internal/sched
//	  -> model -> attention -> kvcache -> quant -> kernels
//	root -> sampler -> kernels
//
// The packages meant for import by others (root to kernels) use no command-line,
// server or plotting module, so that embedding pulls in almost nothing. Changing a
// direction is a change of this table.
var units = []unit{
	{"kernels", "golang.org/x/sys/cpu"},
	{"quant", "kernels " + numeric},
	{"kvcache", "quant kernels " + numeric},
	{"attention", "kvcache quant kernels " + numeric},
	{"model", "attention kvcache quant kernels internal/gguf " + numeric},
	{"sampler", "kernels " + numeric},
	{"internal/speculate", "sampler " + numeric},
	{"internal/grammar", "sampler " + numeric},
	{"internal/chunk", ""},
	{".", "internal/sched internal/speculate internal/grammar internal/chunk model attention kvcache quant kernels sampler " +
		"internal/gguf internal/tokenizer internal/chat internal/hub " + numeric},

	{"internal/parallel", "kernels " + numeric},
	{"internal/mmap", "golang.org/x/sys"},
	{"internal/invariants", ""},
	{"internal/gguf", "quant"},
	{"internal/safetensors", "quant"},
	{"internal/tokenizer", "internal/gguf golang.org/x/text"},
	{"internal/chat", "golang.org/x/text"},
	{"internal/hub", "golang.org/x/sys"},
	{"internal/sched", "model attention kvcache quant kernels sampler " + numeric},

	{"internal/recall", ""},
	{"internal/eval", ". internal/recall model attention kvcache quant kernels sampler internal/gguf gonum.org/v1/gonum gonum.org/v1/plot"},
	{"internal/server", ". sampler internal/hub github.com/prometheus/client_golang golang.org/x/text"},
	{"internal/repl", ". internal/hub golang.org/x/term golang.org/x/text"},
	{"internal/loadgen", ""},
	{"cmd", ". internal/server internal/repl internal/loadgen internal/eval internal/bench internal/hub model attention kvcache quant kernels sampler internal/gguf " +
		"github.com/spf13/cobra github.com/spf13/pflag github.com/vbauerster/mpb/v8 golang.org/x/term golang.org/x/sys"},
	{"internal/bench", ". model attention kvcache quant kernels sampler internal/gguf " + numeric},
	{"bench", ". internal/eval internal/bench model attention kvcache quant kernels sampler gonum.org/v1/gonum gonum.org/v1/plot"},
	{"examples", "."},
	{"interop", "quant gorgonia.org/tensor"},

	{"internal/golden", "internal/hub"},
	{"internal/tinymodel", "quant internal/gguf " + numeric},
	{"internal/lint", ""},
}

// numeric are the modules that any of the API packages may use.
const numeric = "golang.org/x/sys github.com/klauspost/cpuid/v2 github.com/x448/float16"

// leaves may be imported by every unit that lies above them.
const leaves = "internal/parallel internal/mmap internal/invariants"

// testModules may be imported by tests, besides what the tested unit may import.
const testModules = "github.com/stretchr/testify pgregory.net/rapid github.com/rogpeppe/go-internal github.com/dlclark/regexp2 github.com/santhosh-tekuri/jsonschema " +
	"gonum.org/v1/gonum gorgonia.org/tensor " + numeric

// unitOf returns the unit with the longest folder that holds dir.
func unitOf(dir string) (best unit, ok bool) {
	for _, u := range units {
		if within(dir, u.dir) && len(u.dir) >= len(best.dir) {
			best, ok = u, true
		}
	}
	return best, ok
}

// within says whether dir is root or below it; the module's root holds itself only.
func within(dir, root string) bool {
	return dir == root || root != "." && strings.HasPrefix(dir, root+"/")
}

// importProblems checks the imports of one Go file against the table.
func importProblems(f *file) (out []string) {
	if f.ast == nil {
		return nil
	}
	u, ok := unitOf(f.dir())
	if !ok {
		return []string{"package has no line in the table of allowed imports (internal/lint/imports_test.go)"}
	}
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return append(out, err.Error())
		}
		if spec.Name != nil && spec.Name.Name == "_" && p != "embed" {
			out = append(out, fmt.Sprintf("blank import of %s: nothing may depend on side effects", p))
		}
		if !allowed(f, u, p) {
			out = append(out, fmt.Sprintf("%s may not import %s", u.dir, p))
		}
	}
	return out
}

// allowed decides one import of a file of unit u.
func allowed(f *file, u unit, p string) bool {
	list := strings.Fields(u.imports)
	inside := p == module || strings.HasPrefix(p, module+"/")
	switch {
	case p == "C":
		return false
	case !inside && !strings.Contains(strings.Split(p, "/")[0], "."):
		return true // standard library
	case !inside:
		if f.test() {
			list = append(list, strings.Fields(testModules)...)
		}
		return slices.ContainsFunc(list, func(m string) bool { return m != "." && within(p, m) })
	case f.test():
		return true // the compiler forbids cycles; a test may look at anything
	}
	dir := strings.TrimPrefix(strings.TrimPrefix(p, module), "/")
	if dir == "" {
		dir = "."
	}
	if within(dir, u.dir) {
		return true
	}
	if u.dir != "kernels" {
		list = append(list, strings.Fields(leaves)...)
	}
	return slices.ContainsFunc(list, func(d string) bool { return within(dir, d) })
}

func TestImports(t *testing.T) { each(t, importProblems) }

// The table itself must not allow a cycle, so that "down" means something.
func TestImportTableHasNoCycle(t *testing.T) {
	state := map[string]int{} // 1 = on the path, 2 = done
	var visit func(dir string, path []string)
	visit = func(dir string, path []string) {
		path = append(path, dir)
		switch state[dir] {
		case 1:
			t.Fatalf("the table allows a cycle: %s", strings.Join(path, " -> "))
		case 2:
			return
		}
		state[dir] = 1
		u, _ := unitOf(dir)
		for _, d := range strings.Fields(u.imports) {
			if _, ok := unitOf(d); ok {
				visit(d, path)
			}
		}
		state[dir] = 2
	}
	for _, u := range units {
		visit(u.dir, nil)
	}
}

func TestImportRules(t *testing.T) {
	for _, tc := range []struct {
		path, imports string
		bad           bool
	}{
		{"kernels/a.go", "unsafe", false},
		{"kernels/a.go", "golang.org/x/sys/cpu", false},
		{"kernels/a.go", "golang.org/x/sys/unix", true},
		{"kernels/a.go", "github.com/klauspost/cpuid/v2", true},
		{"kernels/a.go", "kvasir/internal/parallel", true},
		{"kernels/internal/gen/a.go", "kvasir/kernels", false},
		{"kernels/a_test.go", "github.com/stretchr/testify/require", false},
		{"kernels/a.go", "github.com/stretchr/testify/require", true},
		{"kvcache/a.go", "kvasir/quant", false},
		{"kvcache/a.go", "kvasir/internal/mmap", false},
		{"kvcache/a.go", "kvasir/attention", true},
		{"kvcache/a_test.go", "kvasir/attention", false},
		{"model/a.go", "kvasir", true},
		{"model/a.go", "github.com/spf13/cobra", true},
		{"model/a_test.go", "github.com/spf13/cobra", true},
		{"sampler/a.go", "kvasir/internal/tokenizer", true},
		{"sampler/a.go", "kvasir/kernels", false},
		{"a.go", "kvasir/sampler", false},
		{"a.go", "kvasir/internal/server", true},
		{"a.go", "kvasir/internal/golden", true},
		{"internal/server/ui/a.go", "kvasir/internal/server", false},
		{"internal/server/ui/a.go", "kvasir/model", true},
		{"cmd/infer/a.go", "github.com/spf13/cobra", false},
		{"cmd/infer/a.go", "kvasir/internal/server", false},
		{"internal/unknown/a.go", "fmt", true},
		{"quant/a.go", "C", true},
	} {
		t.Run(tc.path+" "+tc.imports, func(t *testing.T) {
			f := source(t, tc.path, "package p\n\nimport \""+tc.imports+"\"\n")
			if got := importProblems(f); (len(got) > 0) != tc.bad {
				t.Errorf("got %q, want a problem: %v", got, tc.bad)
			}
		})
	}
	if got := importProblems(source(t, "quant/a.go", "package p\n\nimport _ \"fmt\"\n")); len(got) != 1 {
		t.Errorf("blank import: got %q, want one problem", got)
	}
}
