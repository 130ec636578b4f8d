package chat

import "time"

type Span struct {
	Text      string
	FromInput bool
}
type Message struct{ Role, Content string }
type Input struct {
	Messages            []Message
	AddGenerationPrompt bool
	BOS, EOS            string
	EnableThinking      *bool
	Now                 time.Time
}
type Template struct{}

func Parse(string) (*Template, error) { return &Template{}, nil }
func (*Template) Render(in Input) ([]Span, error) {
	var s []Span
	s = append(s, Span{"<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n", false})
	for _, m := range in.Messages {
		s = append(s, Span{"<|im_start|>" + m.Role + "\n", false}, Span{m.Content, true}, Span{"<|im_end|>\n", false})
	}
	return append(s, Span{"<|im_start|>assistant\n", false}), nil
}
func Builtin(string) *Template                     { return nil }
func Default(string, func(string) bool) *Template { return nil }
