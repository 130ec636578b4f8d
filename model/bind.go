package model

import "fmt"

// bind resolves the tensors of every layer and of the head.
func (m *Model) bind() error {
	c, ld := m.cfg, m.load
	var err error
	rows := c.VocabSize
	if t, ok := ld.f.Tensor("token_embd.weight"); ok && len(t.Dims) == 2 && t.Dims[1] > uint64(rows) && t.Dims[1] <= maxVocab {
		rows = int(t.Dims[1]) // padded vocabulary: the extra rows are never used
	}
	embd, err := ld.matrices("token_embd.weight", rows, c.EmbedDim, 1, false)
	if err != nil {
		return err
	}
	m.embed = embd[0].matrix
	if m.outNorm, err = ld.vector("output_norm.weight", c.EmbedDim, false); err != nil {
		return err
	}
	if m.head, err = ld.linear("output", rows, c.EmbedDim, true, true); err != nil {
		return err
	}
	if m.head == nil { // tied
		m.head, m.tied = embd[0], true
		if m.head.Bias, err = ld.vector("output.bias", rows, true); err != nil {
			return err
		}
	}
	m.layers = make([]layer, c.Layers)
	for i := range m.layers {
		b := &binder{ld: ld, c: c, i: i, l: &m.layers[i], prefix: fmt.Sprintf("blk.%d.", i)}
		b.attention()
		b.ffn()
		if b.err != nil {
			return b.err
		}
	}
	return nil
}

// binder resolves the tensors of one layer and keeps the first error.
type binder struct {
	ld     *loader
	c      *Config
	i      int
	l      *layer
	prefix string
	err    error
}

func (b *binder) vector(name string, n int) []float32 {
	if b.err != nil {
		return nil
	}
	x, err := b.ld.vector(b.prefix+name, n, false)
	b.err = err
	return x
}

func (b *binder) linear(name string, rows, cols int, optional, scaled bool) *Linear {
	if b.err != nil {
		return nil
	}
	x, err := b.ld.linear(b.prefix+name, rows, cols, optional, scaled)
	b.err = err
	return x
}

func (b *binder) experts(name string, rows, cols int) experts {
	if b.err != nil {
		return nil
	}
	x, err := b.ld.experts(b.prefix+name, rows, cols, b.c.Experts, false, b.c.Arch.FFNScale)
	b.err = err
	return x
}

func (b *binder) attention() {
	c, l := b.c, b.l
	kv := c.KVHeads[b.i]
	q, k, v := c.Heads*c.KeyDim, kv*c.KeyDim, kv*c.ValueDim
	if !c.Arch.NoPreNorm {
		l.attnNorm = b.vector("attn_norm.weight", c.EmbedDim)
	}
	if fused := b.linear("attn_qkv", q+k+v, c.EmbedDim, true, true); fused != nil {
		if fused.Bias == nil {
			fused.Bias = b.separateBiases(q, k, v)
		}
		l.qkv = []*Linear{fused}
	} else {
		l.qkv = []*Linear{
			b.linear("attn_q", q, c.EmbedDim, false, true),
			b.linear("attn_k", k, c.EmbedDim, false, true),
			b.linear("attn_v", v, c.EmbedDim, false, true),
		}
	}
	l.out = b.linear("attn_output", c.EmbedDim, c.Heads*c.ValueDim, false, true)
	switch c.Arch.QKNorm {
	case QKHead:
		l.qNorm, l.kNorm = b.vector("attn_q_norm.weight", c.KeyDim), b.vector("attn_k_norm.weight", c.KeyDim)
	case QKFull:
		l.qNorm, l.kNorm = b.vector("attn_q_norm.weight", q), b.vector("attn_k_norm.weight", k)
	}
	if c.Arch.PostNorm {
		l.attnPostNorm = b.vector("post_attention_norm.weight", c.EmbedDim)
	}
	if c.Arch.Sinks {
		l.sinks = b.vector("attn_sinks.weight", c.Heads)
	}
}

// separateBiases reads the biases of q, k and v that some files have beside a
// fused weight: all three or none.
func (b *binder) separateBiases(q, k, v int) []float32 {
	var all []float32
	for _, p := range []struct {
		name string
		n    int
	}{{"attn_q.bias", q}, {"attn_k.bias", k}, {"attn_v.bias", v}} {
		if b.err != nil {
			return nil
		}
		var x []float32
		if x, b.err = b.ld.vector(b.prefix+p.name, p.n, len(all) == 0); x == nil {
			return nil
		}
		all = append(all, x...)
	}
	return all
}

func (b *binder) ffn() {
	c, l := b.c, b.l
	if !c.Arch.NoPreNorm {
		name := "ffn_norm"
		if c.Arch.FFNNorm != "" {
			name = c.Arch.FFNNorm
		}
		l.ffnNorm = b.vector(name+".weight", c.EmbedDim)
	}
	if c.Arch.PostNorm {
		l.ffnPostNorm = b.vector("post_ffw_norm.weight", c.EmbedDim)
	}
	if c.Experts > 0 {
		b.moe()
		return
	}
	n, scaled := c.FFNDim[b.i], c.Arch.FFNScale
	if c.Arch.FFN == FFNSiLUFused {
		l.up = b.linear("ffn_up", 2*n, c.EmbedDim, false, scaled)
	} else {
		l.gate = b.linear("ffn_gate", n, c.EmbedDim, false, scaled)
		l.up = b.linear("ffn_up", n, c.EmbedDim, false, scaled)
	}
	l.down = b.linear("ffn_down", c.EmbedDim, n, false, scaled)
	for _, w := range []*Linear{l.gate, l.up, l.down} {
		if w != nil {
			w.BiasFirst = true
		}
	}
}

func (b *binder) moe() {
	c, l := b.c, b.l
	n := c.expertDim(b.i)
	l.router = b.linear("ffn_gate_inp", c.Experts, c.EmbedDim, false, false)
	l.expGate = b.experts("ffn_gate_exps", n, c.EmbedDim)
	l.expUp = b.experts("ffn_up_exps", n, c.EmbedDim)
	l.expDown = b.experts("ffn_down_exps", c.EmbedDim, n)
	if s := c.SharedExpertDim; s > 0 {
		l.sharedGate = b.linear("ffn_gate_shexp", s, c.EmbedDim, false, false)
		l.sharedUp = b.linear("ffn_up_shexp", s, c.EmbedDim, false, false)
		l.sharedDown = b.linear("ffn_down_shexp", c.EmbedDim, s, false, false)
	}
}

// expertDim is the hidden width of the experts of a layer.
func (c *Config) expertDim(layer int) int {
	if c.ExpertDim > 0 {
		return c.ExpertDim
	}
	if c.Arch.Name == "qwen3moe" && c.ExpertsUsed > 0 {
		return c.FFNDim[layer] / c.ExpertsUsed
	}
	return c.FFNDim[layer]
}
