package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// adapt rewrites a conversation into one that the template can express. The
// input is not changed.
func adapt(in Input, caps Caps) (Input, error) {
	msgs := slices.Clone(in.Messages)
	for i := range msgs {
		if err := flatten(&msgs[i], caps); err != nil {
			return in, fmt.Errorf("message %d: %w", i, err)
		}
		if msgs[i].Role == "developer" && !caps.DeveloperRole {
			msgs[i].Role = "system"
		}
	}
	if !caps.Tools && len(in.Tools) > 0 {
		prompt, err := toolPrompt(in.Tools)
		if err != nil {
			return in, err
		}
		msgs, in.Tools = addSystem(msgs, prompt), nil
	}
	if caps.ToolCalls && !caps.ParallelCalls {
		msgs = splitCalls(msgs)
	}
	for i := range msgs {
		writeOutCalls(&msgs[i], caps)
	}
	msgs = mergeSystem(msgs, caps)
	if !caps.Repeats {
		msgs = mergeRepeats(msgs)
	}
	if !caps.StringContent {
		for i, m := range msgs {
			if m.Parts == nil && m.Content != "" {
				msgs[i].Parts = []Part{{"text", m.Content}}
			}
		}
	}
	in.Messages = msgs
	return in, nil
}

// flatten joins typed content into a string where the template needs one.
func flatten(m *Message, caps Caps) error {
	if m.Parts == nil || caps.TypedContent {
		return nil
	}
	texts := make([]string, len(m.Parts))
	for i, p := range m.Parts {
		if p.Type != "text" {
			return fmt.Errorf("%w: type %q", ErrPart, p.Type)
		}
		texts[i] = p.Text
	}
	m.Content, m.Parts = strings.Join(texts, "\n"), nil
	return nil
}

// text returns the content of a message as one string.
func (m *Message) text() string {
	if m.Parts == nil {
		return m.Content
	}
	_ = flatten(m, Caps{}) // parts that are not text are refused when the message is built
	return m.Content
}

// toolPrompt describes tools and the form of a call to a model whose template
// has no place for them.
func toolPrompt(tools []json.RawMessage) (string, error) {
	var b strings.Builder
	b.WriteString("You can call these tools:\n")
	for i, tool := range tools {
		var line bytes.Buffer
		if err := json.Compact(&line, tool); err != nil {
			return "", fmt.Errorf("tool %d: %w", i, err)
		}
		b.Write(line.Bytes())
		b.WriteString("\n")
	}
	b.WriteString("\nTo call a tool, answer with nothing but " +
		`{"tool_call": {"name": "<name>", "arguments": {<arguments>}}}` +
		". Its result follows in the next message.")
	return b.String(), nil
}

// addSystem adds text to the system message at the start, which it makes if
// there is none.
func addSystem(msgs []Message, text string) []Message {
	if len(msgs) > 0 && msgs[0].Role == "system" {
		msgs[0].Content, msgs[0].Parts = paragraphs(msgs[0].text(), text), nil
		return msgs
	}
	return append([]Message{{Role: "system", Content: text}}, msgs...)
}

func paragraphs(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n\n" + b
}

// writeOutCalls turns calls and results into plain content where the template
// has no place for them.
func writeOutCalls(m *Message, caps Caps) {
	if len(m.ToolCalls) > 0 && !caps.ToolCalls {
		text := m.text()
		for _, c := range m.ToolCalls {
			call := `{"name": ` + quote(c.Name) + `, "arguments": ` + object(c.Arguments) + `}`
			if caps.TaggedCalls {
				call = "<tool_call>\n" + call + "\n</tool_call>"
			} else {
				call = `{"tool_call": ` + call + `}`
			}
			text = paragraphs(text, call)
		}
		m.Content, m.Parts, m.ToolCalls = text, nil, nil
	}
	if m.Role == "tool" && !caps.ToolResults {
		m.Content, m.Parts = `{"tool_result": `+quote(m.text())+`}`, nil
		m.Role, m.ToolCallID, m.Name = "user", "", ""
	}
}

// splitCalls turns a message with several calls into one message for each,
// followed by the result of its call.
func splitCalls(msgs []Message) []Message {
	var out []Message
	for i := 0; i < len(msgs); i++ {
		m := msgs[i]
		if len(m.ToolCalls) < 2 {
			out = append(out, m)
			continue
		}
		end := i + 1
		for end < len(msgs) && msgs[end].Role == "tool" {
			end++
		}
		results := slices.Clone(msgs[i+1 : end])
		i = end - 1
		for n, call := range m.ToolCalls {
			one := m
			if n > 0 {
				one = Message{Role: m.Role}
			}
			one.ToolCalls = []ToolCall{call}
			out = append(out, one)
			at := slices.IndexFunc(results, func(r Message) bool { return r.ToolCallID == call.ID })
			if at >= 0 {
				out = append(out, results[at])
				results = slices.Delete(results, at, at+1)
			}
		}
		out = append(out, results...)
	}
	return out
}

func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string always encodes
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// object returns arguments if they are JSON, else as a JSON string.
func object(arguments string) string {
	switch {
	case arguments == "":
		return "{}"
	}
	var b bytes.Buffer
	if json.Compact(&b, []byte(arguments)) == nil {
		return b.String()
	}
	return quote(arguments)
}

// mergeSystem joins system messages at the start into one where that is all
// the template takes, and moves the text of others into the user message that
// follows.
func mergeSystem(msgs []Message, caps Caps) []Message {
	if caps.LateSystem && caps.SystemRole {
		return msgs
	}
	var out []Message
	pending := "" // system text that waits for a user message
	for _, m := range msgs {
		switch {
		case m.Role == "system" && caps.SystemRole && len(out) == 0:
			out = append(out, m)
		case m.Role == "system" && caps.SystemRole && len(out) == 1 && out[0].Role == "system":
			out = addSystem(out, m.text())
		case m.Role == "system":
			pending = paragraphs(pending, m.text())
		case m.Role == "user" && pending != "":
			m.Content, m.Parts = paragraphs(pending, m.text()), nil
			out = append(out, m)
			pending = ""
		case m.Role != "user" && pending != "" && len(out) == 0:
			out = append(out, Message{Role: "user", Content: pending}, m)
			pending = ""
		default:
			out = append(out, m)
		}
	}
	if pending == "" {
		return out
	}
	return append(out, Message{Role: "user", Content: pending})
}

// mergeRepeats joins neighbours of one role that carry nothing but content.
func mergeRepeats(msgs []Message) []Message {
	var out []Message
	for _, m := range msgs {
		n := len(out)
		if n > 0 && out[n-1].Role == m.Role && isPlain(m) && isPlain(out[n-1]) {
			out[n-1].Content, out[n-1].Parts = paragraphs(out[n-1].text(), m.text()), nil
			continue
		}
		out = append(out, m)
	}
	return out
}

func isPlain(m Message) bool {
	return (m.Role == "user" || m.Role == "assistant" || m.Role == "system") &&
		len(m.ToolCalls) == 0 && m.ToolCallID == "" && m.ReasoningContent == ""
}
