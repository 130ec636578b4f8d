package model

import (
	"errors"
	"fmt"
	"math"

	"kvasir/internal/gguf"
)

// keys reads metadata of one architecture and keeps the first error.
type keys struct {
	f      *gguf.File
	prefix string
	err    error
}

func (k *keys) fail(err error) {
	if k.err == nil {
		k.err = err
	}
}

// num reads a required integer in [lo, hi].
func (k *keys) num(key string, lo, hi int) int {
	v, err := k.f.Uint(k.prefix + key)
	if err != nil {
		k.fail(err)
		return 0
	}
	if v < uint64(lo) || v > uint64(hi) {
		k.fail(fmt.Errorf("%s%s is %d: must be %d to %d", k.prefix, key, v, lo, hi))
		return 0
	}
	return int(v)
}

// numOr reads an optional integer in [0, hi].
func (k *keys) numOr(key string, def, hi int) int {
	if _, ok := k.f.Get(k.prefix + key); !ok {
		return def
	}
	return k.num(key, 0, hi)
}

func (k *keys) floatOr(key string, def float64) float64 {
	v, err := k.f.Float32(k.prefix + key)
	switch {
	case errors.Is(err, gguf.ErrMissing):
		return def
	case err != nil:
		k.fail(err)
		return def
	case math.IsNaN(float64(v)) || math.IsInf(float64(v), 0):
		k.fail(fmt.Errorf("%s%s is not a finite number", k.prefix, key))
		return def
	}
	return float64(v)
}

func (k *keys) boolOr(key string, def bool) bool {
	v, err := k.f.Bool(k.prefix + key)
	if errors.Is(err, gguf.ErrMissing) {
		return def
	}
	if err != nil {
		k.fail(err)
	}
	return v
}

func (k *keys) stringOr(key, def string) string {
	v, err := k.f.String(k.prefix + key)
	if errors.Is(err, gguf.ErrMissing) {
		return def
	}
	if err != nil {
		k.fail(err)
	}
	return v
}

// perLayer reads an integer or an array of one integer a layer.
func (k *keys) perLayer(key string, def, layers, hi int) []int {
	out := make([]int, layers)
	if kv, ok := k.f.Get(k.prefix + key); ok && kv.Type() == gguf.TypeArray {
		vs, err := k.f.Int32s(k.prefix + key)
		if err != nil {
			k.fail(err)
			return out
		}
		if len(vs) < layers {
			k.fail(fmt.Errorf("%s%s has %d values for %d layers", k.prefix, key, len(vs), layers))
			return out
		}
		for i := range out {
			if vs[i] < 0 || int(vs[i]) > hi {
				k.fail(fmt.Errorf("%s%s[%d] is %d: must be 0 to %d", k.prefix, key, i, vs[i], hi))
				return out
			}
			out[i] = int(vs[i])
		}
		return out
	}
	v := k.numOr(key, def, hi)
	for i := range out {
		out[i] = v
	}
	return out
}

// bools reads an optional array of one boolean (or integer) a layer; ok is false when the
// key is missing or no array.
func (k *keys) bools(key string, layers int) (v []bool, ok bool) {
	kv, found := k.f.Get(k.prefix + key)
	if !found || kv.Type() != gguf.TypeArray {
		return nil, false
	}
	var err error
	if kv.Elem() == gguf.TypeBool {
		v, err = k.f.Bools(k.prefix + key)
	} else {
		var nums []int32
		nums, err = k.f.Int32s(k.prefix + key)
		for _, n := range nums {
			v = append(v, n != 0)
		}
	}
	if err != nil {
		k.fail(err)
		return make([]bool, layers), true
	}
	if len(v) < layers {
		k.fail(fmt.Errorf("%s%s has %d values for %d layers", k.prefix, key, len(v), layers))
		return make([]bool, layers), true
	}
	return v, true
}

// vocab is the number of tokens: the tokenizer's list, else vocab_size, else
// the rows of the embedding matrix.
func (k *keys) vocab(hi int) int {
	if t, err := k.f.Strings("tokenizer.ggml.tokens"); err == nil && t.Len() > 0 {
		return t.Len()
	}
	if _, ok := k.f.Get(k.prefix + "vocab_size"); ok {
		return k.num("vocab_size", 1, hi)
	}
	if t, ok := k.f.Tensor("token_embd.weight"); ok && len(t.Dims) == 2 && t.Dims[1] <= uint64(hi) {
		return int(t.Dims[1])
	}
	k.fail(errors.New("no vocabulary: neither tokens nor a size"))
	return 0
}
