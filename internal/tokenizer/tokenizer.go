package tokenizer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"kvasir/internal/gguf"
)

// Tokenizer is a model's vocabulary and the way to apply it. It is immutable and
// safe for concurrent use.
type Tokenizer struct {
	vocab   *vocabulary
	special Special
	eog     []int32 // sorted
	plain   algorithm
	merges  merger // nil for WPM

	fallback    *[256]int32 // what becomes of a byte that no other token covers
	replacement []int32     // the ids of U+FFFD; for bytes that fallback lacks

	automaton             *automaton
	stripLeft, stripRight map[int32]bool
	strip                 bool // any of them

	addBOS, addEOS, addSep bool
	tail                   int32 // what AddSpecial appends: EOS, SEP or none
	spacePrefix            bool
	cleanSpaces            bool

	pieces       []byte // what each token decodes to, one after the other
	pieceOffsets []uint32
	suppress     []int32
	warnings     []string

	idle sync.Pool // of *encoder
}

// family is what the value of `tokenizer.ggml.model` implies.
type family struct {
	kind                       kind
	bos, eos, unk              int32
	sep, pad, mask             int32
	addBOS, spacePrefix, clean bool
}

type kind uint8

const (
	kindSPM kind = iota
	kindBPE
	kindWPM
)

// families maps `tokenizer.ggml.model` to its defaults.
var families = map[string]family{
	"llama":  {kindSPM, 1, 2, 0, none, none, none, true, true, false},
	"gpt2":   {kindBPE, 11, 11, none, none, none, none, false, false, true},
	"gemma4": {kindBPE, none, none, none, none, none, none, true, false, true},
	"bert":   {kindWPM, 101, none, 100, 102, 0, 103, true, false, true},
}

// load builds a tokenizer from metadata.
func load(m metadata) (*Tokenizer, error) {
	r := &reader{m: m}
	model, err := m.String(keyModel)
	if errors.Is(err, gguf.ErrMissing) {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	} else if err != nil {
		return nil, err
	}
	fam, ok := families[model]
	if !ok {
		return nil, fmt.Errorf("%w: %s is %q", ErrUnsupported, keyModel, model)
	}
	v, err := readVocabulary(r)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{vocab: v, addBOS: fam.addBOS, spacePrefix: fam.spacePrefix, cleanSpaces: fam.clean, tail: none}
	t.special = noSpecial()
	t.special.BOS, t.special.EOS, t.special.Unknown = fam.bos, fam.eos, fam.unk
	t.special.Separator, t.special.Padding, t.special.Mask = fam.sep, fam.pad, fam.mask

	name := r.string(keyPre)
	var pre preTokenizer
	if fam.kind == kindBPE {
		if pre, err = t.preTokenizer(model, name); err != nil {
			return nil, err
		}
	}
	t.readSpecials(r)
	t.readFlags(r, fam.kind, pre)
	if err := t.build(r, fam.kind, pre); err != nil {
		return nil, err
	}
	t.stripLeft, t.stripRight = v.strips(r.string("general.name"), r.string("general.architecture"), name)
	t.strip = len(t.stripLeft)+len(t.stripRight) > 0
	if t.automaton, err = newAutomaton(v); err != nil {
		return nil, err
	}
	t.makePieces(fam.kind == kindBPE && !pre.raw)
	t.findReplacement()
	return t, r.err
}

// findReplacement settles what becomes of bytes without a token.
func (t *Tokenizer) findReplacement() {
	if t.fallback == nil {
		return
	}
	var missing []string
	for b, id := range t.fallback {
		if id == none {
			missing = append(missing, fmt.Sprintf("%02X", b))
		}
	}
	if len(missing) == 0 {
		return
	}
	t.replacement = t.Encode(nil, "\uFFFD", Options{})
	t.warnings = append(t.warnings, "no token for the bytes "+strings.Join(missing, " "))
}

// readVocabulary reads the tokens and their types.
func readVocabulary(r *reader) (*vocabulary, error) {
	tokens, err := r.m.Strings(keyTokens)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrVocabulary, keyTokens, err)
	}
	types := r.int32s(keyTypes)
	if r.err != nil {
		return nil, r.err
	}
	if tokens.Len() == 0 {
		return nil, fmt.Errorf("%w: no tokens", ErrVocabulary)
	}
	if types != nil && len(types) < tokens.Len() {
		return nil, fmt.Errorf("%w: %d types for %d tokens", ErrVocabulary, len(types), tokens.Len())
	}
	return newVocabulary(tokens, types)
}

// preTokenizer finds the row of a byte-level BPE vocabulary and applies its flags.
func (t *Tokenizer) preTokenizer(model, name string) (preTokenizer, error) {
	if model == "gemma4" {
		name = model
	}
	if name == "" {
		name = "default"
		t.warnings = append(t.warnings, keyPre+" is missing: words are cut by a default rule, which the model may not know")
	}
	pre, ok := preTokenizers[name]
	if !ok {
		return pre, fmt.Errorf("%w: %s is %q", ErrUnsupported, keyPre, name)
	}
	t.addBOS = t.addBOS || pre.addBOS
	t.addSep = pre.addSep
	t.cleanSpaces = t.cleanSpaces && !pre.keepSpaces
	if pre.noBOS {
		t.special.BOS = none
	}
	return pre, nil
}

