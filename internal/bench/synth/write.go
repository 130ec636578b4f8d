package synth

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"sync"

	"kvasir/internal/gguf"
	"kvasir/quant"
)

// Spec describes a file.
type Spec struct {
	Shape Shape
	Type  string // a name in [Mixtures]
	Seed  uint64
	Name  string // general.name; "" = made from Type
}

// Info is what a file will hold.
type Info struct {
	Tensors     int
	Parameters  int64
	TensorBytes int64
}

// WriteFile writes the file of spec. It needs a few MiB of memory whatever the size,
// and uses all processors. An existing file is replaced when the new one is complete.
func WriteFile(path string, spec Spec) (Info, error) {
	p, err := newPlan(spec)
	if err != nil {
		return Info{}, err
	}
	return p.info, gguf.WriteFile(path, p.kv, p.tensors, p.write)
}

// Plan returns what WriteFile would write.
func Plan(spec Spec) (Info, error) {
	p, err := newPlan(spec)
	if err != nil {
		return Info{}, err
	}
	return p.info, nil
}

// plan is a file before its data are made.
type plan struct {
	spec    Spec
	mix     Mixture
	kv      []gguf.KV
	tensors []gguf.TensorInfo
	info    Info
}

func newPlan(spec Spec) (*plan, error) {
	mix, err := LookupMixture(spec.Type)
	if err != nil {
		return nil, err
	}
	if err := spec.Shape.validate(); err != nil {
		return nil, err
	}
	spec.Type = strings.ToUpper(spec.Type)
	if spec.Name == "" {
		spec.Name = "random llama " + spec.Type
	}
	p := &plan{spec: spec, mix: mix}
	p.metadata()
	return p, p.layout()
}

func (p *plan) metadata() {
	s := &p.spec.Shape
	general := func(name string, v gguf.Value) { p.kv = append(p.kv, gguf.KV{Key: "general." + name, Value: v}) }
	llama := func(name string, n int) {
		p.kv = append(p.kv, gguf.KV{Key: "llama." + name, Value: gguf.Scalar(uint32(n))})
	}
	general("architecture", gguf.Scalar("llama"))
	general("name", gguf.Scalar(p.spec.Name))
	general("file_type", gguf.Scalar(p.mix.fileType))
	general("quantization_version", gguf.Scalar(uint32(2)))
	llama("block_count", s.Layers)
	llama("context_length", s.Context)
	llama("embedding_length", s.Embed)
	llama("feed_forward_length", s.FFN)
	llama("attention.head_count", s.Heads)
	llama("attention.head_count_kv", s.KVHeads)
	llama("attention.key_length", s.HeadDim)
	llama("attention.value_length", s.HeadDim)
	llama("rope.dimension_count", s.HeadDim)
	llama("vocab_size", s.Vocab)
	p.kv = append(p.kv,
		gguf.KV{Key: "llama.attention.layer_norm_rms_epsilon", Value: gguf.Scalar(float32(1e-5))},
		gguf.KV{Key: "llama.rope.freq_base", Value: gguf.Scalar(float32(500000))})
	p.kv = append(p.kv, vocabulary(s.Vocab)...)
}

// layout lists the tensors in the order in which a pass reads them.
func (p *plan) layout() error {
	s := &p.spec.Shape
	embed := p.mix.output(s.Embed)
	if !s.Tied {
		p.add("output.weight", embed, s.Embed, s.Vocab)
		embed = p.mix.embedding(s.Embed)
	}
	p.add("token_embd.weight", embed, s.Embed, s.Vocab)
	p.add("output_norm.weight", quant.F32, s.Embed)
	q, kv := s.Heads*s.HeadDim, s.KVHeads*s.HeadDim
	for layer := range s.Layers {
		matrix := func(kind string, cols, rows int) {
			t := p.mix.matrix(place{kind: kind, layer: layer, layers: s.Layers, gqa: s.Heads / s.KVHeads}, cols)
			p.add(fmt.Sprintf("blk.%d.%s.weight", layer, kind), t, cols, rows)
		}
		p.add(fmt.Sprintf("blk.%d.attn_norm.weight", layer), quant.F32, s.Embed)
		matrix("attn_q", s.Embed, q)
		matrix("attn_k", s.Embed, kv)
		matrix("attn_v", s.Embed, kv)
		matrix("attn_output", q, s.Embed)
		p.add(fmt.Sprintf("blk.%d.ffn_norm.weight", layer), quant.F32, s.Embed)
		matrix("ffn_gate", s.Embed, s.FFN)
		matrix("ffn_up", s.Embed, s.FFN)
		matrix("ffn_down", s.FFN, s.Embed)
	}
	for i := range p.tensors {
		n, err := size(&p.tensors[i])
		if err != nil {
			return err
		}
		p.info.TensorBytes += n
		p.info.Parameters += int64(p.tensors[i].Elements())
	}
	p.info.Tensors = len(p.tensors)
	return nil
}

func (p *plan) add(name string, t quant.Type, dims ...int) {
	info := gguf.TensorInfo{Name: name, Type: uint32(t)}
	for _, d := range dims {
		info.Dims = append(info.Dims, uint64(d))
	}
	p.tensors = append(p.tensors, info)
}

// size returns the bytes of a tensor.
func size(t *gguf.TensorInfo) (int64, error) {
	row, err := quant.RowBytes(quant.Type(t.Type), int(t.Dims[0]))
	if err != nil {
		return 0, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return int64(row) * int64(t.Elements()/t.Dims[0]), nil
}

// partBytes is about what is made at a time.
const partBytes = 1 << 20

// write makes the data of one tensor: parts of whole blocks, several at a time,
// each from a random stream of its own.
func (p *plan) write(w io.Writer, t *gguf.TensorInfo) error {
	total, err := size(t)
	if err != nil {
		return err
	}
	if len(t.Dims) == 1 {
		return p.writeNorm(w, t)
	}
	f, err := newFiller(quant.Type(t.Type), 1/math.Sqrt(float64(t.Dims[0])))
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	block := int64(f.format.BlockBytes)
	each := partBytes / block * block
	bufs := make([][]byte, min(int64(runtime.GOMAXPROCS(0)), (total+each-1)/each))
	for i := range bufs {
		bufs[i] = make([]byte, min(each, total))
	}
	for part, left := 0, total; left > 0; {
		var wg sync.WaitGroup
		used := bufs[:0:0]
		for _, buf := range bufs {
			n := min(each, left)
			if n == 0 {
				break
			}
			left -= n
			src, b := newSource(p.spec.Seed, t.Name, part), buf[:n]
			part++
			used = append(used, b)
			wg.Go(func() { f.fill(src, b) })
		}
		wg.Wait()
		for _, b := range used {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeNorm writes the weights of a norm, which lie around 1.
func (p *plan) writeNorm(w io.Writer, t *gguf.TensorInfo) error {
	s := newSource(p.spec.Seed, t.Name, 0)
	b := make([]byte, 0, 4*t.Dims[0])
	for range t.Dims[0] {
		v := 0.75 + float32(s.next()>>40)/(1<<25)
		b = append(b, float32Bytes(v)...)
	}
	_, err := w.Write(b)
	return err
}

func float32Bytes(v float32) []byte {
	u := math.Float32bits(v)
	return []byte{byte(u), byte(u >> 8), byte(u >> 16), byte(u >> 24)}
}
