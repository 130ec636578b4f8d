package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"kvasir"
)

func isEnd(err error) bool { return errors.Is(err, io.EOF) }

// Limits of conversations.
const (
	maxMessages = 2048
	maxTools    = 128
	maxCalls    = 128
)

// chatCall is a decoded request for a chat completion.
type chatCall struct {
	model   string
	req     kvasir.Request
	chat    kvasir.ChatRequest
	stream  bool
	usage   bool // at the end of a stream
	top     int  // alternatives of each token
	scores  bool
	created int64
	id      string
}

// chatCompletions answers POST /v1/chat/completions.
func (s *Server) chatCompletions(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	c := &chatCall{id: "chatcmpl-" + infoOf(r).id, created: time.Now().Unix()}
	if err := s.decodeChat(f, c); err != nil {
		return err
	}
	m, err := s.host.acquire(r.Context(), c.model)
	if err != nil {
		return err
	}
	defer m.release()
	g, err := s.startChat(r, m, c)
	if err != nil {
		return err
	}
	defer g.job.Close()
	if c.stream {
		return s.streamChat(w, r, g, c)
	}
	for {
		ch, tok, err := g.next(r.Context())
		if isEnd(err) {
			break
		}
		if err != nil {
			return err
		}
		ch.add(tok)
		if c.scores {
			ch.logprobs = append(ch.logprobs, g.scored(tok, c.top))
		}
	}
	writeJSON(w, http.StatusOK, g.chatAnswer(c))
	return nil
}

// startChat renders the conversation and submits the job.
func (s *Server) startChat(r *http.Request, m *served, c *chatCall) (*generation, error) {
	if err := checkThinking(m, &c.chat); err != nil {
		return nil, err
	}
	p, err := m.eng.ChatPrompt(c.chat)
	if err != nil {
		if errors.Is(err, kvasir.ErrNoTemplate) || errors.Is(err, kvasir.ErrUnsupported) {
			return nil, err
		}
		return nil, invalidValue("messages", "%s", err.Error())
	}
	c.req.Prompt = p
	g, err := s.start(r, m, c.req)
	if err != nil {
		return nil, err
	}
	g.split(&c.chat, p)
	return g, nil
}

// checkThinking refuses to ask a template for what it does not know.
func checkThinking(m *served, c *kvasir.ChatRequest) error {
	if c.Thinking == nil || !*c.Thinking {
		return nil
	}
	if caps, err := m.eng.ChatCaps(); err == nil && !caps.Thinking {
		return unsupported("reasoning_effort", ": the model's template cannot ask for thinking")
	}
	return nil
}

// decodeChat reads the fields of a chat completion.
func (s *Server) decodeChat(f *fields, c *chatCall) error {
	c.model = f.str("model", "", maxNameBytes)
	c.chat.Messages = messages(f)
	c.req = s.common(f)
	c.req.MaxTokens = maxTokens(f, "max_completion_tokens", "max_tokens")
	c.scores = f.boolean("logprobs", false)
	c.top = f.integer("top_logprobs", 0, 0, maxTop)
	if c.scores {
		c.req.TopLogprobs = max(1, c.top)
	} else if c.top > 0 {
		f.d.fail(invalidValue("top_logprobs", "top_logprobs needs logprobs: true"))
	}
	c.stream = f.boolean("stream", false)
	if o := f.object("stream_options"); o != nil {
		c.usage = o.boolean("include_usage", false)
		o.ignore("include_obfuscation")
		if err := o.done(); err != nil {
			return err
		}
	}
	tools(f, &c.chat)
	format(f.object("response_format"), &c.req)
	mustCall(&c.chat, &c.req)
	switch f.word("reasoning_effort", "", "", "none", "minimal", "low", "medium", "high", "xhigh") {
	case "":
	case "none", "minimal":
		c.chat.Thinking = new(bool)
	default:
		yes := true
		c.chat.Thinking = &yes
	}
	templateVars(f, &c.chat)
	f.ignore("metadata")
	f.only("service_tier", `"auto"`, `"default"`)
	f.only("store", "false")
	f.only("verbosity", `"medium"`)
	f.only("modalities", `["text"]`)
	f.refuse("", "audio", "prediction", "web_search_options", "moderation", "prompt_cache_options")
	f.refuse(": use tools", "functions")
	f.refuse(": use tool_choice", "function_call")
	return f.done()
}

// maxTokens reads the limit of an answer, which has two names.
func maxTokens(f *fields, name, old string) int {
	const most = 1 << 24
	a, b := f.integer(name, 0, 1, most), f.integer(old, 0, 1, most)
	if a > 0 && b > 0 && a != b {
		f.d.fail(invalidValue(f.at(old), "%s and %s are both given and differ", name, old))
	}
	return max(a, b)
}

// templateVars reads further variables of the chat template.
func templateVars(f *fields, c *kvasir.ChatRequest) {
	o := f.object("chat_template_kwargs")
	if o == nil {
		return
	}
	for name := range o.n.fields {
		if c.Vars == nil {
			c.Vars = map[string]json.RawMessage{}
		}
		if name == "enable_thinking" {
			v := o.boolean(name, false)
			c.Thinking = &v
			continue
		}
		c.Vars[name] = o.raw(name)
	}
}

// messages reads a conversation.
func messages(f *fields) []kvasir.Message {
	list := f.objects("messages", maxMessages)
	if len(list) == 0 && f.d.err == nil {
		f.d.fail(invalidValue(f.at("messages"), "messages must hold at least one message"))
	}
	var out []kvasir.Message
	for _, o := range list {
		m := kvasir.Message{Role: o.word("role", "", "system", "developer", "user", "assistant", "tool")}
		m.Content = content(o, "content")
		m.Name = o.str("name", "", maxNameBytes)
		m.Reasoning = o.str("reasoning_content", "", maxTextBytes)
		m.ToolCallID = o.str("tool_call_id", "", maxNameBytes)
		m.ToolCalls = toolCalls(o)
		o.ignore("refusal", "annotations")
		o.refuse("", "audio", "function_call")
		if !o.has("content") && len(m.ToolCalls) == 0 && m.Role != "assistant" {
			f.d.fail(invalidValue(o.at("content"), "%s is required", o.at("content")))
		}
		_ = o.done() // the decoder keeps it
		out = append(out, m)
	}
	return out
}

// content reads a string or a list of text parts, which are joined.
func content(o *fields, name string) string {
	n := o.get(name)
	switch {
	case n == nil:
		return ""
	case n.kind == stringNode:
		return n.text
	case n.kind != listNode:
		o.wrong(name, n, "a string or a list of parts")
		return ""
	}
	text := ""
	for i, p := range o.objects(name, maxMessages) {
		t := p.str("type", "", 64)
		switch t {
		case "text", "input_text", "output_text":
			text += p.str("text", "", maxTextBytes)
			p.ignore("annotations", "logprobs")
			_ = p.done() // the decoder keeps it
		default:
			o.d.fail(unsupported(fmt.Sprintf("%s[%d].type", o.at(name), i), fmt.Sprintf(": content of type %q", t)))
		}
	}
	return text
}
