package server

import (
	"encoding/json"
	"slices"

	"kvasir"
)

// tools reads the functions that the model may call and whether it has to.
func tools(f *fields, c *kvasir.ChatRequest) {
	for _, o := range f.objects("tools", maxTools) {
		if t := o.str("type", "function", 64); t != "function" {
			f.d.fail(unsupported(o.at("type"), ": tools are functions"))
			continue
		}
		fn := o.object("function")
		if fn == nil {
			f.d.fail(invalidValue(o.at("function"), "%s is required", o.at("function")))
			continue
		}
		c.Tools = append(c.Tools, tool(fn))
		_ = fn.done() // the decoder keeps it
		_ = o.done()
	}
	f.only("parallel_tool_calls", "true", "false")
	toolChoice(f, c)
}

// tool reads one function.
func tool(fn *fields) kvasir.Tool {
	t := kvasir.Tool{Name: fn.str("name", "", 64), Description: fn.str("description", "", maxSchemaSize)}
	if !validTool(t.Name) {
		fn.d.fail(invalidValue(fn.at("name"), "%s must have 1 to 64 letters, digits, _ or -", fn.at("name")))
	}
	t.Parameters = schema(fn, "parameters")
	fn.only("strict", "true", "false")
	return t
}

// schema reads an object that is a JSON schema.
func schema(f *fields, name string) json.RawMessage {
	n := f.get(name)
	switch {
	case n == nil:
		return nil
	case n.kind != objectNode:
		f.wrong(name, n, "an object")
		return nil
	case len(n.raw) > maxSchemaSize:
		f.d.fail(invalidValue(f.at(name), "%s has %d bytes, the limit is %d", f.at(name), len(n.raw), maxSchemaSize))
	}
	return n.raw
}

func validTool(name string) bool {
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return name != ""
}

func toolChoice(f *fields, c *kvasir.ChatRequest) {
	n := f.get("tool_choice")
	if n == nil {
		return
	}
	if n.kind == objectNode {
		o := &fields{n: n, d: f.d, path: f.at("tool_choice")}
		o.only("type", `"function"`)
		name := o.str("name", "", 64)
		if fn := o.object("function"); fn != nil {
			name = fn.str("name", "", 64)
			_ = fn.done() // the decoder keeps it
		}
		_ = o.done()
		i := slices.IndexFunc(c.Tools, func(t kvasir.Tool) bool { return t.Name == name })
		if i < 0 {
			f.d.fail(invalidValue("tool_choice", "tool_choice names %q, which is not among the tools", name))
			return
		}
		c.Tools, c.MustCall = c.Tools[i:i+1], true
		return
	}
	switch {
	case n.kind != stringNode:
		f.wrong("tool_choice", n, "a string or an object")
	case n.text == "auto":
	case n.text == "none":
		c.Tools = nil
	case n.text == "required":
		if c.MustCall = true; len(c.Tools) == 0 {
			f.d.fail(invalidValue("tool_choice", "tool_choice is required and there are no tools"))
		}
	default:
		f.d.fail(invalidValue("tool_choice", "tool_choice must be one of none, auto, required, or name a function"))
	}
}

// toolCalls reads the calls of an assistant's message.
func toolCalls(o *fields) []kvasir.ToolCall {
	var out []kvasir.ToolCall
	for _, t := range o.objects("tool_calls", maxCalls) {
		c := kvasir.ToolCall{ID: t.str("id", "", maxNameBytes)}
		t.only("type", `"function"`)
		t.ignore("index")
		if fn := t.object("function"); fn != nil {
			c.Name = fn.str("name", "", 64)
			c.Arguments = arguments(fn)
			fn.ignore("index")
			_ = fn.done() // the decoder keeps it
		} else {
			o.d.fail(invalidValue(t.at("function"), "%s is required", t.at("function")))
		}
		_ = t.done()
		out = append(out, c)
	}
	return out
}

// arguments reads the arguments of a call: JSON text, or the object itself.
func arguments(fn *fields) string {
	n := fn.get("arguments")
	switch {
	case n == nil:
		return "{}"
	case n.kind == stringNode:
		return n.text
	case n.kind != objectNode:
		fn.wrong("arguments", n, "a string or an object")
	}
	return string(n.json())
}
