package chat_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/chat"
)

const (
	// strict knows user and model turns that alternate, and nothing else.
	strict = `{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}` +
		`{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('must alternate') }}{% endif %}` +
		`[{{ m.role }}]{{ m.content + '' }}{% endfor %}`
	// plain prints any role.
	plain = `{% for m in messages %}[{{ m.role }}]{{ m.content + '' }}{% endfor %}`
	// first takes a system message at the start only.
	first = `{% for m in messages %}{% if m.role == 'system' and not loop.first %}{{ raise_exception('late') }}{% endif %}` +
		`[{{ m.role }}]{{ m.content + '' }}{% endfor %}`
	// typed takes content as a list of parts only.
	typed = `{% for m in messages %}[{{ m.role }}]{% for p in m.content %}{{ p['text'] + '|' }}{% endfor %}{% endfor %}`
	// native has tools, and calls with arguments as an object.
	native = `{% for t in tools or [] %}<{{ t.function.name }}>{% endfor %}{% for m in messages %}[{{ m.role }}]{{ m.content or '' }}` +
		`{% for c in m.tool_calls or [] %}({{ c.id }} {{ c.function.name }} {% for k, v in c.function.arguments.items() %}{{ k }}={{ v }}{% endfor %}){% endfor %}` +
		`{% if m.role == 'tool' %}{{ ' for ' + m.tool_call_id }}{% endif %}{% endfor %}`
	// text has calls with arguments as JSON text, one per message.
	text = `{% for t in tools or [] %}<{{ t.function.name }}>{% endfor %}{% for m in messages %}[{{ m.role }}]{{ m.content or '' }}` +
		`{% if m.tool_calls %}{% if m.tool_calls|length > 1 %}{{ raise_exception('one call') }}{% endif %}` +
		`({{ m.tool_calls[0].function.name + ' ' + m.tool_calls[0].function.arguments }}){% endif %}{% endfor %}`
	// nullish shows calls only where content is none.
	nullish = `{% for t in tools or [] %}<{{ t.function.name }}>{% endfor %}{% for m in messages %}[{{ m.role }}]` +
		`{% if m.content is none %}({{ m.tool_calls[0].function|tojson }}){% else %}{{ m.content }}{% endif %}{% endfor %}`
	// nine demands ids of nine letters and digits.
	nine = `{% for t in tools or [] %}<{{ t.function.name }}>{% endfor %}{% for m in messages %}{% for c in m.tool_calls or [] %}` +
		`{% if c.id|length != 9 %}{{ raise_exception('id') }}{% endif %}{{ c.id ~ c.function|tojson }}{% endfor %}` +
		`[{{ m.role }}]{{ m.content or '' }}{{ ' for ' + m.tool_call_id if m.role == 'tool' }}{% endfor %}`
)

var tool = json.RawMessage(`{"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}`)

func say(role, content string) chat.Message { return chat.Message{Role: role, Content: content} }

func call(id, name, arguments string) chat.ToolCall {
	return chat.ToolCall{ID: id, Name: name, Arguments: arguments}
}

