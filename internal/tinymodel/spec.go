package tinymodel

import (
	"kvasir/internal/gguf"
	"kvasir/quant"
)

// Spec describes a model. The zero value, with Arch set, is a dense model of f32
// weights over token ids, without a vocabulary.
type Spec struct {
	Arch string
	// MoE asks for 4 experts of which 2 are used.
	MoE bool
	// Seed changes all weights.
	Seed uint64

	// Type is the format of the matrices. Other formats than f32, f16 and bf16
	// hold random blocks. Norms, biases and routers are f32.
	Type quant.Type
	// Decoded writes f32 matrices with the values that matrices of Type hold.
	Decoded bool
	// Wide makes every row a multiple of 256 values, so that all formats fit.
	Wide bool

	Rope   Rope
	Window int // sliding window, where the architecture has one; 0 = 8
	// Pattern replaces the pattern of sliding layers, where the architecture has
	// one, by an explicit array: layer i slides iff Pattern[i].
	Pattern []bool
	Biases  bool // biases on all linears of a layer
	Scales  bool // `.scale` tensors beside the weights
	Fused   bool // queries, keys and values in one tensor
	Untied  bool // an output matrix of its own; some architectures always have one

	// Text adds a byte-level vocabulary, see [Tokens]; the output is biased
	// towards letters and spaces.
	Text bool
	// Template is the chat template that Text comes with: "" = ChatML, "-" = none.
	Template string
	AddBOS   bool // the vocabulary asks for a beginning-of-text token

	Context int // trained context; 0 = 128
	// Keys are set last: they replace entries of the same name. They are written
	// without the architecture's prefix.
	Keys []gguf.KV
}

// Rope is a way to scale rotations to longer contexts.
type Rope uint8

// Scalings of rotations. The context that a model is taken to come from is 32,
// so that short texts go beyond it.
const (
	RopePlain  Rope = iota
	RopeLinear      // positions divided by 4
	RopeOldKey      // the same by the key of old files
	RopeYarn        // factor 4
	RopeFreqs       // a divisor for each frequency (Llama 3)
	RopeLong        // two sets of divisors, of which the long one applies
	RopeShort       // two sets of divisors, of which the short one applies
)

// originalContext is the context before rotations were scaled.
const originalContext = 32

// dims are the sizes of a model.
type dims struct {
	embed, ffn, expert, shared int
	heads, kvHeads, head, rot  int
	layers, experts, used      int
	vocab, context             int
	window, pattern            int
}

func (s *Spec) dims(a *arch) dims {
	d := dims{
		embed: 64, ffn: 64, expert: 32, heads: 4, kvHeads: 2, head: 16,
		layers: 2, experts: 4, used: 2, vocab: 131, context: 128,
	}
	if s.Wide {
		d.embed, d.ffn, d.expert, d.head = 256, 256, 256, 64
	}
	if a.wideHeads {
		d.head *= 2
	}
	if a.layers > 0 {
		d.layers = a.layers
	}
	if s.Context > 0 {
		d.context = s.Context
	}
	if a.shared {
		d.shared = d.expert
	}
	if s.Text {
		d.vocab = len(Tokens())
	}
	d.rot = d.head
	if a.partialRope {
		d.rot = d.head * 3 / 4
	}
	d.window, d.pattern = 8, a.pattern
	if s.Window > 0 {
		d.window = s.Window
	}
	return d
}
