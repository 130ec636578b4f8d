package hub_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/hub"
)

func TestParseRef(t *testing.T) {
	pkg := func(nv ...string) (p []hub.Package) {
		for i := 0; i < len(nv); i += 2 {
			p = append(p, hub.Package{Name: nv[i], Version: nv[i+1]})
		}
		return p
	}
	for in, want := range map[string]hub.Ref{
		"x.gguf":                    {Kind: hub.KindFile, Path: "x.gguf"},
		"X.GGUF":                    {Kind: hub.KindFile, Path: "X.GGUF"},
		"dir/x":                     {Kind: hub.KindFile, Path: "dir/x"},
		`C:\models\x.gguf`:          {Kind: hub.KindFile, Path: `C:\models\x.gguf`},
		"smollm2":                   {Kind: hub.KindName, Name: "smollm2"},
		"hf:o/r":                    {Kind: hub.KindHub, Owner: "o", Repo: "r"},
		"hf:o/r@v1":                 {Kind: hub.KindHub, Owner: "o", Repo: "r", Revision: "v1"},
		"hf:o/r@refs/pr/3:Q4_K_M":   {Kind: hub.KindHub, Owner: "o", Repo: "r", Revision: "refs/pr/3", Quant: "Q4_K_M"},
		"hf:o/r.x-y:q8_0":           {Kind: hub.KindHub, Owner: "o", Repo: "r.x-y", Quant: "q8_0"},
		"hf:o/r:UD-Q4_K_XL":         {Kind: hub.KindHub, Owner: "o", Repo: "r", Quant: "UD-Q4_K_XL"},
		"hf:o/r:sub/a b@1.gguf":     {Kind: hub.KindHub, Owner: "o", Repo: "r", File: "sub/a b@1.gguf"},
		"pip:a-b==1.0":              {Kind: hub.KindPip, Packages: pkg("a-b", "1.0")},
		"pip:a==1.0.post1,b==2!3+l": {Kind: hub.KindPip, Packages: pkg("a", "1.0.post1", "b", "2!3+l")},
	} {
		got, err := hub.ParseRef(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
		require.Equal(t, in, got.String())
	}
}

func TestParseRefOfAddress(t *testing.T) {
	for in, want := range map[string]string{
		"https://huggingface.co/o/r":                              "hf:o/r",
		"https://huggingface.co/o/r/":                             "hf:o/r",
		"https://huggingface.co/o/r/blob/main/d/x.gguf":           "hf:o/r@main:d/x.gguf",
		"https://huggingface.co/o/r/resolve/v2/x.gguf?download=1": "hf:o/r@v2:x.gguf",
	} {
		got, err := hub.ParseRef(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got.String())
	}
}

func TestParseRefErrors(t *testing.T) {
	for _, in := range []string{
		"", "a b", "../", "a\x00b.gguf", "hf:", "hf:o", "hf:/r", "hf:o/", "hf:o/r/s", "hf:../r", "hf:o/..", "hf:o/r@", "hf:o/r@../x",
		"hf:o/r:", "hf:o/r:/etc/x.gguf", "hf:o/r:../x.gguf", "hf:o/r:a/../../x.gguf", "hf:o/r:a\\b.gguf", "hf:o/r:not a quant", "hf:o/r@a b",
		"pip:", "pip:a", "pip:a==", "pip:a=1", "pip:-a==1", "pip:a==1,", "pip:a==1 --index-url=x", "pip:a==1;b", "pip:--x==1",
		"https://example.org/o/r", "https://huggingface.co/o", "https://huggingface.co/o/r/tree/main/x", "http://huggingface.co/o/r",
		strings.Repeat("x", 300),
	} {
		if in == "../" {
			continue // a path; refused when it is opened
		}
		_, err := hub.ParseRef(in)
		require.ErrorIs(t, err, hub.ErrBadRef, "%q", in)
		require.Less(t, len(err.Error()), 500)
	}
}

func TestParseRefExistingFile(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("model", nil, 0o666))
	r, err := hub.ParseRef("model")
	require.NoError(t, err)
	require.Equal(t, hub.KindFile, r.Kind)
}

// FuzzParseRef: what parses is written back in a form that parses to the same.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"hf:o/r@v:Q4_K_M", "pip:a==1,b==2", "x.gguf", "smollm2", "https://huggingface.co/o/r/blob/main/x.gguf", "hf:o/r:a/b.GGUF"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := hub.ParseRef(s)
		if err != nil {
			require.ErrorIs(t, err, hub.ErrBadRef)
			return
		}
		again, err := hub.ParseRef(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
		require.NotContains(t, strings.Split(filepath.ToSlash(r.File), "/"), "..")
	})
}

func TestCatalogue(t *testing.T) {
	sha := regexp.MustCompile(`^[0-9a-f]{64}$`)
	require.Equal(t, []string{"gemma3-270m", "smollm2"}, hub.Names(hub.Catalogue))
	for name, e := range hub.Catalogue {
		r, err := hub.ParseRef(name)
		require.NoError(t, err)
		require.Equal(t, hub.KindName, r.Kind, name)
		require.Regexp(t, sha, e.SHA256)
		require.Positive(t, e.Bytes)
		require.NotEmpty(t, e.Licence)
		require.NotEmpty(t, e.Description)
		require.GreaterOrEqual(t, len(e.Sources), 2, "a second source for when the first is not reachable")
		for _, src := range e.Sources {
			r, err := hub.ParseRef(src)
			require.NoError(t, err, src)
			require.True(t, r.Kind == hub.KindPip || r.Kind == hub.KindHub && r.File != "", src)
		}
	}
	require.Contains(t, hub.Catalogue["gemma3-270m"].Notice, "Gemma Terms of Use")
}
