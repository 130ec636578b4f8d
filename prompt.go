package kvasir

import (
	"fmt"

	"kvasir/internal/chat"
	"kvasir/internal/tokenizer"
)

// Prompt is text or tokens to be appended to a session. A beginning-of-text
// token is put before the first Text of a session where the model wants one.
type Prompt struct {
	Text string
	// NoSpecial: special tokens in Text are plain text, and none is added.
	NoSpecial bool
	// Tokens are used as they are; Text must be empty.
	Tokens []int32

	spans []chat.Span // a rendered chat template
}

// Text returns a prompt of plain text, in which special tokens count.
func Text(s string) Prompt { return Prompt{Text: s} }

// encode turns a prompt into tokens; first says that it opens the session.
func (e *Engine) encode(p Prompt, first bool) ([]int32, error) {
	switch {
	case p.Tokens != nil:
		if p.Text != "" {
			return nil, fmt.Errorf("a prompt has both text and tokens")
		}
		for i, t := range p.Tokens {
			if t < 0 || int(t) >= e.model.Config().VocabSize {
				return nil, fmt.Errorf("token %d at index %d: the vocabulary has %d", t, i, e.model.Config().VocabSize)
			}
		}
		return p.Tokens, nil
	case p.spans != nil:
		return e.encodeSpans(p.spans, first), nil
	}
	return e.tok.Encode(nil, p.Text, tokenizer.Options{AddSpecial: first && !p.NoSpecial, ParseSpecial: !p.NoSpecial}), nil
}

// Tokenizer gives access to the model's vocabulary.
type Tokenizer struct{ t *tokenizer.Tokenizer }

// Tokenizer returns the model's tokenizer. It is safe for concurrent use.
func (e *Engine) Tokenizer() Tokenizer { return Tokenizer{e.tok} }

// Encode returns the tokens of text. special: the tokens that open a text are
// added and special tokens in it are recognized.
func (t Tokenizer) Encode(text string, special bool) []int32 {
	return t.t.Encode(nil, text, tokenizer.Options{AddSpecial: special, ParseSpecial: special})
}

// Decode returns the text of tokens; special: control tokens are shown.
func (t Tokenizer) Decode(tokens []int32, special bool) string {
	return string(t.t.Decode(nil, tokens, special))
}

// Piece returns the bytes of one token, control tokens included.
func (t Tokenizer) Piece(id int32) string { return string(t.t.PieceSpecial(id)) }

// Size is the number of tokens.
func (t Tokenizer) Size() int { return t.t.Size() }

// IsEnd reports whether a token ends a generation.
func (t Tokenizer) IsEnd(id int32) bool { return t.t.IsEOG(id) }
