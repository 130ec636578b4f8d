package server

import (
	"net/http"

	"kvasir"
)

// responseStream writes the events of a response: every item is added, filled
// and done, in order.
type responseStream struct {
	t     *stream
	g     *generation
	c     *responseCall
	seq   int
	index int   // of the open item
	open  *item // nil = none
	text  string
}

func (s *Server) streamResponse(w http.ResponseWriter, r *http.Request, g *generation, c *responseCall) error {
	rs := &responseStream{t: s.newStream(w, false), g: g, c: c, index: -1}
	begun := false
	err := g.follow(r.Context(), rs.t, func(ch *choice, tok kvasir.Token) error {
		if !begun {
			begun = true
			if err := rs.whole("response.created", "in_progress"); err != nil {
				return err
			}
			if err := rs.whole("response.in_progress", "in_progress"); err != nil {
				return err
			}
		}
		for _, d := range ch.add(tok) {
			if err := rs.delta(ch, &d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return rs.fail(err)
	}
	if rs.index < 0 { // an answer without text
		if err := rs.begin(item{Type: "message", ID: "msg_" + c.id, Status: "in_progress", Role: "assistant", Content: []itemPart{}}); err != nil {
			return err
		}
	}
	if err := rs.end(); err != nil {
		return err
	}
	name := "response.completed"
	if g.choices[0].finish == "length" {
		name = "response.incomplete"
	}
	if err := rs.whole(name, ""); err != nil {
		return err
	}
	return rs.t.flush()
}

// fail ends a stream that has begun with an error event.
func (rs *responseStream) fail(err error) error {
	if !rs.t.started {
		return err
	}
	api := asAPIError(err)
	if api.status != statusClientGone {
		if e := rs.event("error", map[string]any{"code": api.code, "message": api.message, "param": orNull(api.param)}); e != nil {
			return e
		}
		if e := rs.t.flush(); e != nil {
			return e
		}
	}
	return err
}

// event writes one event.
func (rs *responseStream) event(name string, v map[string]any) error {
	v["type"], v["sequence_number"] = name, rs.seq
	rs.seq++
	return rs.t.named(name, v)
}

// whole writes an event that carries the response object.
func (rs *responseStream) whole(name, status string) error {
	return rs.event(name, map[string]any{"response": rs.c.answer(rs.g, status)})
}

// delta writes what a token adds.
func (rs *responseStream) delta(ch *choice, d *kvasir.Delta) error {
	switch {
	case d.Call != nil && d.Call.Name != "":
		call := ch.calls[d.Call.Index]
		empty := ""
		return rs.begin(item{Type: "function_call", ID: "fc_" + call.ID, Status: "in_progress", CallID: call.ID, Name: call.Name, Arguments: &empty})
	case d.Call != nil:
		return rs.add("response.function_call_arguments.delta", d.Call.Arguments)
	case d.Reasoning != "":
		if err := rs.ensure(item{Type: "reasoning", ID: "rs_" + rs.c.id, Status: "in_progress", Summary: []itemPart{}}); err != nil {
			return err
		}
		return rs.add("response.reasoning_text.delta", d.Reasoning)
	}
	if err := rs.ensure(item{Type: "message", ID: "msg_" + rs.c.id, Status: "in_progress", Role: "assistant", Content: []itemPart{}}); err != nil {
		return err
	}
	return rs.add("response.output_text.delta", d.Content)
}

// ensure opens an item unless one of its kind is open.
func (rs *responseStream) ensure(it item) error {
	if rs.open != nil && rs.open.Type == it.Type {
		return nil
	}
	return rs.begin(it)
}

// begin opens an item.
func (rs *responseStream) begin(it item) error {
	if err := rs.end(); err != nil {
		return err
	}
	rs.index++
	rs.open, rs.text = &it, ""
	if err := rs.event("response.output_item.added", map[string]any{"output_index": rs.index, "item": it}); err != nil {
		return err
	}
	if it.Type != "message" {
		return nil
	}
	return rs.event("response.content_part.added", rs.place(map[string]any{"part": textPart("")}))
}

// place adds where in the output an event belongs.
func (rs *responseStream) place(v map[string]any) map[string]any {
	v["item_id"], v["output_index"] = rs.open.ID, rs.index
	if rs.open.Type != "function_call" {
		v["content_index"] = 0
	}
	return v
}

func (rs *responseStream) add(name, text string) error {
	rs.text += text
	v := map[string]any{"delta": text}
	if rs.open.Type == "message" {
		v["logprobs"] = []any{}
	}
	return rs.event(name, rs.place(v))
}

// end closes the open item.
func (rs *responseStream) end() error {
	it := rs.open
	if it == nil {
		return nil
	}
	it.Status = "completed"
	var err error
	switch it.Type {
	case "function_call":
		it.Arguments = &rs.text
		err = rs.event("response.function_call_arguments.done", rs.place(map[string]any{"arguments": rs.text, "name": it.Name}))
	case "reasoning":
		p := textPart(rs.text)
		p.Type = "reasoning_text"
		it.Content = []itemPart{p}
		err = rs.event("response.reasoning_text.done", rs.place(map[string]any{"text": rs.text}))
	default:
		part := textPart(rs.text)
		it.Content = []itemPart{part}
		if err = rs.event("response.output_text.done", rs.place(map[string]any{"text": rs.text, "logprobs": []any{}})); err == nil {
			err = rs.event("response.content_part.done", rs.place(map[string]any{"part": part}))
		}
	}
	if err != nil {
		return err
	}
	rs.open = nil
	return rs.event("response.output_item.done", map[string]any{"output_index": rs.index, "item": *it})
}
