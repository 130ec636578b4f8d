// Package tokenizer turns text into the token ids of a model and back, by the
// vocabulary that a GGUF file carries.
//
// Three families are read: "llama" (SentencePiece BPE by scores, here SPM), "gpt2"
// and "gemma4" (BPE by ranked merges, on mapped bytes and on UTF-8) and "bert"
// (WordPiece, here WPM). A text passes through three stages:
//
//  1. it is cut at special tokens (automaton.go, partition.go);
//  2. each fragment between them is cut into words that merges cannot cross
//     (scan.go and rules.go for byte-level BPE, white space for SPM and WPM);
//  3. each word becomes ids (merge.go, wpm.go), through a small cache.
//
// A [Tokenizer] does not change after [New] and serves any number of goroutines.
// A [Stream] and a [Stops] belong to one goroutine each.
//
// The ids equal those of llama.cpp for the same file, which the conformance tests
// check, except where a model's own tokenizer differs from it: o200k and tekken use
// the true case classes, the punctuation of deepseek-llm holds U+3000, WordPiece
// decomposes Hangul fully and drops only non-spacing marks. Two things are our own:
// a control token never comes out of plain text, and bytes that are no UTF-8 are
// kept as they are where the vocabulary has tokens for them.
package tokenizer
