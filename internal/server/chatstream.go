package server

import (
	"net/http"

	"kvasir"
)

// callBody is a tool call in an answer or a part of one in a stream.
type callBody struct {
	Index    *int     `json:"index,omitempty"`
	ID       string   `json:"id,omitempty"`
	Type     string   `json:"type,omitempty"`
	Function callFunc `json:"function"`
}

type callFunc struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

// messageBody is an answer.
type messageBody struct {
	Role      string     `json:"role"`
	Content   *string    `json:"content"`
	Reasoning string     `json:"reasoning_content,omitempty"`
	Refusal   *string    `json:"refusal"`
	ToolCalls []callBody `json:"tool_calls,omitempty"`
}

type logprobsBody struct {
	Content []logprob `json:"content"`
	Refusal []logprob `json:"refusal"`
}

type chatChoice struct {
	Index    int           `json:"index"`
	Message  messageBody   `json:"message"`
	Logprobs *logprobsBody `json:"logprobs"`
	Finish   string        `json:"finish_reason"`
}

type chatBody struct {
	ID          string       `json:"id"`
	Object      string       `json:"object"`
	Created     int64        `json:"created"`
	Model       string       `json:"model"`
	Fingerprint string       `json:"system_fingerprint"`
	Choices     []chatChoice `json:"choices"`
	Usage       *usageBody   `json:"usage"`
}

// chatAnswer is the whole answer.
func (g *generation) chatAnswer(c *chatCall) *chatBody {
	b := &chatBody{ID: c.id, Object: "chat.completion", Created: c.created, Model: g.m.name, Fingerprint: g.m.fingerprint(), Usage: g.usage()}
	for _, ch := range g.choices {
		text := ch.content.String()
		m := messageBody{Role: "assistant", Content: &text, Reasoning: ch.reasoning.String()}
		if text == "" && len(ch.calls) > 0 {
			m.Content = nil
		}
		for _, call := range ch.calls {
			m.ToolCalls = append(m.ToolCalls, callBody{ID: call.ID, Type: "function", Function: callFunc{call.Name, call.Arguments}})
		}
		x := chatChoice{Index: ch.index, Message: m, Finish: ch.finish}
		if c.scores {
			x.Logprobs = &logprobsBody{Content: ch.logprobs}
		}
		b.Choices = append(b.Choices, x)
	}
	return b
}

// deltaBody is what a chunk adds to a message.
type deltaBody struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	Reasoning string     `json:"reasoning_content,omitempty"`
	ToolCalls []callBody `json:"tool_calls,omitempty"`
}

type chunkChoice struct {
	Index    int           `json:"index"`
	Delta    deltaBody     `json:"delta"`
	Logprobs *logprobsBody `json:"logprobs"`
	Finish   *string       `json:"finish_reason"`
}

type chunkBody struct {
	ID          string        `json:"id"`
	Object      string        `json:"object"`
	Created     int64         `json:"created"`
	Model       string        `json:"model"`
	Fingerprint string        `json:"system_fingerprint"`
	Choices     []chunkChoice `json:"choices"`
	Usage       *usageBody    `json:"usage,omitempty"`
}

// chatStream writes the chunks of a chat completion.
type chatStream struct {
	t *stream
	g *generation
	c *chatCall
	b chunkBody
}

func (s *Server) streamChat(w http.ResponseWriter, r *http.Request, g *generation, c *chatCall) error {
	cs := &chatStream{t: s.newStream(w, false), g: g, c: c}
	cs.b = chunkBody{ID: c.id, Object: "chat.completion.chunk", Created: c.created, Model: g.m.name, Fingerprint: g.m.fingerprint()}
	opened := false
	err := g.follow(r.Context(), cs.t, func(ch *choice, tok kvasir.Token) error {
		if !opened {
			opened = true
			for i := range g.choices {
				empty := ""
				if err := cs.chunk(chunkChoice{Index: i, Delta: deltaBody{Role: "assistant", Content: &empty}}); err != nil {
					return err
				}
			}
		}
		return cs.token(ch, tok)
	})
	if err != nil {
		return cs.t.end(err)
	}
	if c.usage {
		last := cs.b
		last.Choices, last.Usage = []chunkChoice{}, g.usage()
		if err := cs.t.event(&last); err != nil {
			return err
		}
	}
	cs.t.done()
	return cs.t.flush()
}

func (cs *chatStream) chunk(x chunkChoice) error {
	cs.b.Choices = append(cs.b.Choices[:0], x)
	return cs.t.event(&cs.b)
}

// token writes what a token adds to its choice.
func (cs *chatStream) token(ch *choice, tok kvasir.Token) error {
	deltas := ch.add(tok)
	var scores *logprobsBody
	if cs.c.scores {
		scores = &logprobsBody{Content: []logprob{cs.g.scored(tok, cs.c.top)}}
		if len(deltas) == 0 { // held back text has its scores all the same
			empty := ""
			if err := cs.chunk(chunkChoice{Index: ch.index, Delta: deltaBody{Content: &empty}, Logprobs: scores}); err != nil {
				return err
			}
		}
	}
	for i := range deltas {
		x := chunkChoice{Index: ch.index, Delta: ch.delta(&deltas[i])}
		if i == 0 {
			x.Logprobs = scores
		}
		if err := cs.chunk(x); err != nil {
			return err
		}
	}
	if ch.finish == "" {
		return nil
	}
	return cs.chunk(chunkChoice{Index: ch.index, Finish: &ch.finish})
}

// delta is a delta of the engine in OpenAI's form.
func (c *choice) delta(d *kvasir.Delta) deltaBody {
	switch {
	case d.Reasoning != "":
		return deltaBody{Reasoning: d.Reasoning}
	case d.Call == nil:
		return deltaBody{Content: &d.Content}
	}
	call := callBody{Index: &d.Call.Index, Function: callFunc{d.Call.Name, d.Call.Arguments}}
	if d.Call.Name != "" {
		call.ID, call.Type = c.calls[d.Call.Index].ID, "function"
	}
	return deltaBody{ToolCalls: []callBody{call}}
}
