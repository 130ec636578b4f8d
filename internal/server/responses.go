package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"kvasir"
)

// responseCall is a decoded request of /v1/responses, which is stateless here.
type responseCall struct {
	chatCall
	instructions string
	echo         map[string]json.RawMessage // fields that the answer repeats
}

// responses answers POST /v1/responses.
func (s *Server) responses(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	c := &responseCall{}
	c.id, c.created = infoOf(r).id, time.Now().Unix()
	if err := s.decodeResponse(f, c); err != nil {
		return err
	}
	m, err := s.host.acquire(r.Context(), c.model)
	if err != nil {
		return err
	}
	defer m.release()
	g, err := s.startChat(r, m, &c.chatCall)
	if err != nil {
		return err
	}
	defer g.job.Close()
	if c.stream {
		return s.streamResponse(w, r, g, c)
	}
	if err := g.all(r.Context()); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, c.answer(g, ""))
	return nil
}

// decodeResponse reads the fields.
func (s *Server) decodeResponse(f *fields, c *responseCall) error {
	c.model = f.str("model", "", maxNameBytes)
	c.instructions = f.str("instructions", "", maxTextBytes)
	if c.instructions != "" {
		c.chat.Messages = append(c.chat.Messages, kvasir.Message{Role: "system", Content: c.instructions})
	}
	responseInput(f, &c.chat)
	c.req = s.common(f)
	c.req.MaxTokens = f.integer("max_output_tokens", 0, 1, 1<<24)
	c.stream = f.boolean("stream", false)
	for _, o := range f.objects("tools", maxTools) {
		if t := o.str("type", "", 64); t != "function" {
			f.d.fail(unsupported(o.at("type"), ": tools are functions"))
			continue
		}
		c.chat.Tools = append(c.chat.Tools, tool(o))
		_ = o.done() // the decoder keeps it
	}
	f.only("parallel_tool_calls", "true", "false")
	toolChoice(f, &c.chat)
	mustCall(&c.chat, &c.req)
	if o := f.object("text"); o != nil {
		format(o.object("format"), &c.req)
		o.only("verbosity", `"medium"`)
		_ = o.done()
	}
	if o := f.object("reasoning"); o != nil {
		switch o.word("effort", "", "", "none", "minimal", "low", "medium", "high", "xhigh") {
		case "":
		case "none", "minimal":
			c.chat.Thinking = new(bool)
		default:
			yes := true
			c.chat.Thinking = &yes
		}
		o.ignore("summary", "generate_summary")
		_ = o.done()
	}
	f.ignore("metadata")
	f.only("store", "false")
	f.only("truncation", `"disabled"`)
	f.only("background", "false")
	f.only("service_tier", `"auto"`, `"default"`)
	f.refuse(": this server keeps no conversations", "previous_response_id", "conversation")
	f.refuse("", "include", "prompt", "max_tool_calls", "top_logprobs")
	c.echo = map[string]json.RawMessage{}
	for _, name := range []string{"tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p", "max_output_tokens", "metadata", "text", "reasoning", "instructions"} {
		if n := f.n.fields[name]; n != nil {
			c.echo[name] = n.json()
		}
	}
	return f.done()
}

// responseInput reads a text or a list of items.
func responseInput(f *fields, c *kvasir.ChatRequest) {
	n := f.get("input")
	if n != nil && n.kind == stringNode {
		c.Messages = append(c.Messages, kvasir.Message{Role: "user", Content: n.text})
		return
	}
	items := f.objects("input", maxMessages)
	if len(items) == 0 {
		f.d.fail(invalidValue("input", "input is required"))
	}
	for _, o := range items {
		responseItem(o, c)
		_ = o.done() // the decoder keeps it
	}
}

