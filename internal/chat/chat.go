// Package chat turns conversations into prompts by a model's chat template.
//
// A template is Jinja text from the model file, or one of the built-in ones
// for files that carry none. Rendering adapts the conversation to what the
// template can express (see [Caps]): a system message is merged into the first
// user message where the template knows no system role, and so on.
//
// The result is a list of spans that say which text came from the caller. Only
// text of the template may become control tokens. Spans are not tokens'
// borders: a tokenizer should look for control tokens inside template spans,
// and encode everything between two control tokens as one text.
package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"kvasir/internal/chat/jinja"
)

// Sentinels that callers branch on; a template's own errors are *[jinja.Error].
var (
	// ErrPart marks a content part that is not text.
	ErrPart = errors.New("content part is not text")
	// ErrReserved marks an extra variable whose name the conversation uses.
	ErrReserved = errors.New("variable name is reserved")
)

// Span is a run of prompt text of one origin.
type Span = jinja.Span

// Message is one turn of a conversation.
type Message struct {
	Role    string // system, developer, user, assistant or tool
	Content string
	// Parts is typed content. When it is not nil, Content is ignored.
	Parts []Part
	// ReasoningContent is the reasoning that came before an assistant's content.
	ReasoningContent string
	ToolCalls        []ToolCall
	ToolCallID       string // of the call that a tool message answers
	Name             string // of the tool or speaker
}

// Part is one part of typed content. Only parts of type "text" are rendered;
// others are refused with [ErrPart].
type Part struct{ Type, Text string }

// ToolCall is a call in an assistant message. Arguments is the JSON text of an
// object; other text is passed to the template as it is.
type ToolCall struct{ ID, Name, Arguments string }

// Var is an extra template variable, as JSON.
type Var struct {
	Name  string
	Value json.RawMessage
}

// Input is what a prompt is made of.
type Input struct {
	Messages []Message
	// Tools holds tool definitions, each the JSON of an object
	// {"type":"function","function":{…}}.
	Tools               []json.RawMessage
	AddGenerationPrompt bool
	BOS, EOS            string
	// EnableThinking sets the variables enable_thinking and thinking; nil leaves
	// them undefined, which is the template's default.
	EnableThinking *bool
	Extra          []Var
	// Now is the time that strftime_now formats; the zero time means the time
	// of rendering.
	Now time.Time
	// Limits bounds the render. Where it leaves steps and memory to the default,
	// they grow with the text of the conversation.
	Limits jinja.Limits
}

// Template is a chat template. It is safe for concurrent use.
type Template struct {
	name, source string
	tmpl         *jinja.Template
	probe        sync.Once
	caps         Caps
}

// Parse parses the source of a chat template.
func Parse(source string) (*Template, error) {
	tmpl, err := jinja.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("parse chat template: %w", err)
	}
	return &Template{source: source, tmpl: tmpl}, nil
}

// Name returns the name of a built-in template, and "" for others.
func (t *Template) Name() string { return t.name }

// Source returns the text of the template.
func (t *Template) Source() string { return t.source }

// Render returns the prompt for a conversation.
func (t *Template) Render(in Input) ([]Span, error) {
	in, err := adapt(in, t.Caps())
	if err != nil {
		return nil, fmt.Errorf("render chat template: %w", err)
	}
	vars, err := variables(in, t.Caps())
	if err != nil {
		return nil, fmt.Errorf("render chat template: %w", err)
	}
	out, err := t.tmpl.Render(vars, jinja.Options{Limits: in.limits(), Now: in.clock()})
	if err != nil {
		return nil, fmt.Errorf("render chat template: %w", err)
	}
	return out.Spans(), nil
}

// limits returns the limits of a render. Text may pass through many values, so
// a long conversation gets more than the defaults.
func (in *Input) limits() jinja.Limits {
	l, n := in.Limits, size(in)
	if l.Steps == 0 {
		l.Steps = 5_000_000 + 2*n
	}
	if l.MemoryBytes == 0 {
		l.MemoryBytes = 256<<20 + 64*int64(n)
	}
	return l
}

// clock returns the clock of a render.
func (in *Input) clock() func() time.Time {
	if in.Now.IsZero() {
		return time.Now
	}
	return func() time.Time { return in.Now }
}

// size returns the bytes of text in a conversation.
func size(in *Input) int {
	n := 0
	for _, m := range in.Messages {
		n += len(m.Content) + len(m.ReasoningContent)
		for _, p := range m.Parts {
			n += len(p.Text)
		}
		for _, c := range m.ToolCalls {
			n += len(c.Arguments)
		}
	}
	for _, tool := range in.Tools {
		n += len(tool)
	}
	return n
}

// Join returns the text of spans.
func Join(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}
