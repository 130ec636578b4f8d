package synth

import (
	"fmt"

	"kvasir/internal/gguf"
)

// Types of tokens in a file.
const (
	tokenNormal  = 1
	tokenControl = 3
	tokenUnused  = 5
)

// minVocab is what the bytes, one merged token and the control tokens take.
const minVocab = 256 + 1 + 2

// byteRunes maps bytes to the characters that stand for them in byte-level
// vocabularies (Radford et al., Language models are unsupervised multitask
// learners, 2019): printable ones for themselves, the others from U+0100 on.
func byteRunes() (runes [256]rune) {
	next := rune(0x100)
	for b := range runes {
		if b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE {
			runes[b] = rune(b)
			continue
		}
		runes[b] = next
		next++
	}
	return runes
}

// vocabulary returns the tokenizer's metadata: every byte is a token, as is "th"
// (readers want at least one merge), the last two begin and end a text, and all
// between them are never produced by text.
func vocabulary(n int) []gguf.KV {
	tokens, types := make([]string, n), make([]int32, n)
	for i := range tokens {
		tokens[i], types[i] = fmt.Sprintf("<|unused_%d|>", i), tokenUnused
	}
	for b, r := range byteRunes() {
		tokens[b], types[b] = string(r), tokenNormal
	}
	tokens[256], types[256] = "th", tokenNormal
	tokens[n-2], types[n-2] = "<|begin_of_text|>", tokenControl
	tokens[n-1], types[n-1] = "<|end_of_text|>", tokenControl
	key := func(name string, v gguf.Value) gguf.KV { return gguf.KV{Key: "tokenizer.ggml." + name, Value: v} }
	return []gguf.KV{
		key("model", gguf.Scalar("gpt2")),
		key("pre", gguf.Scalar("llama-bpe")),
		key("tokens", gguf.Array(tokens)),
		key("token_type", gguf.Array(types)),
		key("merges", gguf.Array([]string{"t h"})),
		key("bos_token_id", gguf.Scalar(uint32(n-2))),
		key("eos_token_id", gguf.Scalar(uint32(n-1))),
		key("add_bos_token", gguf.Scalar(true)),
	}
}
