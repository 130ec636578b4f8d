package tokenizer

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
)

// fakeMetadata is metadata in memory; values are string, bool, uint64, []string,
// []float32 and []int32.
type fakeMetadata map[string]any

func fakeValue[T any](m fakeMetadata, key string) (T, error) {
	x, ok := m[key]
	if !ok {
		return *new(T), fmt.Errorf("%s: %w", key, gguf.ErrMissing)
	}
	v, ok := x.(T)
	if !ok {
		return v, fmt.Errorf("%s is %T: %w", key, x, gguf.ErrType)
	}
	return v, nil
}

func (m fakeMetadata) String(key string) (string, error)      { return fakeValue[string](m, key) }
func (m fakeMetadata) Bool(key string) (bool, error)          { return fakeValue[bool](m, key) }
func (m fakeMetadata) Uint(key string) (uint64, error)        { return fakeValue[uint64](m, key) }
func (m fakeMetadata) Float32s(key string) ([]float32, error) { return fakeValue[[]float32](m, key) }
func (m fakeMetadata) Int32s(key string) ([]int32, error)     { return fakeValue[[]int32](m, key) }

func (m fakeMetadata) Strings(key string) (stringList, error) {
	v, err := fakeValue[[]string](m, key)
	return fakeStrings(v), err
}

// with returns a copy with some values changed: key, value, key, value, …; nil
// removes a key.
func (m fakeMetadata) with(changes ...any) fakeMetadata {
	out := fakeMetadata{}
	for k, v := range m {
		out[k] = v
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == nil {
			delete(out, changes[i].(string))
		} else {
			out[changes[i].(string)] = changes[i+1]
		}
	}
	return out
}

type fakeStrings []string

func (s fakeStrings) Len() int        { return len(s) }
func (s fakeStrings) At(i int) []byte { return []byte(s[i]) }

// The packed form of a vocabulary in testdata: gzip over a JSON line with the
// scalar metadata, then varints: tokens (length, bytes), runs of types (count,
// type), scores (float bits, as differences), merges (id of the result as a
// difference, length of its left part). It is a fifth of the GGUF file's size.

type packedScalars struct {
	Strings map[string]string
	Bools   map[string]bool
	Uints   map[string]uint64
	Tokens  int
	Types   bool
	Scores  bool
	Merges  int // -1 for none
}

func packScalars(f *gguf.File) packedScalars {
	head := packedScalars{Strings: map[string]string{}, Bools: map[string]bool{}, Uints: map[string]uint64{}, Merges: -1}
	for _, kv := range f.KV {
		if !strings.HasPrefix(kv.Key, keyPrefix) && kv.Key != "general.name" && kv.Key != "general.architecture" {
			continue
		}
		if s, err := f.String(kv.Key); err == nil {
			head.Strings[kv.Key] = s
		} else if b, err := f.Bool(kv.Key); err == nil {
			head.Bools[kv.Key] = b
		} else if u, err := f.Uint(kv.Key); err == nil {
			head.Uints[kv.Key] = u
		}
	}
	return head
}

func packVocabulary(t *testing.T, f *gguf.File) []byte {
	t.Helper()
	head := packScalars(f)
	tokens, err := f.Strings(keyTokens)
	require.NoError(t, err)
	types, typesErr := f.Int32s(keyTypes)
	scores, scoresErr := f.Float32s(keyScores)
	merges, mergesErr := f.Strings(keyMerges)
	head.Tokens, head.Types, head.Scores = tokens.Len(), typesErr == nil, scoresErr == nil
	if mergesErr == nil {
		head.Merges = merges.Len()
	}
	out, err := json.Marshal(head)
	require.NoError(t, err)
	out = append(out, '\n')
	ids := map[string]int{}
	for i := range tokens.Len() {
		ids[string(tokens.At(i))] = i
		out = binary.AppendUvarint(out, uint64(len(tokens.At(i))))
		out = append(out, tokens.At(i)...)
	}
	for i := 0; i < len(types); {
		n := 1
		for i+n < len(types) && types[i+n] == types[i] {
			n++
		}
		out = binary.AppendUvarint(out, uint64(n))
		out = binary.AppendVarint(out, int64(types[i]))
		i += n
	}
	last := int64(0)
	for _, s := range scores {
		bits := int64(int32(math.Float32bits(s)))
		out = binary.AppendVarint(out, bits-last)
		last = bits
	}
	at := 0
	for i := range merges.Len() {
		left, right, ok := cutMerge(merges.At(i))
		require.True(t, ok)
		id, ok := ids[string(left)+string(right)]
		require.True(t, ok, "merge %d makes no token", i)
		out = binary.AppendVarint(out, int64(id-at))
		out = binary.AppendUvarint(out, uint64(len(left)))
		at = id
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(out)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func unpackVocabulary(t testing.TB, packed []byte) fakeMetadata {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	var raw bytes.Buffer
	_, err = raw.ReadFrom(z)
	require.NoError(t, err)
	line, err := raw.ReadBytes('\n')
	require.NoError(t, err)
	var head packedScalars
	require.NoError(t, json.Unmarshal(line, &head))
	m := unpackArrays(t, &raw, head)
	for k, v := range head.Strings {
		m[k] = v
	}
	for k, v := range head.Bools {
		m[k] = v
	}
	for k, v := range head.Uints {
		m[k] = v
	}
	require.Zero(t, raw.Len())
	return m
}

func unpackArrays(t testing.TB, raw *bytes.Buffer, head packedScalars) fakeMetadata {
	t.Helper()
	m := fakeMetadata{}
	uvarint := func() int { v, err := binary.ReadUvarint(raw); require.NoError(t, err); return int(v) }
	varint := func() int { v, err := binary.ReadVarint(raw); require.NoError(t, err); return int(v) }
	tokens := make([]string, head.Tokens)
	for i := range tokens {
		tokens[i] = string(raw.Next(uvarint()))
	}
	m[keyTokens] = tokens
	if head.Types {
		var types []int32
		for len(types) < len(tokens) {
			n, v := uvarint(), int32(varint())
			for range n {
				types = append(types, v)
			}
		}
		m[keyTypes] = types
	}
	if head.Scores {
		scores := make([]float32, len(tokens))
		last := 0
		for i := range scores {
			last += varint()
			scores[i] = math.Float32frombits(uint32(int32(last)))
		}
		m[keyScores] = scores
	}
	if head.Merges >= 0 {
		merges := make([]string, head.Merges)
		at := 0
		for i := range merges {
			at += varint()
			left := uvarint()
			merges[i] = tokens[at][:left] + " " + tokens[at][left:]
		}
		m[keyMerges] = merges
	}
	return m
}

var packedCache sync.Map // name → func() (fakeMetadata, *Tokenizer)

// packed returns a vocabulary of testdata and its tokenizer, which tests share.
func packed(t testing.TB, name string) (fakeMetadata, *Tokenizer) {
	t.Helper()
	f, _ := packedCache.LoadOrStore(name, sync.OnceValues(func() (fakeMetadata, *Tokenizer) {
		b, err := os.ReadFile(filepath.Join("testdata", "vocab", name+".vocab.gz"))
		require.NoError(t, err)
		m := unpackVocabulary(t, b)
		tok, err := load(m)
		require.NoError(t, err)
		return m, tok
	}))
	return f.(func() (fakeMetadata, *Tokenizer))()
}
