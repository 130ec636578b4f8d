package jinja_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/chat/jinja"
)

// clock is the time at which the goldens were made.
func clock() time.Time { return time.Date(2026, 3, 9, 14, 5, 7, 0, time.UTC) }

// lenient lists templates that the reference refuses and this package takes on
// purpose, with the reason.
var lenient = map[string]string{
	"{{ d.get('q', default=5) }}": "methods take their arguments by name too",
	"{% do l %}":                  "do is common in templates written for other engines",
}

// TestDifferential renders hundreds of small templates and compares with what
// the reference made of them (testdata/cases.json, see ../testdata/gen_cases.py).
func TestDifferential(t *testing.T) {
	data, err := os.ReadFile("testdata/cases.json")
	require.NoError(t, err)
	var suite struct {
		Vars  json.RawMessage
		Cases []struct {
			T        string
			Out, Err *string
		}
	}
	require.NoError(t, json.Unmarshal(data, &suite))
	for _, c := range suite.Cases {
		got, err := render(t, c.T, suite.Vars)
		switch {
		case c.Err != nil && err == nil && lenient[c.T] == "":
			t.Errorf("%q\n got %q\nwant error %s", c.T, got, *c.Err)
		case c.Out != nil && err != nil:
			t.Errorf("%q\n got error %v\nwant %q", c.T, err, *c.Out)
		case c.Out != nil && got != *c.Out:
			t.Errorf("%q\n got %q\nwant %q", c.T, got, *c.Out)
		}
	}
	require.Greater(t, len(suite.Cases), 500)
}

func render(t *testing.T, src string, vars json.RawMessage) (string, error) {
	t.Helper()
	tmpl, err := jinja.Parse(src)
	if err != nil {
		return "", err
	}
	v, err := jinja.FromJSON(vars, true)
	require.NoError(t, err)
	out, err := tmpl.Render(v.(*jinja.Dict), jinja.Options{Now: clock})
	if err != nil {
		return "", err
	}
	return out.String(), nil
}
