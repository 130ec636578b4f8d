package lint

import (
	"bytes"
	"fmt"
	"testing"
)

// forbidden lists what must not appear in any text of the tree: paths of one machine,
// and hosts of package registries, which go through their own clients. The words are
// cut so that this file does not hold them.
var forbidden = []string{
	"/wo" + "rk/", "../sh" + "ared", ".lib" + "rary/", "/home/" + "user",
	"proxy.go" + "lang.org", "sum.go" + "lang.org", "py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com",
	"crates" + ".io", "ruby" + "gems.org", "ana" + "conda.org", "deb." + "debian.org",
}

// wordProblems looks for forbidden words, whatever their case.
func wordProblems(f *file) (out []string) {
	text := bytes.ToLower(f.data)
	for _, word := range forbidden {
		if i := bytes.Index(text, []byte(word)); i >= 0 {
			line := 1 + bytes.Count(f.data[:i], []byte("\n"))
			out = append(out, fmt.Sprintf("line %d: %q does not belong in the project", line, word))
		}
	}
	return out
}

func TestForbiddenWords(t *testing.T) { each(t, wordProblems) }

func TestForbiddenWordRules(t *testing.T) {
	if got := wordProblems(source(t, "a.md", "one\ntwo "+forbidden[0]+"x\n"+"HTTPS://"+"Crates"+".io\n")); len(got) != 2 {
		t.Errorf("got %q, want two problems", got)
	}
	if got := wordProblems(source(t, "a.md", "a workshop, shared, and a library\n")); len(got) != 0 {
		t.Errorf("got %q, want none", got)
	}
}
