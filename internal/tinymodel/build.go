package tinymodel

import (
	"fmt"
	"maps"
	"slices"

	"kvasir/internal/gguf"
	"kvasir/quant"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// builder makes one model and keeps the first error.
type builder struct {
	Spec
	dims
	arch *arch
	m    *Model
	err  error
}

// New makes the model of s.
func New(s Spec) (*Model, error) {
	a, ok := archs[s.Arch]
	if !ok {
		return nil, fmt.Errorf("tinymodel: architecture %q: known are %v", s.Arch, Archs())
	}
	b := &builder{Spec: s, arch: a, dims: s.dims(a), m: &Model{prefix: s.Arch + "."}}
	b.MoE = s.MoE || a.moeOnly
	b.Untied = s.Untied || a.untied
	b.Fused = s.Fused || a.fusedQKV
	b.keys()
	b.matrix("token_embd", b.embed, b.vocab, 0.3)
	b.vector("output_norm.weight", b.embed, 1, 0.1)
	if b.Untied {
		b.matrix("output", b.embed, b.vocab, 0.3)
	}
	if b.Text {
		b.f32("output.bias", []int{b.vocab}, outputBias())
	}
	b.ropeFactors()
	for i := range b.layers {
		b.layer(fmt.Sprintf("blk.%d.", i))
	}
	return b.m, b.err
}

// layer adds the tensors of one decoder block.
func (b *builder) layer(p string) {
	q, kv := b.heads*b.head, b.kvHeads*b.head
	if !b.arch.noPreNorm {
		b.vector(p+"attn_norm.weight", b.embed, 1, 0.1)
	}
	bias := b.Biases || b.arch.biased
	if b.Fused {
		b.linear(p+"attn_qkv", b.embed, q+2*kv, 0.2, bias)
	} else {
		b.linear(p+"attn_q", b.embed, q, 0.2, bias)
		b.linear(p+"attn_k", b.embed, kv, 0.2, bias)
		b.linear(p+"attn_v", b.embed, kv, 0.1, bias)
	}
	b.linear(p+"attn_output", q, b.embed, 0.1, b.Biases || b.arch.allBiased)
	switch b.arch.qkNorm {
	case headNorm:
		b.vector(p+"attn_q_norm.weight", b.head, 1.5, 0.1)
		b.vector(p+"attn_k_norm.weight", b.head, 1.5, 0.1)
	case fullNorm:
		b.vector(p+"attn_q_norm.weight", q, 1.5, 0.1)
		b.vector(p+"attn_k_norm.weight", kv, 1.5, 0.1)
	}
	if b.arch.sinks {
		b.vector(p+"attn_sinks.weight", b.heads, 0, 1)
	}
	if b.arch.postNorm {
		b.vector(p+"post_attention_norm.weight", b.embed, 1, 0.1)
		b.vector(p+"post_ffw_norm.weight", b.embed, 1, 0.1)
	}
	switch {
	case b.arch.ffnNorm != "":
		b.vector(p+b.arch.ffnNorm+".weight", b.embed, 1, 0.1)
	case !b.arch.noPreNorm:
		b.vector(p+"ffn_norm.weight", b.embed, 1, 0.1)
	}
	if b.MoE {
		b.mixture(p)
		return
	}
	if b.arch.fusedUp {
		b.linear(p+"ffn_up", b.embed, 2*b.ffn, 0.1, b.Biases)
	} else {
		b.linear(p+"ffn_gate", b.embed, b.ffn, 0.1, b.Biases)
		b.linear(p+"ffn_up", b.embed, b.ffn, 0.1, b.Biases)
	}
	b.linear(p+"ffn_down", b.ffn, b.embed, 0.1, b.Biases)
}

// mixture adds router and experts. The router's weights are large, so that no
// two experts are nearly as good.
func (b *builder) mixture(p string) {
	r := newSource(b.Seed, b.Arch, p+"ffn_gate_inp.weight")
	b.f32(p+"ffn_gate_inp.weight", []int{b.embed, b.experts}, r.normals(b.embed*b.experts, 0, 0.5))
	if b.arch.allBiased {
		b.vector(p+"ffn_gate_inp.bias", b.experts, 0, 0.1)
	}
	b.stack(p+"ffn_gate", b.embed, b.expert)
	b.stack(p+"ffn_up", b.embed, b.expert)
	b.stack(p+"ffn_down", b.expert, b.embed)
	if n := b.shared; n > 0 {
		b.matrix(p+"ffn_gate_shexp", b.embed, n, 0.1)
		b.matrix(p+"ffn_up_shexp", b.embed, n, 0.1)
		b.matrix(p+"ffn_down_shexp", n, b.embed, 0.1)
	}
}

// stack adds the matrices of all experts.
func (b *builder) stack(name string, in, out int) {
	name += "_exps"
	b.tensor(name+".weight", []int{in, out, b.experts}, 0.15)
	if b.arch.allBiased {
		r := newSource(b.Seed, b.Arch, name+".bias")
		b.f32(name+".bias", []int{out, b.experts}, r.normals(out*b.experts, 0, 0.1))
	}
	if b.Scales {
		b.vector(name+".scale", b.experts, 1, 0.2)
	}
}

// linear adds a matrix with what belongs to it.
func (b *builder) linear(name string, in, out int, deviation float64, bias bool) {
	b.matrix(name, in, out, deviation)
	if bias {
		b.vector(name+".bias", out, 0, 0.2)
	}
	if b.Scales {
		b.vector(name+".scale", 1, 1, 0.2)
	}
}

func (b *builder) matrix(name string, in, out int, deviation float64) {
	b.tensor(name+".weight", []int{in, out}, deviation)
}

// tensor adds a tensor of the weights' format. Wide rows have smaller values,
// so that outputs keep their size.
func (b *builder) tensor(name string, dims []int, deviation float64) {
	if b.Wide {
		deviation /= 2
	}
	rows := 1
	for _, d := range dims[1:] {
		rows *= d
	}
	data, err := encode(newSource(b.Seed, b.Arch, name), b.Type, rows, dims[0], deviation)
	if err != nil {
		b.fail(fmt.Errorf("tensor %q: %w", name, err))
		return
	}
	if b.Decoded && b.Type != quant.F32 {
		x := make([]float32, rows*dims[0])
		quant.Formats[b.Type].Decode(x, data)
		b.f32(name, dims, x)
		return
	}
	b.m.Tensors = append(b.m.Tensors, &Tensor{Name: name, Dims: dims, Type: b.Type, Data: data})
}

func (b *builder) vector(name string, n int, mean, deviation float64) {
	b.f32(name, []int{n}, newSource(b.Seed, b.Arch, name).normals(n, mean, deviation))
}

func (b *builder) f32(name string, dims []int, x []float32) {
	b.m.Tensors = append(b.m.Tensors, &Tensor{Name: name, Dims: dims, Type: quant.F32, Data: floats(x)})
}

func (b *builder) fail(err error) {
	if b.err == nil {
		b.err = fmt.Errorf("tinymodel: %w", err)
	}
}

// ropeFactors adds the divisors of the rotations' frequencies.
func (b *builder) ropeFactors() {
	n := b.rot / 2
	short, long := make([]float32, n), make([]float32, n)
	for i := range n {
		short[i] = 1 + float32(i%4)/8
		long[i] = 1 + float32(7*i)/float32(n)
	}
	switch b.Rope {
	case RopeFreqs:
		b.f32("rope_freqs.weight", []int{n}, long)
	case RopeLong, RopeShort:
		b.f32("rope_factors_long.weight", []int{n}, long)
		b.f32("rope_factors_short.weight", []int{n}, short)
	}
}

// keys writes the metadata.
func (b *builder) keys() {
	set := b.m.Set
	set("general.architecture", gguf.Scalar(b.Arch))
	set("general.name", gguf.Scalar("tiny "+b.Arch))
	u32 := func(key string, v int) { set(key, gguf.Scalar(uint32(v))) }
	u32("vocab_size", b.vocab)
	u32("context_length", b.context)
	u32("embedding_length", b.embed)
	u32("block_count", b.layers)
	u32("feed_forward_length", b.ffn)
	u32("attention.head_count", b.heads)
	u32("attention.head_count_kv", b.kvHeads)
	u32("attention.key_length", b.head)
	u32("attention.value_length", b.head)
	set("attention.layer_norm_rms_epsilon", gguf.Scalar(float32(1e-5)))
	u32("rope.dimension_count", b.rot)
	if b.MoE {
		b.expertKeys(u32)
	}
	if b.arch.window || b.Window > 0 {
		u32("attention.sliding_window", b.window)
		if b.Pattern != nil {
			set("attention.sliding_window_pattern", gguf.Array(b.Pattern))
		} else if b.pattern > 0 {
			u32("attention.sliding_window_pattern", b.pattern)
		}
	}
	b.ropeKeys()
	for _, kv := range b.arch.keys {
		set(kv.Key, kv.Value)
	}
	b.vocabulary()
	for _, kv := range b.Keys {
		set(kv.Key, kv.Value)
	}
}

func (b *builder) expertKeys(u32 func(string, int)) {
	u32("expert_count", b.experts)
	u32("expert_used_count", b.used)
	u32("expert_feed_forward_length", b.expert)
	if b.Arch == "llama" || b.Arch == "granite" { // these have one length for both
		u32("feed_forward_length", b.expert)
	}
	if b.shared > 0 {
		u32("expert_shared_feed_forward_length", b.shared)
	}
}

func (b *builder) ropeKeys() {
	set := b.m.Set
	scaling := func(kind string) {
		set("rope.scaling.type", gguf.Scalar(kind))
		set("rope.scaling.original_context_length", gguf.Scalar(uint32(originalContext)))
	}
	switch b.Rope {
	case RopeLinear:
		scaling("linear")
		set("rope.scaling.factor", gguf.Scalar(float32(4)))
	case RopeOldKey:
		set("rope.scale_linear", gguf.Scalar(float32(4)))
	case RopeYarn:
		scaling("yarn")
		set("rope.scaling.factor", gguf.Scalar(float32(4)))
	case RopeLong:
		scaling("longrope")
		set("rope.scaling.attn_factor", gguf.Scalar(float32(1.19)))
	case RopeShort:
		scaling("longrope")
		set("rope.scaling.original_context_length", gguf.Scalar(uint32(1<<20)))
		set("rope.scaling.attn_factor", gguf.Scalar(float32(1.19)))
	}
}
