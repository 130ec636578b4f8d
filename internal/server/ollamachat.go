package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kvasir"
)

func trimFloat(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// ollamaCall is a decoded request to /api/chat or /api/generate.
type ollamaCall struct {
	chatCall
	generate bool // response instead of message
	raw      bool // no chat template
	began    time.Time
	load     time.Duration
	context  []int32
	text     string
	limit    int // num_ctx
}

// ollamaChat answers POST /api/chat.
func (s *Server) ollamaChat(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	c := &ollamaCall{began: time.Now()}
	ollamaMessages(f, &c.chat)
	ollamaTools(f, &c.chat)
	if err := s.decodeOllama(w, f, c); err != nil {
		return err
	}
	return s.runOllama(w, r, c, len(c.chat.Messages) == 0)
}

// ollamaGenerate answers POST /api/generate.
func (s *Server) ollamaGenerate(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	c := &ollamaCall{began: time.Now(), generate: true}
	c.text = f.str("prompt", "", maxTextBytes)
	if sys := f.str("system", "", maxTextBytes); sys != "" {
		c.chat.Messages = append(c.chat.Messages, kvasir.Message{Role: "system", Content: sys})
	}
	c.raw = f.boolean("raw", false)
	for _, name := range []string{"suffix", "template"} {
		if f.str(name, "", maxTextBytes) != "" {
			f.d.fail(unsupported(name, ""))
		}
	}
	if n := f.get("images"); n != nil && (n.kind != listNode || len(n.list) > 0) {
		f.d.fail(unsupported("images", ""))
	}
	for i, n := range f.list("context", 1<<20) {
		id, ok := n.integer()
		if !ok || id < 0 || id > 1<<31-1 {
			f.d.fail(invalidValue("context", "context[%d] is no token", i))
			break
		}
		c.context = append(c.context, int32(id))
	}
	c.chat.Messages = append(c.chat.Messages, kvasir.Message{Role: "user", Content: c.text})
	if err := s.decodeOllama(w, f, c); err != nil {
		return err
	}
	return s.runOllama(w, r, c, c.text == "")
}

// decodeOllama reads the fields that both routes share.
func (s *Server) decodeOllama(w http.ResponseWriter, f *fields, c *ollamaCall) error {
	c.model = f.str("model", "", maxNameBytes)
	c.stream = f.boolean("stream", true)
	f.ignore("keep_alive")
	if n := f.get("think"); n != nil {
		yes := n.truth || n.kind == stringNode && n.text != "" && n.text != "none"
		if n.kind != boolNode && n.kind != stringNode {
			f.wrong("think", n, "a boolean or a word")
		}
		c.chat.Thinking = &yes
	}
	c.scores = f.boolean("logprobs", false)
	c.top = f.integer("top_logprobs", 0, 0, maxTop)
	if n := f.get("truncate"); n != nil && n.truth {
		f.d.fail(unsupported("truncate", ": prompts are never cut"))
	}
	if n := f.get("shift"); n != nil && n.truth {
		f.d.fail(unsupported("shift", ": prompts are never cut; use a cache policy"))
	}
	p := kvasir.DefaultSampling()
	p.Temperature, p.TopK, p.TopP, p.MinP, p.RepeatPenalty = 0.8, 40, 0.9, 0, 1
	c.req.Sampling = p
	if o := f.object("options"); o != nil {
		c.req.MaxTokens = max(0, o.integer("num_predict", -1, -2, 1<<24))
		c.limit = o.integer("num_ctx", 0, 0, 1<<24)
		c.req.Sampling = sampling(o, p)
		c.req.Stop = stops(o)
		c.req.Session.KV = kvSetting(o, "kv")
		o.ignore("penalize_newline", "tfs_z")
		ollamaHints(w, o)
	}
	if c.scores {
		c.req.TopLogprobs = max(1, c.top)
	}
	ollamaFormat(f, &c.req)
	return f.done()
}

// ollamaFormat reads "json" or a schema.
func ollamaFormat(f *fields, r *kvasir.Request) {
	n := f.get("format")
	switch {
	case n == nil || n.kind == stringNode && n.text == "":
	case n.kind == stringNode && n.text == "json":
		constrain(f, r, kvasir.Constraint{JSONSchema: anyObject})
	case n.kind == objectNode && len(n.raw) <= maxSchemaSize:
		constrain(f, r, kvasir.Constraint{JSONSchema: string(n.raw)})
	default:
		f.d.fail(invalidValue("format", "format must be json or a schema of at most %d bytes", maxSchemaSize))
	}
}

// hints are options about hardware that have no effect here.
var hints = []string{"num_gpu", "num_batch", "num_thread", "main_gpu", "low_vram", "use_mmap", "use_mlock", "numa", "num_keep", "vocab_only", "f16_kv"}

// ollamaHints names options without effect in a header and closes the options.
func ollamaHints(w http.ResponseWriter, o *fields) {
	if o == nil {
		return
	}
	var seen []string
	for _, h := range hints {
		if o.has(h) {
			seen = append(seen, h)
		}
		o.get(h)
	}
	if len(seen) > 0 {
		w.Header().Set("Warning", `299 - "without effect: `+strings.Join(seen, ", ")+`"`)
	}
	if o.d.err == nil && len(o.used) == len(hints) { // embeddings: other options have no meaning
		return
	}
	_ = o.done() // the decoder keeps it
}

// ollamaMessages reads a conversation in Ollama's form.
func ollamaMessages(f *fields, c *kvasir.ChatRequest) {
	for _, o := range f.objects("messages", maxMessages) {
		m := kvasir.Message{Role: o.word("role", "", "system", "user", "assistant", "tool")}
		m.Content = o.str("content", "", maxTextBytes)
		m.Reasoning = o.str("thinking", "", maxTextBytes)
		m.Name = o.str("tool_name", o.str("name", "", maxNameBytes), maxNameBytes)
		m.ToolCallID = o.str("tool_call_id", "", maxNameBytes)
		m.ToolCalls = toolCalls(o)
		if n := o.get("images"); n != nil && (n.kind != listNode || len(n.list) > 0) {
			f.d.fail(unsupported(o.at("images"), ""))
		}
		_ = o.done() // the decoder keeps it
		c.Messages = append(c.Messages, m)
	}
}

func ollamaTools(f *fields, c *kvasir.ChatRequest) {
	if n := f.n.fields["tools"]; n != nil && n.kind == listNode && len(n.list) == 0 {
		f.get("tools")
		return
	}
	tools(f, c)
}

// runOllama generates and answers.
func (s *Server) runOllama(w http.ResponseWriter, r *http.Request, c *ollamaCall, empty bool) error {
	m, err := s.host.acquire(r.Context(), c.model)
	if err != nil {
		return err
	}
	defer m.release()
	c.load = time.Since(c.began)
	if empty { // asks for the model to be loaded
		writeJSON(w, http.StatusOK, c.line(m, "", "", nil, map[string]any{"done": true, "done_reason": "load"}))
		return nil
	}
	if c.limit > m.contextLength() {
		return invalidValue("options.num_ctx", "num_ctx is %d, the model is served with %d", c.limit, m.contextLength())
	}
	g, err := s.startOllama(r, m, c)
	if err != nil {
		return err
	}
	defer g.job.Close()
	t := s.newStream(w, true)
	if !c.stream {
		if err := g.all(r.Context()); err != nil {
			return err
		}
		ch := g.choices[0]
		writeJSON(w, http.StatusOK, c.line(m, ch.content.String(), ch.reasoning.String(), ch.calls, c.last(g)))
		return nil
	}
	err = g.follow(r.Context(), t, func(ch *choice, tok kvasir.Token) error { return c.token(t, g, ch, tok) })
	if err != nil {
		return t.end(err)
	}
	return nil
}

// startOllama submits the job.
func (s *Server) startOllama(r *http.Request, m *served, c *ollamaCall) (*generation, error) {
	if !c.raw && len(c.context) == 0 {
		g, err := s.startChat(r, m, &c.chatCall)
		if err == nil && c.limit > 0 && g.x.prompt >= c.limit {
			_ = g.job.Close() // never fails
			return nil, badRequest("context_length_exceeded", "prompt", "the prompt has %d tokens, num_ctx is %d", g.x.prompt, c.limit)
		}
		return g, err
	}
	p := kvasir.Text(c.text)
	if len(c.context) > 0 {
		toks := m.eng.Tokenizer().Encode(c.text, kvasir.EncodeOptions{ParseSpecial: true})
		p = kvasir.Prompt{Tokens: append(c.context, toks...)}
		for _, id := range c.context {
			if int(id) >= m.eng.Info().Vocabulary {
				return nil, invalidValue("context", "context holds %d, which is no token", id)
			}
		}
	}
	c.req.Prompt = p
	return s.start(r, m, c.req)
}

// token writes the line of a token. Calls come whole, with the end.
func (c *ollamaCall) token(t *stream, g *generation, ch *choice, tok kvasir.Token) error {
	var text, thinking string
	for _, d := range ch.add(tok) {
		text += d.Content
		thinking += d.Reasoning
	}
	var scores map[string]any
	if c.scores {
		scores = map[string]any{"logprobs": []logprob{g.scored(tok, c.top)}}
	}
	if ch.finish == "" {
		if text == "" && thinking == "" && scores == nil {
			return nil
		}
		if scores == nil {
			scores = map[string]any{}
		}
		scores["done"] = false
		return t.event(c.line(g.m, text, thinking, nil, scores))
	}
	if text != "" || thinking != "" || len(ch.calls) > 0 {
		if err := t.event(c.line(g.m, text, thinking, ch.calls, map[string]any{"done": false})); err != nil {
			return err
		}
	}
	return t.event(c.line(g.m, "", "", nil, c.last(g)))
}

// last are the fields of the last line.
func (c *ollamaCall) last(g *generation) map[string]any {
	u := g.job.Usage()
	reason := "stop"
	if g.choices[0].finish == "length" {
		reason = "length"
	}
	out := map[string]any{
		"done": true, "done_reason": reason, "total_duration": time.Since(c.began).Nanoseconds(), "load_duration": c.load.Nanoseconds(),
		"prompt_eval_count": u.PromptTokens, "prompt_eval_duration": u.Prefill.Nanoseconds(), "eval_count": u.OutputTokens, "eval_duration": u.Decode.Nanoseconds(),
	}
	if c.generate {
		out["context"] = append(append([]int32{}, g.job.Prompt()...), g.ids...)
	}
	return out
}

// line is one object of the answer.
func (c *ollamaCall) line(m *served, text, thinking string, calls []kvasir.ToolCall, more map[string]any) map[string]any {
	out := map[string]any{"model": m.name, "created_at": time.Now().UTC()}
	for k, v := range more {
		out[k] = v
	}
	if c.generate {
		out["response"] = text
		if thinking != "" {
			out["thinking"] = thinking
		}
		return out
	}
	msg := map[string]any{"role": "assistant", "content": text}
	if thinking != "" {
		msg["thinking"] = thinking
	}
	for i, call := range calls {
		var args any = map[string]any{}
		if json.Unmarshal([]byte(call.Arguments), &args) != nil {
			args = map[string]any{} // the model wrote no JSON
		}
		list, _ := msg["tool_calls"].([]any)
		msg["tool_calls"] = append(list, map[string]any{"id": call.ID, "function": map[string]any{"index": i, "name": call.Name, "arguments": args}})
	}
	out["message"] = msg
	return out
}
