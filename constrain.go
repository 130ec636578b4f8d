package kvasir

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"kvasir/internal/grammar"
	"kvasir/internal/tokenizer"
	"kvasir/sampler"
)

// Constraint limits generated text to a language. At most one of the texts is set;
// the zero value limits nothing. Tokens that the constraint leaves no choice about are
// not computed.
type Constraint struct {
	// Grammar is a GBNF grammar, as llama.cpp reads it.
	Grammar string
	// JSONSchema is a JSON schema; every text that ends validates against it. What of
	// it is not supported is an *UnsupportedError. "{}" is any JSON.
	JSONSchema string
	// Regex is a regular expression (RE2) that the whole text matches.
	Regex string
	// Choices are the texts to choose from.
	Choices []string
	// Compact goes with JSONSchema: a blank after "," and ":" and no other space, so
	// that more of the text needs no computing.
	Compact bool
}

// Errors of constraints; callers branch on them with errors.Is.
var (
	// ErrConstraintSyntax: a grammar, expression or schema cannot be read.
	ErrConstraintSyntax = grammar.ErrSyntax
	// ErrConstraintImpossible: no text can satisfy it.
	ErrConstraintImpossible = grammar.ErrImpossible
	// ErrConstraintUnsupported: see [UnsupportedError].
	ErrConstraintUnsupported = grammar.ErrUnsupported
	// ErrConstraintTooComplex: it exceeds a limit on size, nesting or ambiguity.
	ErrConstraintTooComplex = grammar.ErrTooComplex
	// ErrNoCandidates: every token is banned where one is needed.
	ErrNoCandidates = sampler.ErrNoCandidates
)

// UnsupportedError names the keyword of a schema that is not supported.
type UnsupportedError = grammar.UnsupportedError

// kind names what is set, "" for nothing.
func (c Constraint) kind() (string, error) {
	kind, n := "", 0
	for _, k := range []struct {
		name string
		set  bool
	}{{"grammar", c.Grammar != ""}, {"json schema", c.JSONSchema != ""}, {"regex", c.Regex != ""}, {"choices", len(c.Choices) > 0}} {
		if k.set {
			kind = k.name
			n++
		}
	}
	switch {
	case n > 1:
		return "", errors.New("constraint: give one of grammar, JSON schema, regular expression and choices")
	case c.Compact && c.JSONSchema == "":
		return "", errors.New("constraint: compact goes with a JSON schema")
	}
	return kind, nil
}

// Validate reads the constraint and reports what is wrong with it, as far as that can
// be told without a vocabulary.
func (c Constraint) Validate() error {
	kind, err := c.kind()
	if kind == "" || err != nil {
		return err
	}
	_, err = c.compile(kind, func(string) (int32, bool) { return 0, true })
	return err
}

func (c Constraint) compile(kind string, tokens grammar.TokenID) (*grammar.Grammar, error) {
	var r *grammar.Rules
	var err error
	switch kind {
	case "grammar":
		r, err = grammar.ParseGBNF(c.Grammar, tokens)
	case "json schema":
		r, err = grammar.ParseSchema([]byte(c.JSONSchema), grammar.SchemaOptions{Compact: c.Compact})
	case "regex":
		r, err = grammar.ParseRegex(c.Regex)
	default:
		r, err = grammar.Choices(c.Choices)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	g, err := grammar.Compile(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	return g, nil
}

// compiled are the grammars that an engine has met, with what they learnt of its
// vocabulary.
type compiled struct {
	mu    sync.Mutex
	vocab *grammar.Vocab
	known map[string]*grammar.Grammar
	order []string
}

// maxGrammars is how many grammars an engine keeps.
const maxGrammars = 32

// constrain limits the tokens that a chain gives from now on.
func (e *Engine) constrain(chain *sampler.Chain, c Constraint) error {
	kind, err := c.kind()
	if kind == "" || err != nil {
		return err
	}
	if e.tok == nil {
		return fmt.Errorf("%s: %w", kind, e.noTok)
	}
	g, v, err := e.grammar(kind, c)
	if err != nil {
		return err
	}
	m, err := grammar.NewMatcher(kind, g, v)
	if err != nil {
		return err
	}
	chain.Constrain(m)
	return nil
}

// grammar compiles a constraint, once for as long as it is remembered.
func (e *Engine) grammar(kind string, c Constraint) (*grammar.Grammar, *grammar.Vocab, error) {
	l := &e.limit
	key := strings.Join(append([]string{kind, fmt.Sprint(c.Compact), c.Grammar, c.JSONSchema, c.Regex}, c.Choices...), "\x00")
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.known[key]
	if known != nil && known.Err() == nil {
		return known, l.vocabulary(e), nil
	}
	g, err := c.compile(kind, e.tok.ID)
	if err != nil {
		return nil, nil, err
	}
	if l.known == nil {
		l.known = map[string]*grammar.Grammar{}
	}
	if known == nil {
		l.order = append(l.order, key)
	}
	if len(l.order) > maxGrammars {
		delete(l.known, l.order[0])
		l.order = l.order[1:]
	}
	l.known[key] = g
	return g, l.vocabulary(e), nil
}

// vocabulary prepares the engine's vocabulary on first use. l.mu is held.
func (l *compiled) vocabulary(e *Engine) *grammar.Vocab {
	if l.vocab == nil {
		size := min(e.tok.Size(), e.model.Config().VocabSize)
		l.vocab = grammar.NewVocab(size, e.tok.EOG(), e.tok.Piece, func(text string) []int32 {
			return e.tok.Encode(nil, text, tokenizer.Options{})
		})
	}
	return l.vocab
}

// forced returns the next token where the constraint leaves no choice and nobody wants
// to see logits.
func (g *generator) forced() (int32, bool) {
	if g.scores != nil || g.o.Logits != nil {
		return 0, false
	}
	f := g.chain.Forced(1)
	if len(f) == 0 {
		return 0, false
	}
	return f[0], true
}
