package chat_test

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/chat"
	"kvasir/internal/chat/jinja"
)

// now is the time at which the goldens were made.
var now = time.Date(2026, 3, 9, 14, 5, 7, 0, time.UTC)

// golden is what the reference made of one conversation: text, or an error.
type golden struct {
	text string
	err  string
}

func (g *golden) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &g.text)
	}
	var e struct{ Err string }
	err := json.Unmarshal(data, &e)
	g.err = e.Err
	return err
}

// readGoldens reads goldens by template and conversation.
func readGoldens(t *testing.T, path string) map[string]map[string]golden {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var g map[string]map[string]golden
	require.NoError(t, json.NewDecoder(z).Decode(&g))
	return g
}

func readConversations(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	data, err := os.ReadFile("testdata/conversations.json")
	require.NoError(t, err)
	var c map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(data, &c))
	return c
}

// source returns the text of a template named in the goldens.
func source(t *testing.T, folder, name string) string {
	t.Helper()
	if b, ok := strings.CutPrefix(name, "builtin/"); ok {
		tmpl := chat.Builtin(b)
		require.NotNil(t, tmpl, b)
		return tmpl.Source()
	}
	src, err := os.ReadFile(filepath.Join(folder, name+".jinja"))
	require.NoError(t, err)
	return string(src)
}

// TestGoldens renders real templates with the variables the reference had and
// compares every byte.
func TestGoldens(t *testing.T) {
	goldens := readGoldens(t, "testdata/goldens.json.gz")
	testGoldens(t, "testdata/templates", goldens)
	files, err := filepath.Glob("testdata/templates/*.jinja")
	require.NoError(t, err)
	require.Len(t, goldens, len(files)+len(chat.Builtins()))
}

// TestGoldensOutside does the same for a folder outside of the repository:
// KVASIR_CHAT_TEMPLATES names it, KVASIR_CHAT_GOLDENS the goldens that
// testdata/gen.py made of it.
func TestGoldensOutside(t *testing.T) {
	folder, path := os.Getenv("KVASIR_CHAT_TEMPLATES"), os.Getenv("KVASIR_CHAT_GOLDENS")
	if folder == "" || path == "" {
		t.Skip("KVASIR_CHAT_TEMPLATES and KVASIR_CHAT_GOLDENS are not set")
	}
	testGoldens(t, folder, readGoldens(t, path))
}

func testGoldens(t *testing.T, folder string, goldens map[string]map[string]golden) {
	conversations := readConversations(t)
	for name, byConversation := range goldens {
		t.Run(name, func(t *testing.T) {
			tmpl, err := jinja.Parse(source(t, folder, name))
			require.NoError(t, err)
			require.Len(t, byConversation, len(conversations))
			for conversation, want := range byConversation {
				vars, err := jinja.FromJSON(conversations[conversation], true)
				require.NoError(t, err)
				out, err := tmpl.Render(vars.(*jinja.Dict), jinja.Options{Now: func() time.Time { return now }})
				switch {
				case want.err != "" && err == nil:
					if !lenient(name, want.err) {
						t.Errorf("%s: got\n%s\nwant error %s", conversation, out, want.err)
					}
				case want.err == "" && err != nil:
					t.Errorf("%s: got error %v\nwant\n%s", conversation, err, want.text)
				case want.err == "":
					require.Equal(t, want.text, out.String(), conversation)
				}
			}
		})
	}
}

// lenient tells the one thing that the reference refuses and we take: tojson
// of what a filter such as map returns.
func lenient(_, message string) bool {
	return strings.HasSuffix(message, "Object of type generator is not JSON serializable")
}
