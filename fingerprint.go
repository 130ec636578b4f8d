package kvasir

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"kvasir/internal/gguf"
)

// samplePieces and sampleBytes: how much of a tensor goes into a fingerprint.
const (
	samplePieces = 4
	sampleBytes  = 256
)

// fingerprint tells models apart whose sequences must not be mixed up: it
// covers the metadata but for the vocabulary, the directory of tensors, samples
// of their bytes, and the settings that change what is computed.
func fingerprint(f *gguf.File, o *resolved) [32]byte {
	h := sha256.New()
	fmt.Fprintf(h, "kvasir 1 precision=%s\n", o.Precision)
	for i := range f.KV {
		kv := &f.KV[i]
		if kv.Value.Type() != gguf.TypeArray && !strings.HasPrefix(kv.Key, "tokenizer.") {
			fmt.Fprintf(h, "%s=%s\n", kv.Key, kv.Value)
		}
	}
	for i := range f.Tensors {
		t := &f.Tensors[i]
		fmt.Fprintf(h, "%s %v %d %d\n", t.Name, t.Dims, t.Type, t.Size)
		data := f.Data(t)
		for p := range samplePieces {
			at := len(data) / samplePieces * p
			h.Write(binary.LittleEndian.AppendUint32(nil, uint32(at)))
			h.Write(data[at:min(at+sampleBytes, len(data))])
		}
	}
	return [32]byte(h.Sum(nil))
}
