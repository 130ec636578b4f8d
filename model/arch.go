package model

// Arch is one row of the architecture table: what differs from the plain
// pre-norm decoder with gated SiLU and causal attention of scale 1/√headDim.
type Arch struct {
	Name string
	// Rope is the pairing of rotated values.
	Rope Rope
	// RopeFactors: the file's rope_freqs or rope_factors_* tensors apply.
	RopeFactors bool
	// RopeFinetuned: no rotation when rope.scaling.finetuned is false.
	RopeFinetuned bool
	// NoRopeStep n > 0: layers with (i+1) % n == 0 are not rotated.
	NoRopeStep int

	// QKNorm is the RMS norm on queries and keys before the rotation.
	QKNorm QKNorm
	// NoPreNorm: attention and FFN read the residual stream itself.
	NoPreNorm bool
	// PostNorm: the outputs of attention and FFN are normed before they are added.
	PostNorm bool
	// FFNNorm is the tensor that norms the input of the FFN ("ffn_norm" when empty).
	FFNNorm string

	FFN      FFN
	FFNScale bool // `.scale` tensors beside FFN weights apply
	MoE      MoE

	Window   Window
	Sinks    bool // attn_sinks tensors
	AttnCap  bool // attn_logit_softcapping applies
	FinalCap bool // final_logit_softcapping applies
	// EmbedSqrt: embeddings are multiplied by √embedding length.
	EmbedSqrt bool
	// Scales: embedding_scale, residual_scale, logit_scale and
	// attention.scale of the file apply (Granite).
	Scales bool
	// WideLayers is the layer count at which queries are scaled by
	// 1/√(embedding/heads) instead of 1/√headDim (Gemma 27B); 0 = never.
	WideLayers int
}

// Rope is how values of a head are paired for rotation.
type Rope uint8

// Rotation pairings: (2i, 2i+1) and (i, i+n/2).
const (
	RopeNorm Rope = iota
	RopeNeox
)

// QKNorm is the RMS norm on queries and keys.
type QKNorm uint8

// Norms of queries and keys: none, of each head, of the whole vector.
const (
	QKNone QKNorm = iota
	QKHead
	QKFull
)

// FFN is the activation of the feed-forward network.
type FFN uint8

// Gated activations: silu(g)·u, the same with gate and up in one tensor,
// gelu(g)·u, and gpt-oss's clamped form.
const (
	FFNSiLU FFN = iota
	FFNSiLUFused
	FFNGELU
	FFNOAI
)

// MoE says how expert probabilities become weights.
type MoE struct {
	Gate MoEGate
	Norm bool // divide the chosen weights by their sum
}

// MoEGate is the function over the router's outputs.
type MoEGate uint8

// Router functions: softmax over all experts, or over the chosen ones.
const (
	GateSoftmax MoEGate = iota
	GateSoftmaxChosen
)

// Window describes the sliding-window layers of an architecture.
type Window struct {
	Default int  // window when the file names none; 0 = no windows then
	Pattern int  // layer i slides iff i % n < n-1, unless the file has an array; 0 = never
	Local   bool // windowed layers use a frequency base of their own, 10000 by default, and no position scaling
	Plain   bool // windowed layers use the main base without position scaling
}

// Archs are the architectures that can be run, by general.architecture.
var Archs = map[string]*Arch{
	"llama":    {Name: "llama", RopeFactors: true, FFNScale: true, MoE: MoE{Norm: true}},
	"qwen2":    {Name: "qwen2", Rope: RopeNeox},
	"qwen3":    {Name: "qwen3", Rope: RopeNeox, QKNorm: QKHead, FFNScale: true},
	"qwen3moe": {Name: "qwen3moe", Rope: RopeNeox, QKNorm: QKHead, FFNScale: true, MoE: MoE{Norm: true}},
	"gemma2": {
		Name: "gemma2", Rope: RopeNeox, PostNorm: true, FFN: FFNGELU, EmbedSqrt: true,
		Window: Window{Default: 4096, Pattern: 2}, AttnCap: true, FinalCap: true, WideLayers: 46,
	},
	"gemma3": {
		Name: "gemma3", Rope: RopeNeox, QKNorm: QKHead, PostNorm: true, FFN: FFNGELU, EmbedSqrt: true,
		Window: Window{Pattern: 6, Local: true}, FinalCap: true, WideLayers: 62,
	},
	"phi3":    {Name: "phi3", Rope: RopeNeox, RopeFactors: true, FFN: FFNSiLUFused},
	"granite": {Name: "granite", RopeFactors: true, RopeFinetuned: true, MoE: MoE{Norm: true}, Scales: true},
	"olmo2": {
		Name: "olmo2", Rope: RopeNeox, QKNorm: QKFull, NoPreNorm: true, PostNorm: true,
		Window: Window{Pattern: 4, Plain: true},
	},
	"smollm3": {Name: "smollm3", NoRopeStep: 4},
	"gpt-oss": {
		Name: "gpt-oss", Rope: RopeNeox, FFNNorm: "post_attention_norm", FFN: FFNOAI,
		MoE: MoE{Gate: GateSoftmaxChosen}, Window: Window{Pattern: 2}, Sinks: true,
	},
}
