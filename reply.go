package kvasir

import (
	"fmt"

	"kvasir/internal/chat"
)

// ChatCaps says what the model's chat template can express.
type ChatCaps struct {
	Template string // source
	Tools    bool   // has a form for tool definitions; else they go into the system message
	Thinking bool   // can be asked to think or not to
}

// ChatCaps describes the model's chat template; ErrNoTemplate when it has none.
func (e *Engine) ChatCaps() (ChatCaps, error) {
	if e.tok == nil {
		return ChatCaps{}, e.noTok
	}
	t, err := e.template("")
	if err != nil {
		return ChatCaps{}, err
	}
	c := t.Caps()
	return ChatCaps{Template: t.Source(), Tools: c.Tools, Thinking: c.Thinking}, nil
}

// Delta is a part of a reply: one of its fields is set.
type Delta struct {
	Content   string
	Reasoning string
	Call      *CallDelta
}

// CallDelta is a part of a tool call: the first one of a call has the name, the
// others parts of the arguments, which together are JSON text.
type CallDelta struct {
	Index     int
	Name      string
	Arguments string
}

// Splitter tells thinking, content and tool calls of a reply apart as it comes.
// Text that may begin one of them is held back. Not safe for concurrent use.
type Splitter struct {
	s     *chat.Splitter
	calls int
}

// NewSplitter returns a splitter for a reply to r, which was rendered to p.
func (e *Engine) NewSplitter(r ChatRequest, p Prompt) *Splitter {
	names := make([]string, len(r.Tools))
	for i, t := range r.Tools {
		names[i] = t.Name
	}
	end := p.String()
	return &Splitter{s: chat.NewSplitter(end[max(0, len(end)-64):], names)}
}

// Push takes the next part of the reply and returns what is settled.
func (s *Splitter) Push(text string) []Delta { return s.deltas(s.s.Push(text)) }

// Flush ends the reply.
func (s *Splitter) Flush() []Delta { return s.deltas(s.s.Flush()) }

// Calls is how many tool calls there were so far.
func (s *Splitter) Calls() int { return s.calls }

func (s *Splitter) deltas(pieces []chat.Piece) []Delta {
	var out []Delta
	for _, p := range pieces {
		switch p.Kind {
		case chat.PieceContent:
			out = append(out, Delta{Content: p.Text})
		case chat.PieceReasoning:
			out = append(out, Delta{Reasoning: p.Text})
		case chat.PieceCall:
			s.calls++
			out = append(out, Delta{Call: &CallDelta{Index: s.calls - 1, Name: p.Text}})
		case chat.PieceArguments:
			out = append(out, Delta{Call: &CallDelta{Index: s.calls - 1, Arguments: p.Text}})
		}
	}
	return out
}

// String returns the text of a prompt, special tokens included; "" for tokens.
func (p Prompt) String() string {
	if p.spans == nil {
		return p.Text
	}
	spans := make([]chat.Span, len(p.spans))
	for i, s := range p.spans {
		spans[i] = chat.Span(s)
	}
	return chat.Join(spans)
}

// Tokenize returns the tokens of a prompt that opens a session.
func (e *Engine) Tokenize(p Prompt) ([]int32, error) {
	toks, err := e.encode(p, true)
	if err != nil {
		return nil, fmt.Errorf("tokenize: %w", err)
	}
	return toks, nil
}

// SpecialTokens names the tokens with a role; "" where the model has none.
type SpecialTokens struct {
	BOS, EOS, EOT, Unknown, Padding string
	AddsBOS                         bool
}

// SpecialTokens returns the model's tokens with a role.
func (e *Engine) SpecialTokens() SpecialTokens {
	if e.tok == nil {
		return SpecialTokens{}
	}
	s := e.tok.Special()
	return SpecialTokens{
		BOS: e.special(s.BOS), EOS: e.special(s.EOS), EOT: e.special(s.EOT),
		Unknown: e.special(s.Unknown), Padding: e.special(s.Padding), AddsBOS: e.tok.AddsBOS(),
	}
}