func TestAdapt(t *testing.T) {
	calls := func(c ...chat.ToolCall) chat.Message { return chat.Message{Role: "assistant", ToolCalls: c} }
	result := func(id, content string) chat.Message {
		return chat.Message{Role: "tool", Content: content, ToolCallID: id}
	}
	const toolText = "You can call these tools:\n" +
		`{"type":"function","function":{"name":"now","parameters":{"type":"object","properties":{}}}}` + "\n\n" +
		`To call a tool, answer with nothing but {"tool_call": {"name": "<name>", "arguments": {<arguments>}}}. Its result follows in the next message.`
	for _, c := range []struct {
		name, tmpl string
		tools      []json.RawMessage
		messages   []chat.Message
		want       string
	}{
		{"untouched", plain, nil, []chat.Message{say("system", "S"), say("user", "U")}, "[system]S[user]U"},
		{"system into user", strict, nil, []chat.Message{say("system", "S"), say("user", "U")}, "[user]S\n\nU"},
		{"systems into user", strict, nil, []chat.Message{say("system", "S"), say("system", "T"), say("user", "U")}, "[user]S\n\nT\n\nU"},
		{"system alone", strict, nil, []chat.Message{say("system", "S")}, "[user]S"},
		{"system then assistant", strict, nil, []chat.Message{say("system", "S"), say("assistant", "A")}, "[user]S[assistant]A"},
		{
			"late system into user", strict, nil,
			[]chat.Message{say("user", "U"), say("assistant", "A"), say("system", "S"), say("user", "V")},
			"[user]U[assistant]A[user]S\n\nV",
		},
		{"late system moved", first, nil, []chat.Message{say("system", "S"), say("user", "U"), say("system", "T"), say("user", "V")}, "[system]S[user]U[user]T\n\nV"},
		{"systems joined", first, nil, []chat.Message{say("system", "S"), say("system", "T"), say("user", "U")}, "[system]S\n\nT[user]U"},
		{"developer", plain, nil, []chat.Message{say("developer", "D"), say("user", "U")}, "[system]D[user]U"},
		{"repeats", strict, nil, []chat.Message{say("user", "U"), say("user", "V"), say("assistant", "A"), say("assistant", "B")}, "[user]U\n\nV[assistant]A\n\nB"},
		{"parts to string", plain, nil, []chat.Message{{Role: "user", Parts: []chat.Part{{"text", "a"}, {"text", "b"}}}}, "[user]a\nb"},
		{"no parts", plain, nil, []chat.Message{{Role: "user", Parts: []chat.Part{}}}, "[user]"},
		{"string to parts", typed, nil, []chat.Message{say("user", "a")}, "[user]a|"},
		{"parts", typed, nil, []chat.Message{{Role: "user", Parts: []chat.Part{{"text", "a"}, {"text", "b"}}}}, "[user]a|b|"},
		{"tools in system", plain, []json.RawMessage{tool}, []chat.Message{say("user", "U")}, "[system]" + toolText + "[user]U"},
		{"tools after system", plain, []json.RawMessage{tool}, []chat.Message{say("system", "S"), say("user", "U")}, "[system]S\n\n" + toolText + "[user]U"},
		{"tools in user", strict, []json.RawMessage{tool}, []chat.Message{say("user", "U")}, "[user]" + toolText + "\n\nU"},
		{
			"calls written out", plain, nil,
			[]chat.Message{say("user", "U"), calls(call("1", "now", `{"a": 1}`)), result("1", `12 "h"`), say("user", "V")},
			`[user]U[assistant]{"tool_call": {"name": "now", "arguments": {"a":1}}}[user]{"tool_result": "12 \"h\""}[user]V`,
		},
		{
			"calls written out and merged", strict, nil,
			[]chat.Message{say("user", "U"), calls(call("1", "now", ``)), result("1", `12`), say("user", "V")},
			`[user]U[assistant]{"tool_call": {"name": "now", "arguments": {}}}[user]{"tool_result": "12"}` + "\n\nV",
		},
		{
			"tagged calls", plain + `{# <tool_call> #}`, nil, []chat.Message{say("user", "U"), calls(call("1", "now", `broken`))},
			"[user]U[assistant]<tool_call>\n{\"name\": \"now\", \"arguments\": \"broken\"}\n</tool_call>",
		},
		{
			"native", native, []json.RawMessage{tool},
			[]chat.Message{say("user", "U"), calls(call("id-1", "now", `{"a": 1}`), call("id-2", "then", `{"b": "x"}`)), result("id-1", "12"), result("id-2", "13")},
			"<now>[user]U[assistant](id-1 now a=1)(id-2 then b=x)[tool]12 for id-1[tool]13 for id-2",
		},
		{
			"text arguments, one call a message", text, []json.RawMessage{tool},
			[]chat.Message{
				say("user", "U"),
				{Role: "assistant", Content: "Look.", ToolCalls: []chat.ToolCall{call("1", "now", `{"a":1}`), call("2", "then", `{}`), call("3", "last", `{}`)}},
				result("2", "two"), result("1", "one"), result("9", "odd"), say("user", "V"),
			},
			`<now>[user]U[assistant]Look.(now {"a":1})[tool]one[assistant](then {})[tool]two[assistant](last {})[tool]odd[user]V`,
		},
		{"null content", nullish, []json.RawMessage{tool}, []chat.Message{say("user", "U"), calls(call("1", "now", `{"a":1}`))}, `<now>[user]U[assistant]({"name": "now", "arguments": {"a": 1}})`},
		{
			"short ids", nine, []json.RawMessage{tool}, []chat.Message{say("user", "U"), calls(call("call_long-id", "now", `{}`)), result("call_long-id", "12")},
			`<now>[user]U` + `u4necq63f{"name": "now", "arguments": {}}[assistant][tool]12 for u4necq63f`,
		},
		{"short ids kept", nine, nil, []chat.Message{say("user", "U"), calls(call("abcDEF123", "now", `{}`))}, `[user]UabcDEF123{"name": "now", "arguments": {}}[assistant]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmpl, err := chat.Parse(c.tmpl)
			require.NoError(t, err)
			spans, err := tmpl.Render(chat.Input{Messages: c.messages, Tools: c.tools})
			require.NoError(t, err)
			require.Equal(t, c.want, chat.Join(spans))
		})
	}
}

// TestCaps pins what the probe finds in templates of well-known families.
func TestCaps(t *testing.T) {
	all := chat.Caps{
		SystemRole: true, LateSystem: true, StringContent: true, Repeats: true, Tools: true, ToolCalls: true,
		ParallelCalls: true, ToolResults: true, ToolsVar: "tools", ObjectArguments: true, ReasoningKey: "reasoning_content",
	}
	with := func(change func(c *chat.Caps)) chat.Caps {
		c := all
		change(&c)
		return c
	}
	for name, want := range map[string]chat.Caps{
		"Qwen-Qwen2.5-7B-Instruct": with(func(c *chat.Caps) { c.TaggedCalls = true }),
		"Qwen-Qwen3-0.6B":          with(func(c *chat.Caps) { c.TaggedCalls, c.Thinking = true, true }),
		"mistralai-Mistral-Nemo-Instruct-2407": with(func(c *chat.Caps) {
			c.LateSystem, c.Repeats, c.ShortCallIDs = false, false, true
		}),
		"openai-gpt-oss-120b": with(func(c *chat.Caps) {
			c.LateSystem, c.DeveloperRole, c.ParallelCalls, c.ReasoningKey = false, true, false, "thinking"
		}),
		"google-gemma-4-31B-it": with(func(c *chat.Caps) {
			c.DeveloperRole, c.TypedContent, c.Thinking = true, true, true
		}),
		"meetkai-functionary-medium-v3.2": with(func(c *chat.Caps) { c.ObjectArguments = false }),
		"microsoft-Phi-3.5-mini-instruct": with(func(c *chat.Caps) {
			c.Tools, c.ToolCalls, c.ParallelCalls, c.ToolResults = false, false, false, false
		}),
		"builtin/gemma": with(func(c *chat.Caps) {
			c.Tools, c.ToolCalls, c.ParallelCalls, c.ToolResults = false, false, false, false
		}),
	} {
		tmpl, err := chat.Parse(source(t, "testdata/templates", name))
		require.NoError(t, err)
		require.Equal(t, want, tmpl.Caps(), name)
	}
	broken, err := chat.Parse("{{ nope.a }}")
	require.NoError(t, err)
	require.True(t, broken.Caps().SystemRole && broken.Caps().TypedContent)
	_, err = broken.Render(chat.Input{Messages: []chat.Message{say("user", "U")}})
	require.ErrorContains(t, err, "'nope' is undefined")
}
