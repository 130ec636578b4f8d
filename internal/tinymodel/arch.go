package tinymodel

import (
	"kvasir/internal/gguf"
)

// arch says what the files of an architecture hold beside the common part.
type arch struct {
	layers      int  // 0 = 2
	wideHeads   bool // heads of twice the usual size, so that all together are wider than the embedding
	partialRope bool // three quarters of a head are rotated
	qkNorm      norm
	noPreNorm   bool
	postNorm    bool
	ffnNorm     string // "" = ffn_norm
	fusedQKV    bool
	fusedUp     bool // gate and up in one tensor
	biased      bool // biases on queries, keys and values
	allBiased   bool // and on everything else
	untied      bool // always an output matrix
	sinks       bool
	moeOnly     bool // no dense form
	shared      bool // a shared expert beside the others
	window      bool // the file names a sliding window
	pattern     int  // of sliding layers; 0 = not in the file
	keys        []gguf.KV
}

// norm is a kind of norm on queries and keys.
type norm uint8

const (
	noNorm   norm = iota
	headNorm      // one weight for each value of a head
	fullNorm      // one for each value of all heads
)

func f32(key string, v float32) gguf.KV { return gguf.KV{Key: key, Value: gguf.Scalar(v)} }

// archs are the architectures by name.
var archs = map[string]*arch{
	"llama":    {wideHeads: true},
	"qwen2":    {biased: true},
	"qwen3":    {wideHeads: true, qkNorm: headNorm},
	"qwen3moe": {wideHeads: true, qkNorm: headNorm, moeOnly: true},
	"gemma2": {
		layers: 4, wideHeads: true, postNorm: true, window: true,
		keys: []gguf.KV{f32("attn_logit_softcapping", 20), f32("final_logit_softcapping", 10)},
	},
	"gemma3": {
		layers: 4, wideHeads: true, qkNorm: headNorm, postNorm: true, window: true, pattern: 3,
		keys: []gguf.KV{f32("rope.freq_base", 1e6)},
	},
	"phi3": {partialRope: true, fusedQKV: true, fusedUp: true},
	"granite": {
		wideHeads: true, shared: true,
		keys: []gguf.KV{
			f32("embedding_scale", 6), f32("residual_scale", 0.4), f32("attention.scale", 0.1), f32("logit_scale", 2),
		},
	},
	"olmo2":   {layers: 4, qkNorm: fullNorm, noPreNorm: true, postNorm: true, untied: true},
	"smollm3": {layers: 4, wideHeads: true},
	"gpt-oss": {
		layers: 4, ffnNorm: "post_attention_norm", biased: true, allBiased: true,
		untied: true, sinks: true, moeOnly: true, window: true,
	},
}

// Archs returns the names of the architectures.
func Archs() []string { return sortedKeys(archs) }
