package tinymodel

import "kvasir/internal/gguf"

// Variants are the models that reference results are kept for: every
// architecture, and each of the ways in which files of one may differ.
var Variants = map[string]Spec{
	"llama":           {Arch: "llama"},
	"llama-moe":       {Arch: "llama", MoE: true, Untied: true},
	"llama-linear":    {Arch: "llama", Rope: RopeLinear},
	"llama-oldlinear": {Arch: "llama", Rope: RopeOldKey},
	"llama-yarn":      {Arch: "llama", Rope: RopeYarn},
	"llama-llama3":    {Arch: "llama", Rope: RopeFreqs},
	"llama-longrope":  {Arch: "llama", Rope: RopeLong},
	"llama-biases":    {Arch: "llama", Biases: true, Untied: true},
	"llama-scales":    {Arch: "llama", Scales: true},
	"llama-moescales": {Arch: "llama", MoE: true, Scales: true},
	"llama-fused":     {Arch: "llama", Fused: true, Biases: true},
	"qwen2":           {Arch: "qwen2"},
	"qwen2-yarn":      {Arch: "qwen2", Rope: RopeYarn, Untied: true},
	"qwen2-text":      {Arch: "qwen2", Text: true},
	"qwen3":           {Arch: "qwen3"},
	"qwen3moe":        {Arch: "qwen3moe"},
	"qwen3moe-untied": {Arch: "qwen3moe", Untied: true, Seed: 1},
	"gemma2":          {Arch: "gemma2"},
	"gemma2-array":    {Arch: "gemma2", Pattern: []bool{false, true, true, false}},
	"gemma3":          {Arch: "gemma3"},
	"gemma3-linear":   {Arch: "gemma3", Rope: RopeLinear, Window: 40, Keys: []gguf.KV{f32("final_logit_softcapping", 5)}},
	"gemma3-global":   {Arch: "gemma3", Keys: []gguf.KV{{Key: "attention.sliding_window", Value: gguf.Scalar(uint32(0))}}},
	"phi3":            {Arch: "phi3"},
	"phi3-long":       {Arch: "phi3", Rope: RopeLong, Untied: true},
	"phi3-short":      {Arch: "phi3", Rope: RopeShort},
	"granite":         {Arch: "granite"},
	"granite-moe":     {Arch: "granite", MoE: true, Untied: true},
	"granite-norope":  {Arch: "granite", Keys: []gguf.KV{{Key: "rope.scaling.finetuned", Value: gguf.Scalar(false)}}},
	"olmo2":           {Arch: "olmo2"},
	"olmo2-window":    {Arch: "olmo2", Window: 8, Rope: RopeYarn},
	"smollm3":         {Arch: "smollm3"},
	"gpt-oss":         {Arch: "gpt-oss", Rope: RopeYarn},
}

// VariantNames returns the names of Variants in order.
func VariantNames() []string { return sortedKeys(Variants) }
