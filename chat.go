package kvasir

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"kvasir/internal/chat"
	"kvasir/internal/tokenizer"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"` // system, developer, user, assistant, tool
	Content string `json:"content"`
	// Reasoning came before the content of an assistant.
	Reasoning  string     `json:"reasoning_content,omitempty"`
	ToolCalls  []ToolCall `json:"tool_calls,omitempty"`   // of an assistant
	ToolCallID string     `json:"tool_call_id,omitempty"` // that a tool message answers
	Name       string     `json:"name,omitempty"`         // of the tool or speaker
}

// ToolCall is a call that the model made. Arguments is the JSON text of an
// object.
type ToolCall struct {
	ID        string `json:"id,omitempty"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// Tool is a function that the model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON schema of an object; nil = none
}

// definition is the form that templates know.
func (t *Tool) definition() (json.RawMessage, error) {
	type function struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters"`
	}
	f := function{t.Name, t.Description, t.Parameters}
	if f.Parameters == nil {
		f.Parameters = json.RawMessage(`{"type":"object","properties":{}}`)
	}
	return json.Marshal(struct {
		Type     string   `json:"type"`
		Function function `json:"function"`
	}{"function", f})
}

// ChatRequest is a conversation to be continued by the model.
type ChatRequest struct {
	Messages []Message
	// Template is the name of a built-in template or the path of a file; ""
	// means the model's own, or a built-in one that fits its vocabulary.
	Template string
	// Tools may be called by the model; see [Engine.NewSplitter].
	Tools []Tool
	// MustCall says that the reply has to be a call; it takes a Constraint of the
	// tools' schemas to enforce it.
	MustCall bool
	// Vars are further variables of the template.
	Vars map[string]json.RawMessage
	// Open leaves the last message open, so that the model goes on with it.
	Open bool
	// Thinking asks a reasoning model to think first, or not to; nil leaves it
	// to the template.
	Thinking *bool
	// Options of the generation.
	GenerateOptions
}

// ChatPrompt renders a conversation with the chat template, ready for
// [Session.Generate]. Special tokens count only where the template wrote them:
// in the text of messages they are plain text.
func (e *Engine) ChatPrompt(r ChatRequest) (Prompt, error) {
	if e.tok == nil {
		return Prompt{}, e.noTok
	}
	if len(r.Messages) == 0 {
		return Prompt{}, fmt.Errorf("a conversation needs at least one message")
	}
	t, err := e.template(r.Template)
	if err != nil {
		return Prompt{}, err
	}
	in, err := e.chatInput(r)
	if err != nil {
		return Prompt{}, err
	}
	spans, err := t.Render(in)
	if err != nil {
		return Prompt{}, fmt.Errorf("chat template: %w", err)
	}
	p := Prompt{spans: make([]tokenizer.Span, len(spans))}
	for i, s := range spans {
		p.spans[i] = tokenizer.Span(s)
	}
	return p, nil
}

// chatInput is what the template is given.
func (e *Engine) chatInput(r ChatRequest) (chat.Input, error) {
	in := chat.Input{AddGenerationPrompt: !r.Open, EnableThinking: r.Thinking, Now: time.Now()}
	in.BOS, in.EOS = e.special(e.tok.BOS()), e.special(e.tok.EOS())
	for _, m := range r.Messages {
		c := chat.Message{Role: m.Role, Content: m.Content, ReasoningContent: m.Reasoning, ToolCallID: m.ToolCallID, Name: m.Name}
		for _, t := range m.ToolCalls {
			c.ToolCalls = append(c.ToolCalls, chat.ToolCall(t))
		}
		in.Messages = append(in.Messages, c)
	}
	for i := range r.Tools {
		d, err := r.Tools[i].definition()
		if err != nil {
			return in, fmt.Errorf("tool %q: %w", r.Tools[i].Name, err)
		}
		in.Tools = append(in.Tools, d)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Vars)) {
		in.Extra = append(in.Extra, chat.Var{Name: name, Value: r.Vars[name]})
	}
	return in, nil
}

// special returns the text of a special token, "" for none.
func (e *Engine) special(id int32) string {
	if id < 0 {
		return ""
	}
	return string(e.tok.PieceSpecial(id))
}

// template finds a chat template by name, by path, or in the model.
func (e *Engine) template(name string) (*chat.Template, error) {
	if name == "" {
		return e.own.get(e)
	}
	if t := chat.Builtin(name); t != nil {
		return t, nil
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("chat template %q is neither built in (%s) nor a file: %w", name, strings.Join(chat.Builtins(), ", "), err)
	}
	t, err := chat.Parse(string(src))
	if err != nil {
		return nil, fmt.Errorf("chat template %s: %w", name, err)
	}
	return t, nil
}

// ownTemplate is the template that belongs to a model, parsed on first use.
type ownTemplate struct {
	source string // from the file; "" = none
	once   sync.Once
	t      *chat.Template
	err    error
}

func (o *ownTemplate) get(e *Engine) (*chat.Template, error) {
	o.once.Do(func() {
		if o.source != "" {
			if o.t, o.err = chat.Parse(o.source); o.err != nil {
				o.err = fmt.Errorf("the model's chat template: %w", o.err)
			}
			return
		}
		has := func(text string) bool { _, ok := e.tok.ID(text); return ok }
		if o.t = chat.Default(e.model.Config().Arch.Name, has); o.t == nil {
			o.err = fmt.Errorf("%w: the model file has none and its vocabulary fits no built-in one", ErrNoTemplate)
		}
	})
	return o.t, o.err
}

// Chat renders the conversation and generates the reply, in passes shared with
// other jobs; see [Engine.Submit].
func (e *Engine) Chat(ctx context.Context, r ChatRequest) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		p, err := e.ChatPrompt(r)
		if err != nil {
			yield(Token{}, err)
			return
		}
		j, err := e.Submit(ctx, Request{Prompt: p, GenerateOptions: r.GenerateOptions})
		if err != nil {
			yield(Token{}, err)
			return
		}
		for o, err := range j.Outputs(ctx) {
			if !yield(o.Token, err) {
				return
			}
		}
	}
}
