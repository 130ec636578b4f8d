package kvasir

import (
	"context"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync"
	"time"

	"kvasir/internal/chat"
	"kvasir/internal/tokenizer"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"` // system, user, assistant, tool
	Content string `json:"content"`
}

// ChatRequest is a conversation to be continued by the model.
type ChatRequest struct {
	Messages []Message
	// Template is the name of a built-in template or the path of a file; ""
	// means the model's own, or a built-in one that fits its vocabulary.
	Template string
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
	in := chat.Input{AddGenerationPrompt: true, EnableThinking: r.Thinking, Now: time.Now()}
	in.BOS, in.EOS = e.special(e.tok.BOS()), e.special(e.tok.EOS())
	for _, m := range r.Messages {
		in.Messages = append(in.Messages, chat.Message{Role: m.Role, Content: m.Content})
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

// Chat renders the conversation and generates the reply in a session of its
// own.
func (e *Engine) Chat(ctx context.Context, r ChatRequest) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		p, err := e.ChatPrompt(r)
		if err != nil {
			yield(Token{}, err)
			return
		}
		s, err := e.NewSession()
		if err != nil {
			yield(Token{}, err)
			return
		}
		defer s.Close()
		for tok, err := range s.Generate(ctx, p, r.GenerateOptions) {
			if !yield(tok, err) {
				return
			}
		}
	}
}
