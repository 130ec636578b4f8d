package tokenizer

import "hash/maphash"

// Options says how a text is encoded.
type Options struct {
	// AddSpecial puts the tokens around the text that the model was trained with:
	// BOS, EOS, CLS and SEP, each as the vocabulary asks.
	AddSpecial bool
	// ParseSpecial turns the texts of control tokens into these tokens. Leave it
	// off for text from users.
	ParseSpecial bool
}

// Span is a stretch of a rendered chat template.
type Span struct {
	Text      string
	FromInput bool // the text came from a user, a tool or a file, not from the template
}

// Encode appends the ids of text to dst and returns the extended slice. Any bytes
// are valid input. The cost is O(n log n) in the bytes of text, at worst.
//
// With AddSpecial and ParseSpecial a text that already starts with BOS gets a
// second one, as in llama.cpp; [Tokenizer.EncodeSpans] does not do that.
func (t *Tokenizer) Encode(dst []int32, text string, o Options) []int32 {
	e := t.encoder()
	e.text = append(e.text[:0], text...)
	e.trusted = e.trusted[:0]
	if o.ParseSpecial {
		e.trusted = append(e.trusted, interval{0, len(text)})
	}
	dst = e.encode(dst, o.AddSpecial, false)
	t.release(e)
	return dst
}

// EncodeSpans appends the ids of the spans to dst and returns the extended slice.
// The spans are encoded as one text, so that words and merges run across their
// borders, but a control token is made only where the template spelled all of it:
// what came from input never yields one. If addSpecial asks for BOS and the text
// starts with it, it is there once.
func (t *Tokenizer) EncodeSpans(dst []int32, spans []Span, addSpecial bool) []int32 {
	e := t.encoder()
	e.text, e.trusted = e.text[:0], e.trusted[:0]
	for _, s := range spans {
		start := len(e.text)
		e.text = append(e.text, s.Text...)
		if s.FromInput || s.Text == "" {
			continue
		}
		if last := len(e.trusted) - 1; last >= 0 && e.trusted[last].end == start {
			e.trusted[last].end = len(e.text)
		} else {
			e.trusted = append(e.trusted, interval{start, len(e.text)})
		}
	}
	dst = e.encode(dst, addSpecial, true)
	t.release(e)
	return dst
}

// algorithm encodes plain text, one value a family.
type algorithm interface {
	// fragment appends the ids of text, which holds no special token, to e.out.
	// opening says that nothing or a special token stands before it.
	fragment(e *encoder, text []byte, opening bool)
}

// encoder is the scratch memory of one call.
type encoder struct {
	t       *Tokenizer
	cut     partitioner
	cache   *wordCache
	text    []byte // the whole input
	trusted []interval
	scratch []byte // a fragment or word in the form that the vocabulary has
	mapped  []byte // the same, where scratch is in use
	symbols []unit
	queue   []candidate
	out     []int32
	onWord  func(word []byte) // e.word, bound once
}

// maxIdleBytes is the largest input whose scratch memory is kept for the next call.
const maxIdleBytes = 1 << 20

func (t *Tokenizer) encoder() *encoder {
	if e, ok := t.idle.Get().(*encoder); ok {
		return e
	}
	e := &encoder{t: t, cache: &wordCache{seed: maphash.MakeSeed()}}
	e.cut.t = t
	e.onWord = e.word
	return e
}

func (t *Tokenizer) release(e *encoder) {
	e.out = nil
	if cap(e.text) <= maxIdleBytes {
		t.idle.Put(e)
	}
}

// encode appends the ids of e.text to dst. With once a BOS that opens the text
// takes the place of the one that addSpecial asks for.
func (e *encoder) encode(dst []int32, addSpecial, once bool) []int32 {
	t := e.t
	e.out = dst
	fragments := e.cut.cut(e.text, e.trusted)
	if addSpecial && t.addBOS && !(once && len(fragments) > 0 && fragments[0].token == t.special.BOS) {
		e.out = append(e.out, t.special.BOS)
	}
	opening := true
	for _, f := range fragments {
		if f.token == none {
			t.plain.fragment(e, e.text[f.start:f.end], opening)
			opening = false
		} else {
			e.out = append(e.out, f.token)
			opening = true
		}
	}
	if addSpecial && t.tail != none {
		e.out = append(e.out, t.tail)
	}
	return e.out
}
