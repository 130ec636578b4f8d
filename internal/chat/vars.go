package chat

import (
	"fmt"
	"slices"

	"kvasir/internal/chat/jinja"
)

// roles are the role names that may become part of a control token, as in
// '<|' + message.role + '|>'. Any other role is marked as input.
var roles = []string{"system", "developer", "user", "assistant", "tool", "function", "ipython", "model"}

// reserved are the variables that extra variables may not replace.
var reserved = []string{"messages", "tools", "documents", "add_generation_prompt", "bos_token", "eos_token"}

// variables builds the variables of a template from a conversation that has
// been adapted to the template.
func variables(in Input, caps Caps) (*jinja.Dict, error) {
	vars := jinja.NewDict()
	messages := jinja.NewList()
	for i, m := range in.Messages {
		v, err := message(m, caps)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		messages.Append(v)
	}
	vars.Set("messages", messages)
	var tools jinja.Value = jinja.None{}
	if len(in.Tools) > 0 || caps.EmptyTools {
		var err error
		if tools, err = toolList(in); err != nil {
			return nil, err
		}
	}
	vars.Set("tools", jinja.None{})
	vars.Set(caps.ToolsVar, tools)
	vars.Set("documents", jinja.None{})
	vars.Set("add_generation_prompt", jinja.Bool(in.AddGenerationPrompt))
	vars.Set("bos_token", jinja.Text(in.BOS))
	vars.Set("eos_token", jinja.Text(in.EOS))
	if in.EnableThinking != nil {
		vars.Set("enable_thinking", jinja.Bool(*in.EnableThinking))
		vars.Set("thinking", jinja.Bool(*in.EnableThinking))
	}
	for _, e := range in.Extra {
		if slices.Contains(reserved, e.Name) {
			return nil, fmt.Errorf("extra variable %q: %w", e.Name, ErrReserved)
		}
		v, err := jinja.FromJSON(e.Value, true)
		if err != nil {
			return nil, fmt.Errorf("extra variable %q: %w", e.Name, err)
		}
		vars.Set(e.Name, v)
	}
	return vars, nil
}

func toolList(in Input) (jinja.Value, error) {
	tools := jinja.NewList()
	for i, raw := range in.Tools {
		v, err := jinja.FromJSON(raw, true)
		if err != nil {
			return nil, fmt.Errorf("tool %d: %w", i, err)
		}
		if _, ok := v.(*jinja.Dict); !ok {
			return nil, fmt.Errorf("tool %d: the definition is not an object", i)
		}
		tools.Append(v)
	}
	return tools, nil
}

func message(m Message, caps Caps) (*jinja.Dict, error) {
	d := jinja.NewDict()
	if slices.Contains(roles, m.Role) {
		d.Set("role", jinja.Text(m.Role))
	} else {
		d.Set("role", jinja.Input(m.Role))
	}
	content, err := content(m, caps)
	if err != nil {
		return nil, err
	}
	d.Set("content", content)
	if m.ReasoningContent != "" {
		d.Set(caps.ReasoningKey, jinja.Input(m.ReasoningContent))
	}
	if len(m.ToolCalls) > 0 {
		calls := jinja.NewList()
		for _, c := range m.ToolCalls {
			calls.Append(toolCall(c, caps))
		}
		d.Set("tool_calls", calls)
	}
	if m.ToolCallID != "" {
		d.Set("tool_call_id", jinja.Input(callID(m.ToolCallID, caps)))
	}
	if m.Name != "" {
		d.Set("name", jinja.Input(m.Name))
	}
	return d, nil
}

func content(m Message, caps Caps) (jinja.Value, error) {
	for _, p := range m.Parts {
		if p.Type != "text" {
			return nil, fmt.Errorf("%w: type %q", ErrPart, p.Type)
		}
	}
	switch {
	case m.Parts != nil:
		l := jinja.NewList()
		for _, p := range m.Parts {
			d := jinja.NewDict()
			d.Set("type", jinja.Text(p.Type))
			d.Set("text", jinja.Input(p.Text))
			l.Append(d)
		}
		return l, nil
	case m.Content == "" && len(m.ToolCalls) > 0 && caps.NullContent:
		return jinja.None{}, nil
	}
	return jinja.Input(m.Content), nil
}

// toolCall builds a call; its arguments are an object, or JSON text where the
// template wants that or the text is no object.
func toolCall(c ToolCall, caps Caps) *jinja.Dict {
	var arguments jinja.Value = jinja.Input(c.Arguments)
	if caps.ObjectArguments {
		text := c.Arguments
		if text == "" {
			text = "{}"
		}
		if v, err := jinja.FromJSON([]byte(text), true); err == nil {
			if d, ok := v.(*jinja.Dict); ok {
				arguments = d
			}
		}
	}
	fn := jinja.NewDict()
	fn.Set("name", jinja.Input(c.Name))
	fn.Set("arguments", arguments)
	d := jinja.NewDict()
	if c.ID != "" {
		d.Set("id", jinja.Input(callID(c.ID, caps)))
	}
	d.Set("type", jinja.Text("function"))
	d.Set("function", fn)
	return d
}

// callID returns an id as the template takes it. Some demand nine letters and
// digits; other ids are mapped to such ones, equal ids to equal ones.
func callID(id string, caps Caps) string {
	if !caps.ShortCallIDs || isShortID(id) {
		return id
	}
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	const letters = "0123456789abcdefghijklmnopqrstuvwxyz"
	short := make([]byte, shortIDLen)
	for i := range short {
		short[i] = letters[h%uint64(len(letters))]
		h /= uint64(len(letters))
	}
	return string(short)
}

const shortIDLen = 9

func isShortID(id string) bool {
	for i := range len(id) {
		c := id[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return false
		}
	}
	return len(id) == shortIDLen
}
