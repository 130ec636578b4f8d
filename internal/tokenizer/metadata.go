package tokenizer

import (
	"errors"
	"fmt"
	"math"

	"kvasir/internal/gguf"
)

// metadata is what load reads of a model file. A key that is not there gives an
// error that wraps gguf.ErrMissing; any other error means that the value is not of
// the type asked for.
type metadata interface {
	String(key string) (string, error)
	Bool(key string) (bool, error)
	Uint(key string) (uint64, error)
	Strings(key string) (stringList, error)
	Float32s(key string) ([]float32, error)
	Int32s(key string) ([]int32, error)
}

// stringList is an array of strings. At is called with rising indices only; its
// result is valid until the next call.
type stringList interface {
	Len() int
	At(i int) []byte
}

// What callers branch on.
var (
	// ErrUnsupported: the file names a tokenizer or a pre-tokenizer that is not
	// implemented, or says that it has none.
	ErrUnsupported = errors.New("unsupported tokenizer")
	// ErrVocabulary: the tokenizer metadata is incomplete or contradicts itself.
	ErrVocabulary = errors.New("damaged vocabulary")
)

// Keys of the metadata, all under "tokenizer.ggml.".
const (
	keyPrefix = "tokenizer.ggml."

	keyModel, keyPre                = keyPrefix + "model", keyPrefix + "pre"
	keyTokens, keyMerges            = keyPrefix + "tokens", keyPrefix + "merges"
	keyScores, keyTypes             = keyPrefix + "scores", keyPrefix + "token_type"
	keyAddBOS, keyAddEOS, keyAddSep = keyPrefix + "add_bos_token", keyPrefix + "add_eos_token", keyPrefix + "add_sep_token"
	keySpacePrefix                  = keyPrefix + "add_space_prefix"
	keyLowercase, keyStripAccents   = keyPrefix + "normalizer.lowercase", keyPrefix + "normalizer.strip_accents"
	keySuppress                     = keyPrefix + "suppress_tokens"
)

// reader reads optional values; the first value of a wrong type stays in err.
type reader struct {
	m   metadata
	err error
}

func (r *reader) fail(key string, err error) {
	if r.err == nil && !errors.Is(err, gguf.ErrMissing) {
		r.err = fmt.Errorf("%s: %w", key, err)
	}
}

func (r *reader) string(key string) string {
	v, err := r.m.String(key)
	if err != nil {
		r.fail(key, err)
		return ""
	}
	return v
}

func (r *reader) bool(key string, def bool) bool {
	v, err := r.m.Bool(key)
	if err != nil {
		r.fail(key, err)
		return def
	}
	return v
}

// uint returns ok false for a key that is not there.
func (r *reader) uint(key string) (v uint64, ok bool) {
	v, err := r.m.Uint(key)
	if err != nil {
		r.fail(key, err)
		return 0, false
	}
	return v, true
}

func (r *reader) int32s(key string) []int32 {
	v, err := r.m.Int32s(key)
	if err != nil {
		r.fail(key, err)
		return nil
	}
	return v
}

// floats reads an array of f32 or of i32.
func (r *reader) floats(key string) []float32 {
	v, err := r.m.Float32s(key)
	if err == nil {
		return v
	}
	if ints, intErr := r.m.Int32s(key); intErr == nil {
		v = make([]float32, len(ints))
		for i, x := range ints {
			v[i] = float32(x)
		}
		return v
	}
	r.fail(key, err)
	return nil
}

// sortKey orders scores: the higher score has the lower key, and both zeros one.
func sortKey(score float32) uint32 {
	b := math.Float32bits(score)
	if b == 1<<31 {
		b = 0
	}
	if b>>31 != 0 {
		return b // negative: larger magnitude, larger key
	}
	return math.MaxInt32 - b
}
