package gguf

import (
	"cmp"
	"slices"
	"strings"
)

// Conventions of llama.cpp's quantizer, for files that shall equal its own byte
// for byte.

// SetKV returns kv with the key set to v. As llama.cpp does it, a key that is
// already there is removed and the new value comes last. kv itself is left alone.
func SetKV(kv []KV, key string, v Value) []KV {
	out := make([]KV, 0, len(kv)+1)
	for _, e := range kv {
		if e.Key != key {
			out = append(out, e)
		}
	}
	return append(out, KV{Key: key, Value: v})
}

// SortTensors puts tensors into the order in which llama.cpp's quantizer writes
// them: those outside of blocks first, then block by block, by name in each.
func SortTensors(tensors []TensorInfo) {
	slices.SortFunc(tensors, func(a, b TensorInfo) int {
		return cmp.Or(cmp.Compare(blockOf(a.Name), blockOf(b.Name)), strings.Compare(a.Name, b.Name))
	})
}

// blockOf returns N for names "blk.N." and -1 for all others.
func blockOf(name string) int {
	rest, ok := strings.CutPrefix(name, "blk.")
	if !ok {
		return -1
	}
	n := -1
	for i := 0; i < len(rest) && i < 9; i++ {
		switch c := rest[i]; {
		case c >= '0' && c <= '9':
			n = max(n, 0)*10 + int(c-'0')
		default:
			return n
		}
	}
	return n
}

// TrimDims returns dims without trailing ones, keeping at least one dimension,
// as llama.cpp writes them. It aliases dims.
func TrimDims(dims []uint64) []uint64 {
	n := len(dims)
	for n > 1 && dims[n-1] == 1 {
		n--
	}
	return dims[:n]
}
