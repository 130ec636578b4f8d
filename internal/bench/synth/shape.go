package synth

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Shape holds the sizes of a model of the llama architecture.
type Shape struct {
	Layers  int
	Embed   int // width of the residual stream
	FFN     int // width of the feed-forward layer
	Heads   int
	KVHeads int
	HeadDim int
	Vocab   int
	Context int  // trained context
	Tied    bool // the embedding is the output matrix, too
}

// Shapes are the shapes with a name.
var Shapes = map[string]Shape{
	"tiny": {Layers: 2, Embed: 256, FFN: 512, Heads: 4, KVHeads: 2, HeadDim: 64, Vocab: 512, Context: 4096, Tied: true},
	// As SmolLM2-135M.
	"135m": {Layers: 30, Embed: 576, FFN: 1536, Heads: 9, KVHeads: 3, HeadDim: 64, Vocab: 49152, Context: 8192, Tied: true},
	// As Llama 3.2 1B and 3B, and Llama 3.1 8B.
	"1b": {Layers: 16, Embed: 2048, FFN: 8192, Heads: 32, KVHeads: 8, HeadDim: 64, Vocab: 128256, Context: 131072, Tied: true},
	"3b": {Layers: 28, Embed: 3072, FFN: 8192, Heads: 24, KVHeads: 8, HeadDim: 128, Vocab: 128256, Context: 131072, Tied: true},
	"8b": {Layers: 32, Embed: 4096, FFN: 14336, Heads: 32, KVHeads: 8, HeadDim: 128, Vocab: 128256, Context: 131072},
}

// ShapeNames returns the names of Shapes from small to large.
func ShapeNames() []string {
	return slices.SortedFunc(maps.Keys(Shapes), func(a, b string) int {
		return int(Shapes[a].Parameters() - Shapes[b].Parameters())
	})
}

// ParseShape reads NAME[:key=value,…], as in "1b:layers=4,vocab=32000"; the keys
// replace sizes of the named shape.
func ParseShape(text string) (Shape, error) {
	name, rest, more := strings.Cut(text, ":")
	s, ok := Shapes[strings.ToLower(name)]
	if !ok {
		return s, fmt.Errorf("shape %q: use one of %s", name, strings.Join(ShapeNames(), ", "))
	}
	if more {
		for pair := range strings.SplitSeq(rest, ",") {
			key, value, _ := strings.Cut(pair, "=")
			if err := s.set(key, value); err != nil {
				return s, fmt.Errorf("shape %q: %w", text, err)
			}
		}
	}
	return s, s.validate()
}

// ints names the sizes that a shape has.
func (s *Shape) ints() map[string]*int {
	return map[string]*int{
		"layers": &s.Layers, "embed": &s.Embed, "ffn": &s.FFN, "heads": &s.Heads, "kv-heads": &s.KVHeads,
		"head-dim": &s.HeadDim, "vocab": &s.Vocab, "ctx": &s.Context,
	}
}

func (s *Shape) set(key, value string) (err error) {
	if key == "tied" {
		if s.Tied, err = strconv.ParseBool(value); err != nil {
			return fmt.Errorf("tied is %q: want true or false", value)
		}
		return nil
	}
	p, ok := s.ints()[key]
	if !ok {
		keys := append(slices.Sorted(maps.Keys(s.ints())), "tied")
		return fmt.Errorf("unknown key %q: use %s", key, strings.Join(keys, ", "))
	}
	if *p, err = strconv.Atoi(value); err != nil {
		return fmt.Errorf("%s is %q: want a number", key, value)
	}
	return nil
}

// validate checks what the writer and every reader rely on.
func (s *Shape) validate() error {
	const most = 1 << 20
	for _, key := range slices.Sorted(maps.Keys(s.ints())) {
		if v := *s.ints()[key]; v < 1 || v > most {
			return fmt.Errorf("%s is %d: must be 1 to %d", key, v, most)
		}
	}
	switch {
	case s.Heads%s.KVHeads != 0:
		return fmt.Errorf("%d heads are no multiple of %d kv-heads", s.Heads, s.KVHeads)
	case s.HeadDim%2 != 0:
		return fmt.Errorf("head-dim is %d: must be even", s.HeadDim)
	case s.Embed%32 != 0 || s.FFN%32 != 0 || s.Heads*s.HeadDim%32 != 0:
		return fmt.Errorf("embed %d, ffn %d and heads·head-dim %d must be multiples of 32", s.Embed, s.FFN, s.Heads*s.HeadDim)
	case s.Vocab < minVocab:
		return fmt.Errorf("vocab is %d: the byte vocabulary needs %d", s.Vocab, minVocab)
	}
	return nil
}

// Parameters returns the number of weights.
func (s Shape) Parameters() int64 {
	q, kv := int64(s.Heads*s.HeadDim), int64(s.KVHeads*s.HeadDim)
	e, f := int64(s.Embed), int64(s.FFN)
	n := int64(s.Layers)*(2*e*q+2*e*kv+3*e*f+2*e) + e + e*int64(s.Vocab)
	if !s.Tied {
		n += e * int64(s.Vocab)
	}
	return n
}
