package kvasir

import (
	"errors"
	"fmt"

	"kvasir/internal/gguf"
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

	spans []tokenizer.Span // a rendered chat template
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
	case e.tok == nil && p.Text == "":
		return nil, nil // nothing to add
	case e.tok == nil:
		return nil, e.noTok
	case p.spans != nil:
		return e.tok.EncodeSpans(nil, p.spans, first), nil
	}
	return e.tok.Encode(nil, p.Text, tokenizer.Options{AddSpecial: first && !p.NoSpecial, ParseSpecial: !p.NoSpecial}), nil
}

// Encode returns the tokens that a prompt opens an empty session with.
func (e *Engine) Encode(p Prompt) ([]int32, error) { return e.encode(p, true) }

// Tokenizer gives access to a model's vocabulary. It is safe for concurrent
// use. The zero value, which a model without a known vocabulary has, encodes
// nothing and decodes to nothing.
type Tokenizer struct{ t *tokenizer.Tokenizer }

// Tokenizer returns the model's tokenizer.
func (e *Engine) Tokenizer() Tokenizer { return Tokenizer{e.tok} }

// OpenTokenizer reads only the vocabulary of a model file, which need not hold
// any weights.
func OpenTokenizer(path string) (Tokenizer, error) {
	f, err := gguf.Open(path, gguf.Options{})
	if err != nil {
		return Tokenizer{}, openError(err)
	}
	defer f.Close()
	t, err := tokenizer.New(f)
	if errors.Is(err, tokenizer.ErrUnsupported) {
		return Tokenizer{}, fmt.Errorf("%w: %s: %w", ErrUnsupported, path, err)
	}
	if err != nil {
		return Tokenizer{}, fmt.Errorf("%w: %s: %w", ErrBadModel, path, err)
	}
	return Tokenizer{t}, nil
}

// EncodeOptions say what special tokens do.
type EncodeOptions struct {
	AddSpecial   bool // add the tokens that open (and close) a text
	ParseSpecial bool // recognize special tokens in the text
}

// Encode returns the tokens of text.
func (t Tokenizer) Encode(text string, o EncodeOptions) []int32 {
	if t.t == nil {
		return nil
	}
	return t.t.Encode(nil, text, tokenizer.Options(o))
}

// Decode returns the text of tokens; special: control tokens are shown.
func (t Tokenizer) Decode(tokens []int32, special bool) string {
	if t.t == nil {
		return ""
	}
	return t.t.Decode(tokens, tokenizer.DecodeOptions{Special: special})
}

// Piece returns the bytes of one token, control tokens included.
func (t Tokenizer) Piece(id int32) string {
	if t.t == nil {
		return ""
	}
	return string(t.t.PieceSpecial(id))
}

// Size is the number of tokens.
func (t Tokenizer) Size() int {
	if t.t == nil {
		return 0
	}
	return t.t.Size()
}

// IsEnd reports whether a token ends a generation.
func (t Tokenizer) IsEnd(id int32) bool { return t.t != nil && t.t.IsEOG(id) }

// BOS returns the token that opens a text, and whether the model wants it
// there.
func (t Tokenizer) BOS() (id int32, add bool) {
	if t.t == nil {
		return -1, false
	}
	return t.t.BOS(), t.t.AddsBOS()
}