// responseItem reads one item of the input.
func responseItem(o *fields, c *kvasir.ChatRequest) {
	o.ignore("id", "status")
	switch t := o.str("type", "message", 64); t {
	case "message":
		m := kvasir.Message{Role: o.word("role", "", "system", "developer", "user", "assistant")}
		m.Content = content(o, "content")
		o.ignore("phase")
		c.Messages = append(c.Messages, m)
	case "function_call":
		call := kvasir.ToolCall{ID: o.str("call_id", "", maxNameBytes), Name: o.str("name", "", 64), Arguments: o.str("arguments", "{}", maxTextBytes)}
		if n := len(c.Messages); n > 0 && c.Messages[n-1].Role == "assistant" {
			c.Messages[n-1].ToolCalls = append(c.Messages[n-1].ToolCalls, call)
			return
		}
		c.Messages = append(c.Messages, kvasir.Message{Role: "assistant", ToolCalls: []kvasir.ToolCall{call}})
	case "function_call_output":
		c.Messages = append(c.Messages, kvasir.Message{Role: "tool", ToolCallID: o.str("call_id", "", maxNameBytes), Content: content(o, "output")})
	case "reasoning": // of an earlier answer: templates drop it as well
		o.ignore("summary", "content", "encrypted_content")
	default:
		o.d.fail(unsupported(o.at("type"), fmt.Sprintf(": items of type %q", t)))
	}
}

// item is an item of the output.
type item struct {
	Type      string     `json:"type"`
	ID        string     `json:"id"`
	Status    string     `json:"status,omitempty"`
	Role      string     `json:"role,omitempty"`
	Content   []itemPart `json:"content,omitzero"`
	Summary   []itemPart `json:"summary,omitzero"`
	CallID    string     `json:"call_id,omitempty"`
	Name      string     `json:"name,omitempty"`
	Arguments *string    `json:"arguments,omitempty"`
}

type itemPart struct {
	Type        string `json:"type"`
	Text        string `json:"text"`
	Annotations []any  `json:"annotations"`
	Logprobs    []any  `json:"logprobs"`
}

func textPart(text string) itemPart {
	return itemPart{Type: "output_text", Text: text, Annotations: []any{}, Logprobs: []any{}}
}

// items are the output so far.
func (c *responseCall) items(ch *choice) []item {
	out := []item{}
	if text := ch.reasoning.String(); text != "" {
		p := textPart(text)
		p.Type = "reasoning_text"
		out = append(out, item{Type: "reasoning", ID: "rs_" + c.id, Summary: []itemPart{}, Content: []itemPart{p}})
	}
	if text := ch.content.String(); text != "" || len(ch.calls) == 0 {
		out = append(out, item{Type: "message", ID: "msg_" + c.id, Status: "completed", Role: "assistant", Content: []itemPart{textPart(text)}})
	}
	for i := range ch.calls {
		call := &ch.calls[i]
		out = append(out, item{Type: "function_call", ID: "fc_" + call.ID, Status: "completed", CallID: call.ID, Name: call.Name, Arguments: &call.Arguments})
	}
	return out
}

// answer is the response object; status "" means by its finish.
func (c *responseCall) answer(g *generation, status string) map[string]any {
	ch := g.choices[0]
	b := map[string]any{
		"id": "resp_" + c.id, "object": "response", "created_at": c.created, "model": g.m.name, "store": false, "error": nil,
		"incomplete_details": nil, "instructions": nil, "metadata": map[string]string{}, "parallel_tool_calls": true, "temperature": 1,
		"top_p": 1, "tool_choice": "auto", "tools": []any{}, "truncation": "disabled", "previous_response_id": nil, "output": []item{}, "usage": nil,
		"max_output_tokens": nil, "text": map[string]any{"format": map[string]string{"type": "text"}}, "reasoning": map[string]any{"effort": nil, "summary": nil},
	}
	for name, raw := range c.echo {
		b[name] = raw
	}
	if status != "" {
		b["status"] = status
		return b
	}
	b["status"], b["output"] = "completed", c.items(ch)
	if ch.finish == "length" {
		b["status"], b["incomplete_details"] = "incomplete", map[string]string{"reason": "max_output_tokens"}
	}
	u := g.usage()
	b["usage"] = map[string]any{
		"input_tokens": u.PromptTokens, "input_tokens_details": map[string]int{"cached_tokens": u.PromptDetails.Cached, "cache_write_tokens": 0},
		"output_tokens": u.CompletionTokens, "output_tokens_details": map[string]int{"reasoning_tokens": u.CompletionDetails.Reasoning},
		"total_tokens": u.TotalTokens,
	}
	return b
}