// readSpecials settles the tokens with a role.
func (t *Tokenizer) readSpecials(r *reader) {
	n := t.vocab.size()
	t.warnings = append(t.warnings, readSpecial(r, &t.special, n)...)
	t.vocab.findRoles(&t.special)
	t.eog = t.vocab.endOfGeneration(&t.special)
	for _, id := range r.int32s(keySuppress) {
		if id >= 0 && int(id) < n {
			t.suppress = append(t.suppress, id)
		}
	}
}

// readFlags settles what is added around a text.
func (t *Tokenizer) readFlags(r *reader, k kind, pre preTokenizer) {
	t.addBOS = r.bool(keyAddBOS, t.addBOS) || pre.raw // the files of Gemma 4 say false, its training said true
	t.addEOS = r.bool(keyAddEOS, t.addEOS)
	t.addSep = r.bool(keyAddSep, t.addSep || k == kindWPM)
	t.spacePrefix = r.bool(keySpacePrefix, t.spacePrefix)
	switch {
	case k == kindWPM:
		t.addBOS = true
		t.tail = t.special.Separator
	case t.addEOS:
		t.tail = t.special.EOS
	}
}

// build makes the family's algorithm and checks that it has the tokens it needs.
func (t *Tokenizer) build(r *reader, k kind, pre preTokenizer) error {
	if r.err != nil {
		return r.err
	}
	switch {
	case t.addBOS && t.special.BOS == none:
		return fmt.Errorf("%w: texts start with BOS, but there is no such token", ErrVocabulary)
	case t.addEOS && t.special.EOS == none:
		return fmt.Errorf("%w: texts end with EOS, but there is no such token", ErrVocabulary)
	case k == kindWPM && (t.special.Separator == none || t.special.Unknown == none):
		return fmt.Errorf("%w: a WordPiece vocabulary needs a separator and an unknown token", ErrVocabulary)
	}
	switch k {
	case kindSPM:
		s, err := newSPM(r, t.vocab, t.spacePrefix)
		if err != nil {
			return err
		}
		t.plain, t.merges, t.fallback = s, s, spmFallback(t.vocab, t.special.Unknown)
	case kindBPE:
		merges, err := r.m.Strings(keyMerges)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrVocabulary, keyMerges, err)
		}
		b, err := newBPE(t.vocab, pre, merges)
		if err != nil {
			return err
		}
		t.plain, t.merges, t.fallback = b, b, b.fallback()
	case kindWPM:
		w, err := newWPM(r, t.vocab, t.special.Unknown)
		if err != nil {
			return err
		}
		t.plain = w
	}
	return nil
}

// Size returns the number of tokens; ids are 0 to Size()-1. A model's embedding may
// have more rows.
func (t *Tokenizer) Size() int { return t.vocab.size() }

// Special returns the ids of the tokens with a role.
func (t *Tokenizer) Special() Special { return t.special }

// BOS returns the id of the token that begins a text, -1 for none.
func (t *Tokenizer) BOS() int32 { return t.special.BOS }

// EOS returns the id of the token that ends a text, -1 for none.
func (t *Tokenizer) EOS() int32 { return t.special.EOS }

// EOT returns the id of the token that ends a turn, -1 for none.
func (t *Tokenizer) EOT() int32 { return t.special.EOT }

// AddsBOS reports whether a text is to start with BOS.
func (t *Tokenizer) AddsBOS() bool { return t.addBOS }

// AddsEOS reports whether a text is to end with EOS.
func (t *Tokenizer) AddsEOS() bool { return t.addEOS }

// AddsSep reports whether two texts of one input are to be separated by SEP.
func (t *Tokenizer) AddsSep() bool { return t.addSep }

// IsEOG reports whether id ends a generation.
func (t *Tokenizer) IsEOG(id int32) bool {
	_, found := slices.BinarySearch(t.eog, id)
	return found
}

// EOG returns the ids that end a generation, in rising order.
func (t *Tokenizer) EOG() []int32 { return slices.Clone(t.eog) }

// Type returns the type of token id, Undefined for an id out of range.
func (t *Tokenizer) Type(id int32) TokenType {
	if !t.valid(id) {
		return Undefined
	}
	return t.vocab.types[id]
}

// IsControl reports whether id is a control token.
func (t *Tokenizer) IsControl(id int32) bool { return t.Type(id) == Control }

// ID returns the token whose text in the vocabulary is text: "<|im_end|>", "Ġthe".
func (t *Tokenizer) ID(text string) (id int32, ok bool) {
	id = t.vocab.find([]byte(text))
	return id, id != none
}

// Text returns the text of token id as the vocabulary has it, nil for an id out of
// range. It must not be written to.
func (t *Tokenizer) Text(id int32) []byte {
	if !t.valid(id) {
		return nil
	}
	return t.vocab.text(id)
}

// Suppressed returns the ids that the model asks never to sample.
func (t *Tokenizer) Suppressed() []int32 { return slices.Clone(t.suppress) }

// Warnings lists what in the metadata was ignored or guessed.
func (t *Tokenizer) Warnings() []string { return slices.Clone(t.warnings) }

func (t *Tokenizer) valid(id int32) bool { return id >= 0 && int(id) < t.vocab.size() }
