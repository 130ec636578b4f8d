package chat

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// split is a reply put together again.
type split struct {
	content, reasoning string
	names, args        []string
}

// run pushes text in parts whose lengths next gives.
func run(s *Splitter, text string, next func() int) (out split) {
	take := func(ps []Piece) {
		for _, p := range ps {
			switch p.Kind {
			case PieceContent:
				out.content += p.Text
			case PieceReasoning:
				out.reasoning += p.Text
			case PieceCall:
				out.names, out.args = append(out.names, p.Text), append(out.args, "")
			case PieceArguments:
				out.args[len(out.args)-1] += p.Text
			}
		}
	}
	for len(text) > 0 {
		n := min(max(1, next()), len(text))
		take(s.Push(text[:n]))
		text = text[n:]
	}
	take(s.Flush())
	return out
}

func TestSplitter(t *testing.T) {
	tools := []string{"weather", "add"}
	for _, tc := range []struct {
		name, end, text string
		tools           []string
		want            split
	}{
		{"plain", "", "Hello <b>there</b>", tools, split{content: "Hello <b>there</b>"}},
		{"no tools", "", `{"name": "weather", "arguments": {}}`, nil, split{content: `{"name": "weather", "arguments": {}}`}},
		{"thinking", "", "<think>\nhm\n</think>\n\nYes", nil, split{reasoning: "hm", content: "Yes"}},
		{"thinking opened by the prompt", "assistant\n<think>\n", "hm\n\n</think>\n\nYes", nil, split{reasoning: "hm", content: "Yes"}},
		{"thinking never ends", "", "<think>a < b", nil, split{reasoning: "a < b"}},
		{"tagged", "", "Let me see.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo}\"}}\n</tool_call>", tools,
			split{content: "Let me see.", names: []string{"weather"}, args: []string{`{"city": "Oslo}"}`}}},
		{"two tagged", "", `<tool_call>{"name":"add","arguments":{"a":1}}</tool_call>` + "\n" + `<tool_call>{"arguments":{"b":"\u00e9"},"name":"add"}</tool_call> done`, tools,
			split{names: []string{"add", "add"}, args: []string{`{"a":1}`, `{"b":"\u00e9"}`}, content: "done"}},
		{"bare", "", ` {"tool_call": {"name": "add", "arguments": {"a": [1, {"x": 2}]}}}`, tools, split{names: []string{"add"}, args: []string{`{"a": [1, {"x": 2}]}`}}},
		{"parameters", "", `{"name": "add", "parameters": {}}`, tools, split{names: []string{"add"}, args: []string{`{}`}}},
		{"list", "", `[{"name":"add","arguments":{}}, {"name":"weather","arguments":{"c":1}}]`, tools, split{names: []string{"add", "weather"}, args: []string{`{}`, `{"c":1}`}}},
		{"after thinking", "", `<think>x</think>{"name":"add","arguments":{}}`, tools, split{reasoning: "x", names: []string{"add"}, args: []string{`{}`}}},
		{"unknown tool", "", `{"name": "rm", "arguments": {}}`, tools, split{content: `{"name": "rm", "arguments": {}}`}},
		{"other JSON", "", `{"answer": 42}`, tools, split{content: `{"answer": 42}`}},
		{"no call in tags", "", `<tool_call>nothing</tool_call> x`, tools, split{content: `<tool_call>nothing</tool_call> x`}},
		{"half a call", "", `{"name": "add", "argu`, tools, split{content: `{"name": "add", "argu`}},
		{"cut arguments", "", `{"name": "add", "arguments": {"a": "é`, tools, split{names: []string{"add"}, args: []string{`{"a": "é`}}},
		{"white space", "", "  hi \n", tools, split{content: "  hi \n"}},
		{"a tag's beginning", "", "a <tool_ca", tools, split{content: "a <tool_ca"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for n := 1; n < 9; n++ {
				require.Equal(t, tc.want, run(NewSplitter(tc.end, tc.tools), tc.text, func() int { return n }), "parts of %d", n)
			}
			require.Equal(t, tc.want, run(NewSplitter(tc.end, tc.tools), tc.text, func() int { return len(tc.text) }))
		})
	}
}

// However a reply is cut, it is split alike; without calls all of it is content.
func TestSplitterProperty(t *testing.T) {
	parts := rapid.SampledFrom([]string{
		"text ", "<tool_call>", "</tool_call>", `{"name": "f", "arguments": {"k": "v"}}`, `{"name"`, `": `, "{", "}", "[", "\n", " ", "<", "é", "\\", `"`,
		"<think>", "</think>", `{"x": 1}`, ",",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(parts, 0, 12).Draw(t, "parts"), "")
		tools := []string{"f"}
		whole := run(NewSplitter("", tools), text, func() int { return len(text) })
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "cuts"), 1))
		require.Equal(t, whole, run(NewSplitter("", tools), text, func() int { return 1 + r.IntN(5) }))
		if len(whole.names) == 0 && whole.reasoning == "" && !strings.Contains(text, thinkOpen) {
			require.Equal(t, text, whole.content)
		}
		for i, a := range whole.args {
			if i+1 < len(whole.args) && !json.Valid([]byte(a)) {
				require.Fail(t, "arguments before another call are not complete", "%s", a)
			}
		}
	})
}

func FuzzSplitter(f *testing.F) {
	f.Add(`<think>a</think><tool_call>{"name":"f","arguments":{"a":1}}</tool_call>`, uint8(3))
	f.Add(`{"name":"f","arguments":{"a":"\u12"}}`, uint8(1))
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		whole := run(NewSplitter("", []string{"f"}), text, func() int { return len(text) })
		require.Equal(t, whole, run(NewSplitter("", []string{"f"}), text, func() int { return int(n%7) + 1 }))
	})
}
